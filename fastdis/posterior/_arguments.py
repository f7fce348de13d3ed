"""Read what every function of the room is given: arrays of either library, and how much work is allowed."""

import math
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks

Array: TypeAlias = NDArray[np.generic] | Tensor
Float: TypeAlias = NDArray[np.float64]

MAX_PAIRS = 2e10  # a minute or two on two cores; a trained beta-VAE on dSprites needs 4e9


def tensors(function: str, **arrays: Array) -> list[Tensor]:
    """Return the arguments as tensors of one floating dtype: half types as float32, integers as float64.

    Raises:
        TypeError: an argument is neither an array nor a tensor, or holds no real numbers.
    """
    found = []
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray | Tensor):
            raise TypeError(
                f"{function}: {name} must be a NumPy array or a torch tensor, got {type(array).__name__}"
            )
        if isinstance(array, np.ndarray):
            if array.dtype.kind not in "fiu":
                raise TypeError(f"{function}: {name} must have a real dtype, got {array.dtype}")
            # torch knows neither long doubles nor another machine's byte order
            native = array.dtype.isnative and array.dtype.itemsize <= 8
            tensor = torch.from_numpy(array if native else array.astype(np.float64))
        else:
            tensor = array.detach()
        if tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"{function}: {name} must have a real dtype, got {tensor.dtype}")
        found.append(tensor)
    single = (torch.float16, torch.bfloat16, torch.float32)
    dtype = torch.float32 if all(tensor.dtype in single for tensor in found) else torch.float64
    return [tensor.to(dtype) for tensor in found]


def check_numbers(
    function: str, *, samples: int, tolerance: float, seed: int, max_pairs: float | None
) -> None:
    """Require the numbers of a decomposition to be in range, before any work is done.

    Raises:
        TypeError: one is of the wrong type.
        ValueError: one is out of range.
    """
    _checks.integer(function, "samples", samples)
    _checks.number(function, "tolerance", tolerance, low=1e-15, high=1)
    _checks.seed(function, seed)
    _check_pairs(function, max_pairs)


def allowed_pairs(function: str, max_pairs: float | None, mean: Tensor) -> float:
    """Return how many pairs of a point and a posterior may be evaluated; on a GPU any number, by default.

    Raises:
        TypeError: max_pairs is not a number.
        ValueError: it is not above 0.
    """
    _check_pairs(function, max_pairs)
    if max_pairs is None:
        return math.inf if mean.is_cuda else MAX_PAIRS
    return float(max_pairs)


def _check_pairs(function: str, max_pairs: float | None) -> None:
    if max_pairs is not None and max_pairs != math.inf:
        _checks.number(function, "max_pairs", max_pairs, above=0)


def too_many(function: str, limit: float, expected: float, pairs: int, remedy: str) -> RuntimeError:
    """Make the error that says how many pairs are expected and what to ask for instead."""
    return RuntimeError(
        f"{function}: max_pairs is {limit:.3g}, but about {expected:.3g} pairs ({expected / pairs:.2%} of "
        f"all) would be evaluated: ask for {remedy}a larger tolerance or a larger max_pairs"
    )
