"""What objectives require of the tensors they are called with; the errors name the objective."""

from torch import Tensor

from .. import _checks


def check_codes(function: str, images: Tensor, **codes: Tensor) -> None:
    """Require floating (batch, latent) tensors of one shape, with a row for each image.

    Raises:
        TypeError: one is not a floating-point tensor.
        ValueError: one is not (batch, latent), or has another shape than the first or another batch size than
            the images.
        RuntimeError: they lie on different devices.
    """
    _checks.matrices(function, **codes)
    name, first = next(iter(codes.items()))
    if first.shape[0] != images.shape[0]:
        raise ValueError(
            f"{function}: {name} must have shape ({images.shape[0]}, latent) like the batch, "
            f"got {tuple(first.shape)}"
        )


def check_minibatch(function: str, mean: Tensor, dataset_size: int) -> None:
    """Require as many samples as the estimators of the aggregated posterior need, and no more than there are.

    Raises:
        ValueError: there are fewer than two samples, or more than dataset_size.
    """
    samples = mean.shape[0]
    if samples < 2:
        raise ValueError(f"{function}: mean must hold at least 2 samples, got {samples}")
    if dataset_size < samples:
        raise ValueError(
            f"{function}: dataset_size must be the number of training images, at least the batch's "
            f"{samples}, got {dataset_size}"
        )
