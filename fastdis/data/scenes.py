"""Scenes with one to seven factors, flat or in space, and a room: simulators."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _checks
from ..kernels import scenes_2d, scenes_3d
from .colours import saturated
from .simulator import Factor, Simulator, Values, check_values

TURN = 2 * math.pi
FACTORS = {  # in the order in which k counts them, with their random words
    "x": Factor(0, 0.0, 1.0),
    "y": Factor(1, 0.0, 1.0),
    "scale": Factor(2, 0.0, 1.0),
    "shape": Factor(3, 0.0, 2.0, np.arange(3.0), whole=True),
    "rotation": Factor(4, 0.0, TURN),
    "hue": Factor(5, 0.0, 1.0),
    "rotation2": Factor(6, 0.0, TURN),
}
PERIODIC = ("rotation", "hue", "rotation2")  # whose two bounds look the same
ABSENT = {"x": 0.5, "y": 0.5, "scale": 0.5, "shape": 0.0, "rotation": 0.0, "rotation2": 0.0}
REACH = 7.0  # of positions in space, from the origin


@dataclass(frozen=True)
class Renderer:
    """Draw scenes from the values of some of their factors.

    fixed: the values of the others; without a hue among either, scenes are grey.
    """

    dims: int
    side: int
    fixed: Mapping[str, float]

    def __call__(self, values: Mapping[str, Values], device: torch.device) -> Tensor:
        """(n, channels, side, side) uint8 on a device, from (n,) of each factor."""
        n = len(next(iter(values.values())))
        of = {name: np.full(n, value) for name, value in self.fixed.items()} | dict(values)
        hues = saturated(of["hue"]) if "hue" in of else np.ones((n, 1))
        colours = torch.from_numpy(hues).to(device)
        shapes = torch.from_numpy(of["shape"].astype(np.int64)).to(device)
        if self.dims == 2:
            unit = self.side / 64
            columns = [self.side * (0.25 + 0.5 * of[name]) for name in ("x", "y")]
            columns += [unit * (0.5 + 0.5 * of["scale"]), of["rotation"]]
            return scenes_2d.draw(shapes, _table(columns, device), colours, self.side)
        columns = [REACH * (2 * of["x"] - 1), REACH * (1 - 2 * of["y"]), REACH * (2 * of["scale"] - 1)]
        columns += [of["rotation"], of["rotation2"]]
        return scenes_3d.draw(shapes, _table(columns, device), colours, self.side)


def _table(columns: Sequence[Values], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack(columns, axis=1)).to(device)


def scenes(
    k: int | Sequence[str],
    *,
    dims: int | None = None,
    size: int = 64,
    length: int | None = None,
    seed: int = 0,
    grid: Mapping[str, int | Sequence[float]] | None = None,
    fixed: Mapping[str, float] | None = None,
) -> Simulator:
    """Simulate scenes with one to seven factors, in two or three dimensions.

    A square, an ellipse or a triangle on black, its edges grey by the exact area they cover; or, in three
    dimensions, a cube, an ellipsoid or a pyramid, lit by two lights. See `fastdis.kernels.scenes_2d` and
    `scenes_3d` for the geometry. Song (2018) trains on a million images of each k.

    =  =========  =========  ===========================================  ================================
    k  factor     range      in two dimensions                            in three
    =  =========  =========  ===========================================  ================================
    1  x          0 to 1     1/4 to 3/4 of the width                      -7 to 7 to the right
    2  y          0 to 1     1/4 to 3/4 of the height, from above         7 to -7, from above
    3  scale      0 to 1     half to full size                            z = -7 to 7, towards the camera
    4  shape      0, 1, 2    square, ellipse, triangle                    cube, ellipsoid, pyramid
    5  rotation   0 to 2 pi  counterclockwise                             about the x axis
    6  hue        0 to 1     three channels, HSV(hue, 1, 1); else one, white
    7  rotation2  0 to 2 pi  none                                         then about the y axis
    =  =========  =========  ===========================================  ================================

    In two dimensions all shapes lie inside the frame. In three they are cut off at its border where they are
    near and to the side: that happens in 35 % of the images of k = 7; the centre of a shape is always inside.

    Args:
        k: how many factors, 1 to 7, or their names in any order.
        dims: 2 or 3; 3 if rotation2 is among the factors, else 2.
        size: pixels along a row and a column, 16 to 256.
        length: the number of images, 1,000,000 if None. Where every factor has some values (`grid`, and the
            shape) None gives all their combinations in order instead.
        seed: of the factors, 0 to 2**63 - 1. A factor's values are the same whatever the others are.
        grid: for each factor named, the values that it takes instead of all in its range: their number,
            evenly spaced (without the last one where it looks like the first), or themselves.
        fixed: values of absent factors: 0.5 for x, y and scale, 0 for shape, rotation and rotation2 where
            they are not given. A hue given here draws in that colour.

    Returns:
        A simulator of (1 or 3, size, size) images.

    Raises:
        TypeError: an argument has another type.
        ValueError: k, size or dims out of range, an unknown factor (close matches are named) or one that
            comes twice, a value out of its range, a grid of fewer than two values.

    Example:
        >>> data = scenes(5, seed=1)
        >>> data.image_shape, data.factor_names
        ((1, 64, 64), ('x', 'y', 'scale', 'shape', 'rotation'))
        >>> corners = scenes(["x", "y", "hue"], size=32, grid={"x": 2, "y": 2, "hue": [0, 0.5]})
        >>> len(corners), corners.factors([7]).tolist(), corners.values([7]).tolist()
        (8, [[1, 1, 1]], [[1.0, 1.0, 0.5]])
    """
    names = _names(k)
    _checks.integer("scenes", "size", size, low=16, high=256)
    _checks.seed("scenes", seed)
    if dims is None:
        dims = 3 if "rotation2" in names else 2
    _checks.integer("scenes", "dims", dims, low=2, high=3)
    chosen, given = dict(grid or {}), dict(fixed or {})
    for name in ("rotation2",) if dims == 2 else ():
        if name in names or name in given:
            raise ValueError("scenes: dims must be 3 for a second rotation, got 2")
    for name in chosen:
        _checks.choice("scenes", "grid", name, names)
    known = {name: _on_grid(name, chosen[name]) if name in chosen else FACTORS[name] for name in names}
    for name, value in given.items():
        _checks.choice("scenes", "fixed", name, [other for other in FACTORS if other not in names])
        check_values("scenes", name, FACTORS[name], np.array([_checks.number("scenes", name, value)]))
    if length is None and any(factor.values is None for factor in known.values()):
        length = 1_000_000
    if length is not None:
        _checks.integer("scenes", "length", length)
    rest = {name: value for name, value in (ABSENT | given).items() if name not in names}
    channels = 3 if "hue" in names or "hue" in given else 1
    source = f"scenes in {dims} dimensions with {', '.join(names)}, simulated from seed {seed}"
    render = Renderer(dims, size, rest)
    return Simulator(render, known, (channels, size, size), source, length=length, seed=seed)


def _names(k: int | Sequence[str]) -> list[str]:
    if isinstance(k, str) or not isinstance(k, Sequence):
        return list(FACTORS)[: _checks.integer("scenes", "k", k, low=1, high=len(FACTORS))]
    names = list(k)
    for name in names:
        _checks.choice("scenes", "k", name, FACTORS)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"scenes: k must name different factors, at least 1, got {names}")
    return names


def _on_grid(name: str, values: Any) -> Factor:
    """The factor with some of its values alone."""
    factor = FACTORS[name]
    if isinstance(values, Sequence | np.ndarray):
        chosen = np.unique(np.asarray(values, np.float64))
        check_values("scenes", f"grid[{name!r}]", factor, chosen)
        if len(chosen) < 2:
            raise ValueError(f"scenes: grid[{name!r}] must have 2 different values, got {list(values)}")
    elif factor.whole:
        raise TypeError(f"scenes: grid[{name!r}] must be the values themselves, got {values!r}")
    else:
        count = _checks.integer("scenes", f"grid[{name!r}]", values, low=2)
        chosen = np.linspace(factor.low, factor.high, count, endpoint=name not in PERIODIC)
    return Factor(factor.word, factor.low, factor.high, chosen, factor.whole)
