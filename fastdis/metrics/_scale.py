"""Codes of any scale and offset: what is done in float64 before a predictor narrows or squares them.

A score that does not change under an affine map of a code, by its definition, must not change because a
float32 has 24 bits or because a square overflows. Scores that do depend on the scale, because a classifier is
regularised, keep the field's scale as far as the classifier can work with it.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Codes = NDArray[np.floating]
Float = NDArray[np.float64]

_ORDINARY = 100  # exponents of 2 up to which fourth powers, and their sums, are far from the ends of float64
_LARGEST = 1000.0


def rescaled(codes: Tensor, low: Tensor, high: Tensor) -> tuple[Codes, NDArray[np.int64]]:
    """Return the codes on the CPU in units of 2**exponent, and the exponents, (codes,).

    The exponent is 0 unless the largest magnitude of a code lies outside 2**-100 .. 2**100. A power of two
    changes no digit, so scores of ordinary codes keep their bits.
    """
    values = codes.cpu().numpy()
    largest = np.maximum(low.abs().cpu().numpy(), high.abs().cpu().numpy()).astype(np.float64)
    exponent = np.frexp(largest)[1].astype(np.int64)
    exponent[(np.abs(exponent) <= _ORDINARY) | (largest == 0)] = 0
    return (np.ldexp(values, -exponent) if exponent.any() else values), exponent


def standardised(learned: Codes, scored: Codes) -> tuple[Float, Float]:
    """Return both sets of rows minus the mean and over the deviation of the first; a constant becomes 0."""
    mean = learned.mean(axis=0, dtype=np.float64)
    scale = learned.std(axis=0, dtype=np.float64)
    scale[np.ptp(learned, axis=0) == 0] = np.inf
    return (learned - mean) / scale, (scored - mean) / scale


def in_one_unit(codes: Codes, exponent: NDArray[np.int64]) -> Float:
    """Return codes in units of 2**exponent centred and over the largest of their ranges, as float64.

    Their scales against each other stay, and no square leaves float64.
    """
    if not codes.shape[1]:
        return codes.astype(np.float64)
    low, high = codes.min(axis=0).astype(np.float64), codes.max(axis=0).astype(np.float64)
    unit = exponent - exponent.max()
    spread = np.ldexp(high - low, unit).max()
    centred = np.ldexp(codes - (low / 2 + high / 2), unit)
    return np.asarray(centred / spread if spread > 0 else np.zeros(centred.shape))


def near_zero(learned: Codes, scored: Codes) -> tuple[Codes, Codes]:
    """Return both sets of rows, a code centred where it lies further than 16 of its ranges from zero."""
    far = _far(learned)
    if not far.any():
        return learned, scored
    centre = np.where(far, learned.mean(axis=0, dtype=np.float64), 0.0)
    return learned - centre, scored - centre


def narrowed(learned: Codes, scored: Codes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return both sets of rows as float32, which boosted trees compare.

    A code further than 16 of its ranges from zero is first centred and divided by its range, so that its
    offset takes no digits from its differences. So is one with a range below 1/1000, as the trees, like
    scikit-learn's, do not tell values apart that differ by less than 1e-7.
    """
    spread = np.ptp(learned, axis=0).astype(np.float64)
    remote = _far(learned) | ((spread > 0) & (spread < 1e-3))
    if remote.any():
        centre = np.where(remote, learned.mean(axis=0, dtype=np.float64), 0.0)
        spread[~remote] = 1.0
        learned, scored = ((rows - centre) / spread for rows in (learned, scored))
    return np.ascontiguousarray(learned, np.float32), np.ascontiguousarray(scored, np.float32)


def limited(learned: Codes, scored: Codes, exponent: NDArray[np.int64]) -> tuple[Codes, Codes]:
    """Return both sets of rows in their own units, a code beyond 1,000 among those learned scaled to that.

    A regularised classifier hardly tells codes of 1,000 from larger ones, on which its optimiser no longer
    finds the optimum: liblinear is far from it at 10,000 and does not return at 1e80.
    """
    largest = np.abs(learned).max(axis=0)
    with np.errstate(over="ignore", divide="ignore"):
        scale = np.where(np.ldexp(largest, exponent) > _LARGEST, _LARGEST / largest, np.ldexp(1.0, exponent))
    return (learned, scored) if (scale == 1).all() else (learned * scale, scored * scale)


def _far(codes: Codes) -> NDArray[np.bool_]:
    """Tell which codes vary, but so far from zero that float32 rounds them to a millionth of their range."""
    spread = np.ptp(codes, axis=0)
    return np.asarray((spread > 0) & (np.abs(codes).max(axis=0) > 16 * spread))
