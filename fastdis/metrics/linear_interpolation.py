"""Linear interpolation: how straight is the path of images between two codes?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._arguments import Array, stack_of_numbers
from ._errors import NotComputable
from ._result import Better, Result
from .joint_table import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearInterpolationResult(Result):
    """The mean ratio as the score, and per_pair (pairs,), NaN where both ends are the same image.

    samples: the pairs that have a ratio.
    """

    title: ClassVar[str] = "linear_interpolation"
    definition: ClassVar[str] = (
        "Linear interpolation: length of the path of images decoded along a line between two codes, over the "
        "distance of its ends, both Euclidean in pixels; mean over pairs, 1 for a straight path."
    )
    largest: ClassVar[float] = float("inf")
    better: ClassVar[Better] = "lower"
    no_interval: ClassVar[str] = "compare the values of per_pair"

    per_pair: Float
    steps: int

    def _line(self) -> str:
        return f"{self.title} {self.score:.4f} ({self.samples:,} pairs, {self.steps} images each)"


def linear_interpolation(paths: Array) -> LinearInterpolationResult:
    """Compare the length of decoded paths with the distance of their ends: 1 if straight, else more.

    For a pair of codes a and b, x_t is the image decoded from a + t (b - a). The ratio is

        sum_t |x_(t+1) - x_t| / |x_last - x_first|,

    the mean over pairs of which is the score. Fading one image into the other in pixel space scores 1, and
    nothing can score less; a path through other images scores more. It says how flat the decoder is, as the
    curvature of a decoded manifold does (Shao et al. 2018), and nothing of factors. More steps make a path
    longer, never shorter: compare paths of as many steps.

    Args:
        paths: (pairs, steps, pixels), real, at least two steps: the images of each path in their order.

    Raises:
        TypeError: paths hold no real numbers, are masked or sparse.
        ValueError: paths have another shape or fewer than two steps, or NaN or infinity.
        NotComputable: the ends of every path are the same image.

    Example:
        >>> import numpy as np, fastdis
        >>> corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])
        >>> print(fastdis.metrics.linear_interpolation(corner[None]))
        linear_interpolation 1.4000 (1 pairs, 3 images each)
    """
    images = stack_of_numbers("linear_interpolation", "paths", paths, ("pairs", "steps", "pixels"))
    if images.shape[1] < 2:
        raise ValueError(f"linear_interpolation: paths must have at least 2 steps, got {images.shape[1]}")
    lengths, distances = np.empty(len(images)), np.empty(len(images))
    for i, path in enumerate(images):
        path = path.astype(np.float64)
        lengths[i] = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        distances[i] = np.linalg.norm(path[-1] - path[0])
    apart = distances > 0
    if not apart.any():
        raise NotComputable("linear_interpolation: paths must have two different ends, got none that has")
    ratio = np.divide(lengths, distances, out=np.full(len(images), np.nan), where=apart)
    left_out = int((~apart).sum())
    return LinearInterpolationResult(
        score=float(ratio[apart].mean()),
        samples=int(apart.sum()),
        notes=(f"{left_out:,} pairs with equal ends are left out",) if left_out else (),
        per_pair=ratio,
        steps=images.shape[1],
    )
