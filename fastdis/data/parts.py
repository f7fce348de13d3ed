"""Two sides of a data set: to train on one, and to look at the other afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks

Indices = slice | Sequence[int] | NDArray[np.int64] | Tensor
Combination = Mapping[str, int | str | Sequence[int | str]]


class Parts:
    """The methods of a data set that give a part of it: of `ImageDataset` and of `Simulator`."""

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The factors, in the order of the columns of ``factors``."""
        return tuple(self.factor_values)

    @property
    def factor_values(self) -> Mapping[str, NDArray[Any] | None]:
        """The values of each factor's classes, by name; None for a continuous factor."""
        raise NotImplementedError

    @property
    def factor_sizes(self) -> tuple[int | None, ...]:
        """How many values each factor takes; None for a continuous one."""
        return tuple(None if values is None else len(values) for values in self.factor_values.values())

    def __len__(self) -> int:
        raise NotImplementedError

    def factors(self, indices: Indices) -> NDArray[Any]:
        """Give labels as (n, factors)."""
        raise NotImplementedError

    def subset(self, indices: Indices) -> Self:
        """Make a data set of the images that ``indices`` names, in that order."""
        raise NotImplementedError

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Make two data sets: that fraction of the images, drawn at random, and the rest; both in order.

        The partners of `Pairs` stay on their side, but those of a simulator's images are always drawn.

        Raises:
            TypeError: fraction is not a number, or seed not an integer.
            ValueError: one of the two would be empty.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.arrays(np.zeros((10, 8, 8), np.uint8))
            >>> train, held_out = data.split(0.8, seed=0)
            >>> len(train), len(held_out)
            (8, 2)
        """
        count = round(_checks.number("split", "fraction", fraction, low=0, high=1) * len(self))
        if not 0 < count < len(self):
            raise ValueError(
                f"split: fraction must leave both parts an image, got {fraction:g} of {len(self):,} images"
            )
        order = np.random.default_rng(_checks.seed("split", seed)).permutation(len(self))
        return self._side(np.sort(order[:count])), self._side(np.sort(order[count:]))

    def without(self, combination: Combination) -> Self:
        """Leave out a combination of factors' values, to see later what a model makes of it.

        Args:
            combination: by factor a class or several, as numbers from 0 or, where they are text, as values.
                An image is left out if it has one of the values of every factor that is named.

        Returns:
            The other images. The partners of `Pairs` are among them too; of a simulator it takes no part.

        Raises:
            TypeError: a class is neither an integer nor text.
            ValueError: no such factor (close matches are named) or class, a continuous factor, or no image
                would be left, or none left out.

        Example:
            >>> import fastdis
            >>> labels = {"shape": ["square", "ellipse", "heart", "heart"], "scale": [0, 0, 0, 1]}
            >>> data = fastdis.data.arrays(np.zeros((4, 8, 8), np.uint8), labels)
            >>> small_hearts = {"shape": "heart", "scale": 0}
            >>> data.without(small_hearts).factors(slice(None)).tolist()
            [[2, 0], [0, 0], [1, 1]]
            >>> data.only(small_hearts).factors(slice(None)).tolist()
            [[1, 0]]
        """
        return self._side(np.flatnonzero(~self._has("without", combination)), by_factors=True)

    def only(self, combination: Combination) -> Self:
        """Keep only the images that `without` leaves out; arguments and errors are the same."""
        return self._side(np.flatnonzero(self._has("only", combination)), by_factors=True)

    def _side(self, indices: NDArray[np.int64], by_factors: bool = False) -> Self:
        """Make a data set of one side, whether drawn or chosen by its factors."""
        raise NotImplementedError

    def _has(self, function: str, combination: Combination) -> NDArray[np.bool_]:
        """(len,) which images have one of the values of every factor that is named."""
        has = np.ones(len(self), bool)
        labels = self.factors(slice(None))
        for name, wanted in combination.items():
            _checks.choice(function, "factor", name, self.factor_names)
            classes = _classes(function, name, wanted, self.factor_values[name])
            has &= np.isin(labels[:, self.factor_names.index(name)], classes)
        if has.all() or not has.any():
            what = "every" if has.all() else "no"
            raise ValueError(
                f"{function}: combination must be that of some images, but {what} one of {len(self):,} "
                f"has {dict(combination)}"
            )
        return has


def _classes(
    function: str, name: str, wanted: int | str | Sequence[int | str], values: NDArray[Any] | None
) -> list[int]:
    """The numbers of the classes that are asked for."""
    if values is None:
        raise ValueError(f"{function}: factor {name!r} must have classes, but is continuous")
    classes = []
    for value in [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else wanted:
        if isinstance(value, str):
            words = values.tolist() if values.dtype.kind == "U" else []
            _checks.choice(function, name, value, words)
            classes.append(words.index(value))
        else:
            classes.append(_checks.integer(function, name, value, low=0, high=len(values) - 1))
    return classes
