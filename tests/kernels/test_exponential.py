"""The scalar exponentials of the CPU kernels, against long double."""

import numpy as np
import pytest

from fastdis.kernels._cpu.compile import njit
from fastdis.kernels._cpu.exponential import exp, expm1_parts


@njit
def _exp_of(x, out):
    for k in range(x.size):
        out[k] = exp(x[k])


@njit
def _expm1_of(x, out, rest):
    for k in range(x.size):
        out[k], rest[k] = expm1_parts(x[k])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_is_right_to_the_last_bits(dtype: type) -> None:
    limit = 87 if dtype == np.float32 else 707
    x = np.linspace(-limit + 1, limit, 200_001).astype(dtype)
    out = np.empty_like(x)
    _exp_of(x, out)
    truth = np.exp(x.astype(np.longdouble))
    assert np.max(np.abs(out / truth - 1)) < 2 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_at_the_edges(dtype: type) -> None:
    largest = np.log(np.finfo(dtype).max)
    x = np.array([np.nan, np.inf, -np.inf, 0, largest * 0.9999, largest * 1.01, -3 * largest], dtype)
    out = np.empty_like(x)
    _exp_of(x, out)
    assert np.isnan(out[0])
    assert out[1] == np.inf
    assert out[2] == 0
    assert out[3] == 1
    assert np.isfinite(out[4])
    assert out[5] == np.inf
    assert out[6] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_result_of_exp_is_denormal(dtype: type) -> None:
    x = np.linspace(-760, -80, 100_001).astype(dtype)
    out = np.empty_like(x)
    _exp_of(x, out)
    assert not np.any((out > 0) & (out < np.finfo(dtype).tiny))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_expm1_keeps_its_digits_near_zero(dtype: type) -> None:
    x = np.concatenate([np.linspace(-5, 5, 20_001), np.geomspace(1e-7, 1, 999), -np.geomspace(1e-7, 1, 999)])
    x = x[x != 0].astype(dtype)
    out, rest = np.empty_like(x), np.empty_like(x)
    _expm1_of(x, out, rest)
    precise = x.astype(np.longdouble)
    small = np.abs(precise) < 1e-2
    remainder = np.where(
        small,
        precise**2 * (0.5 + precise * (1 / 6 + precise * (1 / 24 + precise / 120))),
        np.expm1(precise) - precise,
    )
    assert np.max(np.abs(out / np.expm1(precise) - 1)) < 4 * np.finfo(dtype).eps
    tolerance = 2e-6 if dtype == np.float32 else 1e-10  # the series above ends at x^6 / 720
    assert np.max(np.abs(rest / remainder - 1)) < tolerance
