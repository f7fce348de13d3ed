"""A data set from any map-style data set of PyTorch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .._progress import progress_bar
from .arrays import pixels_of
from .factors import table
from .image_dataset import ImageDataset
from .pictures import grey_or_colour
from .pixels import ArrayPixels, Pixels


def from_torch(
    dataset: Dataset[Any],
    *,
    factor_names: Sequence[str] | None = None,
    continuous: Collection[str] | None = None,
    progress: bool = False,
) -> ImageDataset:
    """Read a ``torch.utils.data.Dataset`` once, in order, into memory as uint8.

    What does not fit into memory can be trained on through a DataLoader, which `fit` takes as it is, or be
    written to an HDF5 file for `load`.

    Args:
        dataset: has ``len()`` and gives images, or tuples that begin with one. An image is a tensor
            (channels, height, width) or (height, width), a NumPy array (height, width, channels) or (height,
            width), or a Pillow image; uint8, or floats in [0, 1], which are rounded to multiples of 1/255
            (``torchvision.transforms.ToTensor`` gives just those). A random transform is applied once.
            The rest of a tuple are labels, a number, a text or several of them: see `arrays`.
        factor_names: of the labels.
        continuous: all factors whose numbers are not classes, as in `arrays`.
        progress: show a progress bar on standard error.

    Raises:
        TypeError: dataset has no length, or what it gives is no image.
        ValueError: it is empty, its images differ in shape, or a float is NaN or outside [0, 1].

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> images, labels = torch.rand(10, 3, 8, 8), torch.arange(10) % 2
        >>> data = from_torch(TensorDataset(images, labels), factor_names=["shape"])
        >>> data.images([3]).shape, data.factor_sizes
        (torch.Size([1, 3, 8, 8]), (2,))
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"from_torch: dataset must have a length and items by index, got {type(dataset).__name__}"
        )
    count = len(dataset)
    if count == 0:
        raise ValueError("from_torch: dataset must have at least 1 image, got 0")
    images: NDArray[np.uint8] | None = None
    floats = False
    labels: list[list[Any]] = []
    with progress_bar("reading", count, "images", shown=progress) as update:
        for index in range(count):
            item = dataset[index]
            image, *rest = item if isinstance(item, tuple | list) else (item,)
            planes = _planes(image, index)
            pixels = np.rint(planes * 255).astype(np.uint8) if planes.dtype.kind == "f" else planes
            if images is None:
                images = np.empty((count, *pixels.shape), np.uint8)
            floats = floats or pixels is not planes
            if pixels.shape != images.shape[1:]:
                raise ValueError(
                    f"from_torch: images must have one shape (channels, height, width), {images.shape[1:]}, "
                    f"got {pixels.shape} for image {index}"
                )
            images[index] = pixels
            labels.append(_flat(rest))
            update(index + 1, "")
    if len({len(of_image) for of_image in labels}) > 1:
        raise ValueError("from_torch: dataset must give every image the same number of labels")
    columns = [np.array(column) for column in zip(*labels, strict=True)]
    names = factor_names or [f"factor{k}" for k in range(len(columns))]
    if len(names) != len(columns):
        raise ValueError(f"from_torch: factor_names must have {len(columns)} names, got {len(names)}")
    factors = dict(zip(names, columns, strict=True))
    assert images is not None
    # of floats, 1 is the darkest of 255 greys; of uint8 that are all 0 or 1, it is white
    kept: Pixels = ArrayPixels(images, False) if floats else pixels_of("from_torch: images", images, False)
    source = f"{type(dataset).__name__}, a data set of PyTorch"
    return ImageDataset(kept, table("from_torch", factors, count, None, continuous), source)


def _planes(image: Any, index: int) -> NDArray[Any]:
    """(channels, height, width) uint8 or floats."""
    if hasattr(image, "getbands"):  # a Pillow image
        image = np.asarray(grey_or_colour(image))
    channels_last = not isinstance(image, Tensor)
    array = image.numpy(force=True) if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim not in (2, 3) or not (array.dtype == np.uint8 or array.dtype.kind == "f"):
        raise TypeError(
            f"from_torch: images must be uint8 or floats of 2 or 3 axes, got {type(image).__name__} of "
            f"{array.dtype} and shape {array.shape} for image {index}"
        )
    if array.dtype.kind == "f" and not (array.min(initial=0) >= 0 and array.max(initial=0) <= 1):
        raise ValueError(
            f"from_torch: images must be floats in [0, 1], got {array.min():g} to {array.max():g} in "
            f"image {index}"
        )
    if array.ndim == 2:
        return array[None]
    return array.transpose(2, 0, 1) if channels_last else array


def _flat(labels: Any) -> list[Any]:
    """Numbers and texts, whatever they are wrapped in."""
    if isinstance(labels, Tensor):
        labels = labels.tolist()
    if isinstance(labels, Mapping):
        labels = list(labels.values())
    if isinstance(labels, tuple | list | np.ndarray):
        return [value for label in labels for value in _flat(label)]
    return [labels]
