"""Black-and-white images of a complete grid of factors, as dSprites is."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .factors import Grid
from .image_dataset import ImageDataset
from .pixels import PackedPixels


class FactorDataset(ImageDataset):
    """Black-and-white images of every combination of some factors' values, the last factor changing fastest.

    An `ImageDataset` whose images are kept as bits.

    Args:
        packed: (count, bytes) uint8, the images of the whole grid as `kernels.packed_images.pack` gives them.
        factor_values: values of each factor, by name; their numbers multiply to count.
        image_shape: (channels, height, width).
        source: one line that says where the images come from.

    Raises:
        ValueError: packed has another number of rows than the grid.

    Example:
        >>> from fastdis.kernels.packed_images import pack
        >>> images = np.array([[[[0, 1]]], [[[1, 0]]], [[[1, 1]]], [[[0, 0]]]], np.uint8)
        >>> values = {"left": np.array([0.0, 1.0]), "right": np.array([0.0, 1.0])}
        >>> dataset = FactorDataset(pack(images), values, (1, 1, 2), "by hand")
        >>> len(dataset), dataset.factor_sizes
        (4, (2, 2))
        >>> dataset.images([2, 0])
        tensor([[[[1., 1.]]],
        <BLANKLINE>
        <BLANKLINE>
                [[[0., 1.]]]])
        >>> dataset.factors([2, 0])
        array([[1, 0],
               [0, 0]])
    """

    pixels: PackedPixels

    def __init__(
        self,
        packed: NDArray[np.uint8],
        factor_values: Mapping[str, NDArray[np.float64]],
        image_shape: tuple[int, int, int],
        source: str,
    ) -> None:
        grid = Grid(factor_values)
        if len(packed) != len(grid):
            raise ValueError(
                f"FactorDataset: packed must have {len(grid)} rows, one for every combination of "
                f"factors {grid.sizes}, got {len(packed)}"
            )
        super().__init__(PackedPixels(packed, image_shape), grid, source)

    @property
    def factor_values(self) -> Mapping[str, NDArray[np.float64]]:
        """The values of each factor's classes, by name."""
        # a grid has no continuous factor, whose values would be None
        values: Mapping[str, NDArray[np.float64]] = super().factor_values  # type: ignore[assignment]
        return values

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each factor takes."""
        return tuple(len(values) for values in self.factor_values.values())

    @property
    def packed(self) -> NDArray[np.uint8]:
        """The images of the whole grid, in a subset too."""
        packed: NDArray[np.uint8] = self.pixels.packed  # type: ignore[assignment]  # as it was made
        return packed
