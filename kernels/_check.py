"""What every operation asks of its arguments, in one wording: function, argument, rule, what came."""

from torch import Tensor


def matrices(function: str, **tensors: Tensor) -> None:
    """Require floating (batch, latent) tensors of one shape and one device; the first sets the example.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: an argument is not two-dimensional, is empty, or has another shape than the first.
        RuntimeError: the tensors lie on different devices.
    """
    first = next(iter(tensors))
    example = tensors[first]
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{function}: {name} must be a torch.Tensor, got {type(tensor).__name__}")
        if not tensor.is_floating_point():
            raise TypeError(f"{function}: {name} must have a floating-point dtype, got {tensor.dtype}")
        if tensor.dim() != 2 or tensor.shape[0] == 0 or tensor.shape[1] == 0:
            raise ValueError(
                f"{function}: {name} must have shape (batch, latent), both at least 1, "
                f"got {tuple(tensor.shape)}"
            )
        if tensor.shape != example.shape:
            raise ValueError(
                f"{function}: {name} must have shape {tuple(example.shape)} like {first}, "
                f"got {tuple(tensor.shape)}"
            )
        if tensor.device != example.device:
            raise RuntimeError(
                f"{function}: {name} must be on {example.device} like {first}, got {tensor.device}"
            )


def choice(function: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Require one of a few words."""
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ValueError(f"{function}: {name} must be one of {words}, got {value!r}")
