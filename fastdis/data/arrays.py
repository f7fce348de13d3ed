"""A data set from one's own arrays."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks
from .factors import Columns, table
from .image_dataset import ImageDataset
from .pixels import ArrayPixels, Pixels, blocks, check_range, is_binary, packed_pixels

LAYOUTS = ("nhw", "nhwc", "nchw")
_CHANNELS = 4  # an axis of at most so many may be that of the channels


def arrays(
    images: NDArray[Any] | Tensor,
    factors: Columns | None = None,
    *,
    factor_names: Sequence[str] | None = None,
    continuous: Collection[str] | None = None,
    layout: str | None = None,
    source: str = "arrays",
) -> ImageDataset:
    """Make a data set of images in an array, in any order, with their factors where they are known.

    The array is kept as it is, not copied: uint8 stays uint8, a memory map stays on the disk, and a batch
    becomes float32 in [0, 1] on the way out. Images of nothing but 0 and 1 (uint8 or bool) are packed, eight
    pixels to a byte, and give 0 and 1. Floats are looked through once.

    Args:
        images: uint8 or bool, or floats in [0, 1]; (n, height, width), (n, height, width, channels) or
            (n, channels, height, width). A NumPy array, a memory map or a tensor.
        factors: labels: a mapping from each factor's name to its (n,) column, or a matrix (n, factors).
            Integers, text, bool and floats without a fraction are classes: they are numbered from 0 in the
            order of their values, which ``factor_values`` keeps. Floats are a continuous factor if one of
            them has a fraction. NaN, and empty text, is a missing label.
        factor_names: of the columns of a matrix; "factor0", "factor1", ... by default.
        continuous: all factors whose numbers are not classes, where that rule is wrong.
        layout: "nhw", "nhwc" or "nchw". Needed where it is ambiguous: of four axes the one of at most 4
            entries, second or last, is that of the channels, unless both or neither are so short.
        source: one line that says where the images come from.

    Raises:
        TypeError: images or labels of another dtype, masked or not an array.
        ValueError: a layout that is ambiguous or does not fit, no image, floats outside [0, 1] or NaN,
            another number of labels than images, or names that do not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> images = rng.integers(256, size=(100, 32, 32, 3), dtype=np.uint8)
        >>> labels = {"object": rng.integers(4, size=100), "angle": rng.random(100)}
        >>> data = arrays(images, labels)
        >>> data.images([0, 99]).shape, data.factor_sizes
        (torch.Size([2, 3, 32, 32]), (4, None))
    """
    return build("arrays", "images", images, factors, factor_names, continuous, layout, source)


def build(
    function: str,
    name: str,
    images: Any,
    factors: Columns | None,
    factor_names: Sequence[str] | None,
    continuous: Collection[str] | None,
    layout: str | None,
    source: str,
) -> ImageDataset:
    """As `arrays`, for whatever gives an array for a slice or for rows; messages begin with function."""
    array, channels_last = four_axes(function, name, images, layout)
    labels = table(function, factors, len(array), factor_names, continuous)
    return ImageDataset(pixels_of(f"{function}: {name}", array, channels_last), labels, source)


def four_axes(function: str, name: str, images: Any, layout: str | None) -> tuple[Any, bool]:
    """Give the array an axis for its channels; with it, whether that is the last.

    Raises:
        TypeError: another dtype, a masked array or no array.
        ValueError: no image, or an ambiguous layout or one that does not fit.
    """
    if isinstance(images, np.ma.MaskedArray):
        raise TypeError(f"{function}: {name} must not be a masked array")
    if not hasattr(images, "dtype") or not hasattr(images, "shape"):
        raise TypeError(f"{function}: {name} must be an array or a tensor, got {type(images).__name__}")
    dtype = getattr(images.dtype, "name", str(images.dtype)).removeprefix("torch.")  # in any byte order
    if dtype not in ("uint8", "bool", "float16", "float32", "float64"):
        hint = "; pixels from 0 to 255 must be uint8" if "int" in dtype else ""
        raise TypeError(
            f"{function}: {name} must be uint8, bool, float16, float32 or float64, got {dtype}{hint}"
        )
    shape = tuple(images.shape)
    if len(shape) not in (3, 4) or 0 in shape:
        raise ValueError(
            f"{function}: {name} must have shape (n, height, width), (n, height, width, channels) or "
            f"(n, channels, height, width), none of them 0, got {shape}"
        )
    if layout is None:
        layout = _layout(function, name, shape)
    _checks.choice(function, "layout", layout, LAYOUTS)
    if len(layout) != len(shape):
        raise ValueError(f"{function}: layout must have an axis for each of {name}, got {layout} for {shape}")
    if isinstance(images, Tensor) and images.device.type == "cpu":
        images = images.numpy(force=True)
    if layout == "nhw":
        images = images[:, None] if isinstance(images, np.ndarray | Tensor) else images.with_channel()
    return images, layout == "nhwc"


def _layout(function: str, name: str, shape: tuple[int, ...]) -> str:
    if len(shape) == 3:
        return "nhw"
    first, last = shape[1] <= _CHANNELS, shape[3] <= _CHANNELS
    if first == last:
        both = "both" if first else "neither"
        raise ValueError(
            f"{function}: layout must be 'nhwc' or 'nchw' for {name} of shape {shape}: {both} of its second "
            f"and last axes have at most {_CHANNELS} entries"
        )
    return "nchw" if first else "nhwc"


def pixels_of(name: str, array: Any, channels_last: bool) -> Pixels:
    """Keep the pixels of an array of four axes: as bits if it is black and white, else as they are.

    Raises:
        ValueError: a float is NaN or outside [0, 1].
    """
    if isinstance(array, Tensor):  # on a device: it has to say itself what it holds
        if array.is_floating_point():
            for block in blocks(array):
                check_range(name, array[block].numpy(force=True), first=block.start)
        return ArrayPixels(array, channels_last)
    if array.dtype == bool:
        return packed_pixels(array, channels_last)
    if array.dtype == np.uint8:
        return packed_pixels(array, channels_last) if is_binary(array) else ArrayPixels(array, channels_last)
    in_file = not isinstance(array, np.ndarray)
    if not in_file:
        for block in blocks(array):
            check_range(name, array[block], first=block.start)
    return ArrayPixels(array, channels_last, checked=not in_file, name=name)
