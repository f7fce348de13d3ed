"""What is trained on, as images fetched by index: arrays and torch data sets take the form of our own."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

ARRAY_DTYPES = ("bool", "uint8", "float16", "float32", "float64")


class Rows:
    """The rows of a tensor or of a NumPy array, a memory map too."""

    def __init__(self, rows: Tensor | NDArray[Any]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def images(self, indices: NDArray[np.int64]) -> Tensor:
        if isinstance(self._rows, Tensor):
            return self._rows[torch.from_numpy(indices)]
        rows = self._rows[indices]
        return torch.from_numpy(np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("=")))


class Items:
    """The items of a torch data set with ``len()``: images, or tuples of which the first is the image."""

    def __init__(self, items: Dataset[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type]  # not every Dataset has a length; those here do

    def images(self, indices: NDArray[np.int64]) -> Tensor:
        fetch = getattr(self._items, "__getitems__", None)  # many at once, as a DataLoader asks for them
        items = fetch(indices.tolist()) if fetch else [self._items[index] for index in indices.tolist()]
        return torch.stack([first_tensor(item, "items") for item in items])


def first_tensor(item: object, what: str) -> Tensor:
    """Take the images out of an item or a batch: itself, or the first of a tuple.

    Raises:
        TypeError: it is neither a tensor nor a NumPy array.
    """
    image = item[0] if isinstance(item, tuple | list) and item else item
    if isinstance(image, np.ndarray) and image.dtype.name in ARRAY_DTYPES:
        image = torch.from_numpy(np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("=")))
    if not isinstance(image, Tensor):
        raise TypeError(
            f"fit: data must give tensors, or tuples whose first item is one, as its {what}, "
            f"got {type(image).__name__}"
        )
    return image


def as_source(data: object) -> object:
    """Give a tensor, an array or a torch data set the form of `Images`; leave everything else as it is.

    Raises:
        TypeError: an array cannot hold images: it is masked, or of a dtype other than those of images.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("fit: data must not be masked, got a masked array; fill it first: data.filled(0)")
    if isinstance(data, np.ndarray) and data.dtype.name not in ARRAY_DTYPES:
        raise TypeError(
            f"fit: data must be an array of {', '.join(ARRAY_DTYPES)}, got dtype {data.dtype.name}; scale "
            "images to floating-point numbers in [0, 1]"
        )
    if isinstance(data, Tensor | np.ndarray):
        if data.ndim == 0:
            raise TypeError("fit: data must be an array of images, got a single number")
        return Rows(data)
    if isinstance(data, Dataset) and hasattr(data, "__len__") and not hasattr(data, "images"):
        return Items(data)
    return data
