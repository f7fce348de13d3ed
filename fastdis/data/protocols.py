"""What the rest of the library asks of a data set. Anything with these methods will do."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class Images(Protocol):
    """Images that are fetched by index: what `fit` and `encode` need.

    ``len(data)`` is their number. ``data.images(indices)`` is float32 (n, channels, height, width) in [0, 1],
    for an int64 array of indices from 0 to ``len(data) - 1``, and the same for the same indices.
    """

    def __len__(self) -> int: ...

    def images(self, indices: Any, /) -> Tensor: ...


@runtime_checkable
class FactorData(Images, Protocol):
    """Images whose factors of variation are known: what `evaluate`, `Pairs` and the pictures need.

    ``data.factors(indices)`` is (n, factors): int64 classes from 0, or float64 where a factor is continuous
    or a label is missing (NaN). ``factor_values`` holds, by name and in the order of those columns, the value
    that stands behind each class, and None for a continuous factor; ``factor_sizes`` the number of classes,
    and None likewise. ``image_shape`` is (channels, height, width), ``source`` one line that says where the
    images come from. Without known factors all of these are empty and ``factors`` is (n, 0).
    """

    @property
    def image_shape(self) -> tuple[int, int, int]: ...

    @property
    def source(self) -> str: ...

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def factor_sizes(self) -> tuple[int | None, ...]: ...

    @property
    def factor_values(self) -> Mapping[str, NDArray[Any] | None]: ...

    def factors(self, indices: Any, /) -> NDArray[Any]: ...
