"""The exponentials in vector instructions that the decomposition's loops share."""

import numba
import numpy as np
import pytest

from fastdis.kernels.total_correlation.posterior_loops import LEAST, SAMPLES_AT_ONCE, Samples, Strip, joints


@numba.njit
def _joints(place, part, samples, strip):
    joints(place, part, samples, strip)


def shares(x: np.ndarray, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """weight 2^x of x (SAMPLES_AT_ONCE, whole vectors), and each row's sum."""
    row, own = np.zeros((1, len(x)), x.dtype), np.zeros(len(x))
    samples = Samples(row.copy(), row.copy(), row.copy(), row.copy(), own, own)
    strip = Strip(np.full_like(x, weight), x.copy(), np.zeros((1, *x.shape), x.dtype))
    _joints((0, 0, 0), (0, x.shape[1]), samples, strip)
    return strip.joint, samples.totals[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_two_to_the_last_place(dtype: type) -> None:
    x = np.linspace(LEAST + 1e-3, 87, 32_000).astype(dtype).reshape(SAMPLES_AT_ONCE, -1)
    found, totals = shares(x, 1.0)
    truth = np.exp2(x.astype(np.longdouble))
    assert np.max(np.abs(found / truth - 1)) < 1.5 * np.finfo(dtype).eps
    np.testing.assert_allclose(totals, truth.sum(1).astype(float), rtol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_too_low_counts_as_nothing(dtype: type) -> None:
    x = np.full((SAMPLES_AT_ONCE, 32), LEAST - 1e-3, dtype)
    x[:, 1], x[:, 2], x[:, 3] = -1e30, -np.inf, 0
    found, totals = shares(x, 0.25)
    assert (np.delete(found, 3, axis=1) == 0).all()
    assert (found[:, 3] == 0.25).all()
    assert (totals == 0.25).all()
