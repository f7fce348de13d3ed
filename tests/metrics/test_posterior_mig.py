"""Chen's MIG against adaptive quadrature, closed forms, and the limit of narrow posteriors."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from fastdis import metrics


def crossed(*sizes: int) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def entropy(mean: np.ndarray, deviation: np.ndarray) -> float:
    """Of a one-dimensional mixture, by adaptive quadrature."""

    def integrand(z: float) -> float:
        q = stats.norm.pdf(z, mean, deviation).mean()
        return -q * math.log(q) if q > 0 else 0.0

    ends = (mean - 9 * deviation).min(), (mean + 9 * deviation).max()
    return integrate.quad(integrand, *ends, limit=500, points=np.sort(mean)[:: max(1, len(mean) // 20)])[0]


def test_agrees_with_adaptive_quadrature() -> None:
    rng = np.random.default_rng(0)
    factors = crossed(2, 3)
    factors = np.repeat(factors, 3, axis=0)
    mean = factors @ rng.standard_normal((2, 3)) + 0.1 * rng.standard_normal((18, 3))
    deviation = np.exp(rng.uniform(-1.5, 0.3, (18, 3)))
    result = metrics.posterior_mig(mean, 2 * np.log(deviation), factors)
    for d in range(3):
        for k in range(2):
            conditional = 0.0
            for value in range(factors[:, k].max() + 1):
                rows = factors[:, k] == value
                conditional += rows.mean() * entropy(mean[rows, d], deviation[rows, d])
            expected = entropy(mean[:, d], deviation[:, d]) - conditional
            assert result.mutual_information[d, k] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(result.entropy, np.log([2, 3]))


def test_posteriors_equal_to_the_prior_know_nothing() -> None:
    factors = crossed(3, 4)
    result = metrics.posterior_mig(np.zeros((12, 2)), np.zeros((12, 2)), factors)
    assert result.score == pytest.approx(0.0, abs=1e-9)


def test_narrow_posteriors_know_their_factor_and_wide_ones_do_not() -> None:
    factors = crossed(4, 5)
    scores = [
        metrics.posterior_mig(factors.astype(np.float32), np.full((20, 2), logvar), factors).score
        for logvar in (-8.0, -2.0, 0.0, 2.0, 5.0)
    ]
    assert scores[0] == pytest.approx(1.0, abs=1e-6)
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.03


def test_a_constant_factor_is_left_out_and_bad_input_named() -> None:
    factors = np.column_stack([np.zeros(12, int), crossed(3, 4)])
    mean, logvar = factors[:, 1:].astype(float), np.full((12, 2), -4.0)
    with pytest.warns(UserWarning, match="posterior_mig: factors column 0 is constant"):
        assert metrics.posterior_mig(mean, logvar, factors).factors == (1, 2)
    with pytest.raises(
        ValueError, match=r"posterior_mig: logvar must have shape \(12, 2\) like mean, got \(12, 1\)"
    ):
        metrics.posterior_mig(mean, logvar[:, :1], factors)
    with pytest.raises(ValueError, match="posterior_mig: mean must be finite, got nan in row 2, column 1"):
        metrics.posterior_mig(np.where(np.arange(24).reshape(12, 2) == 5, np.nan, mean), logvar, factors)
    with pytest.raises(ValueError, match="posterior_mig: logvar must be finite, got inf in row 0, column 0"):
        metrics.posterior_mig(mean, logvar + np.inf, factors)
    with pytest.raises(ValueError, match="logvar must lie between -700 and 700, got -800 in row 3, column 1"):
        metrics.posterior_mig(mean, np.where(np.arange(24).reshape(12, 2) == 7, -800, logvar), factors)
    with pytest.raises(metrics.NotComputable, match="must span less than 32,768 of the smallest"):
        metrics.posterior_mig(mean, np.full((12, 2), -20.0), factors[:, 1:])
