"""Where the pixels of a data set lie, and how some of them become a batch of floats in [0, 1]."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels.image_batch import image_batch
from ..kernels.packed_images import pack, unpack
from .mapped import PickledByName

ImageShape = tuple[int, int, int]  # channels, height, width

_BLOCK = 2**24  # bytes that are looked through or moved at once


class Pixels(Protocol):
    """Images by row. ``nbytes`` is what `to` has to move to a device."""

    @property
    def image_shape(self) -> ImageShape: ...

    @property
    def nbytes(self) -> int: ...

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.int64], visit: int) -> Tensor: ...

    def to(self, device: torch.device) -> "Pixels": ...


class PackedPixels(PickledByName):
    """Images of 0 and 1, eight pixels to a byte, as `kernels.packed_images.pack` gives them."""

    def __init__(self, packed: NDArray[np.uint8] | Tensor, image_shape: ImageShape) -> None:
        self.packed = packed
        self.image_shape = image_shape

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes

    def __len__(self) -> int:
        return len(self.packed)

    def read(self, rows: NDArray[np.int64], visit: int) -> Tensor:
        """Give (n, channels, height, width) float32."""
        return unpack(self.packed, rows, self.image_shape)

    def to(self, device: torch.device) -> "PackedPixels":
        """Move the packed images into the memory of a device, which unpacks them itself."""
        return PackedPixels(moved(self.packed, device), self.image_shape)


class ArrayPixels(PickledByName):
    """Images as they are given, uint8 or floats in [0, 1], in memory, mapped or on a device.

    Args:
        array: four axes. A NumPy array, a tensor, or what gives one for a slice or for rows, as `HDF5Rows`.
        channels_last: (count, height, width, channels), else (count, channels, height, width).
        checked: whether floats are known to lie in [0, 1]; they are looked at in every batch otherwise.
        name: how a message names the array.
    """

    def __init__(
        self, array: Any, channels_last: bool, *, checked: bool = True, name: str = "images"
    ) -> None:
        self.array = array
        self.channels_last = channels_last
        self._checked, self._name = checked, name
        first, second, third = array.shape[1:]
        self.image_shape = (third, first, second) if channels_last else (first, second, third)

    @property
    def nbytes(self) -> int:
        return int(self.array.nbytes)

    def __len__(self) -> int:
        return len(self.array)

    def read(self, rows: NDArray[np.int64], visit: int) -> Tensor:
        """Give (n, channels, height, width) float32, in memory as the array is.

        Raises:
            ValueError: a float is NaN or outside [0, 1].
        """
        array = self.array
        if not isinstance(array, np.ndarray | Tensor):
            array, rows = array[rows], np.arange(len(rows))
        if array.dtype in (np.uint8, torch.uint8):
            images = image_batch(array, rows)
        elif isinstance(array, Tensor):
            images = array[torch.from_numpy(rows).to(array.device)].float()
        else:
            images = torch.from_numpy(array[rows].astype(np.float32, order="C"))
        if not self._checked:
            check_range(self._name, images.numpy(), " of the batch")
        return images.permute(0, 3, 1, 2) if self.channels_last else images

    def to(self, device: torch.device) -> "ArrayPixels":
        """Move the array into the memory of a device, some megabytes at a time.

        Raises:
            ValueError: a float is NaN or outside [0, 1].
        """
        if not self._checked:
            for block in blocks(self.array):
                check_range(self._name, self.array[block], first=block.start)
        return ArrayPixels(moved(self.array, device), self.channels_last)


def blocks(array: Any) -> list[slice]:
    """Cut an array's rows into slices of some megabytes each."""
    step = max(1, _BLOCK // max(1, array.nbytes // max(1, len(array))))
    return [slice(first, first + step) for first in range(0, len(array), step)]


def moved(array: Any, device: torch.device) -> Tensor:
    """Copy an array, or what gives one for a slice, into the memory of a device."""
    if isinstance(array, Tensor):
        return array.to(device)
    example = torch.from_numpy(np.empty(0, array.dtype.newbyteorder("=")))
    copy = torch.empty(array.shape, dtype=example.dtype, device=device)
    for block in blocks(array):
        copy[block] = torch.from_numpy(np.array(array[block], array.dtype.newbyteorder("=")))
    return copy


def is_binary(array: Any) -> bool:
    """Tell whether all of a uint8 array is 0 or 1; the first megabytes mostly show that it is not."""
    return all(int(array[block].max(initial=0)) <= 1 for block in blocks(array))


def packed_pixels(array: Any, channels_last: bool) -> PackedPixels:
    """Keep the images of an array of 0 and 1 as bits."""

    def planes(block: Any) -> NDArray[np.uint8]:
        part: NDArray[np.uint8] = np.asarray(block)
        return part.transpose(0, 3, 1, 2) if channels_last else part

    packed = np.concatenate([pack(planes(array[block])) for block in blocks(array)])
    return PackedPixels(packed, ArrayPixels(array, channels_last).image_shape)


def check_range(name: str, images: NDArray[Any], where: str = "", first: int = 0) -> None:
    """Require floats in [0, 1].

    Raises:
        ValueError: one is not; the message names it and its image, counted from ``first``.
    """
    low, high = images.min(initial=0), images.max(initial=0)  # NaN if any is
    if low >= 0 and high <= 1:
        return
    wrong = ~((images >= 0) & (images <= 1))
    row = int(wrong.reshape(len(images), -1).any(axis=1).argmax())
    value = images[row][wrong[row]].ravel()[0]
    hint = "; pixels from 0 to 255 must be uint8" if 1 < high <= 255 else ""
    raise ValueError(f"{name} must be floats in [0, 1], got {value:g} in image {first + row}{where}{hint}")
