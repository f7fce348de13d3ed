"""Scores without factors, against closed forms of Gaussians."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from fastdis import metrics
from support import slow_metrics


def gaussian(correlation: float, samples: int = 400) -> np.ndarray:
    """Codes whose covariance is exactly [[4, 2 r], [2 r, 1]]."""
    x = np.random.default_rng(0).standard_normal((samples, 2))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False)).T)
    covariance = np.array([[4.0, 2 * correlation], [2 * correlation, 1.0]])
    return x @ np.linalg.cholesky(covariance).T


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.9])
def test_gaussian_total_correlation(correlation: float) -> None:
    result = metrics.unsupervised(gaussian(correlation))
    assert result.score == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=1e-10)


def test_wasserstein_correlation() -> None:
    codes = gaussian(0.7)
    covariance = np.cov(codes, rowvar=False)
    root = sqrtm(covariance * np.diag(covariance)[:, None])
    expected = 2 * np.trace(covariance) - 2 * np.trace(root).real
    result = metrics.unsupervised(codes)
    assert result.wasserstein_correlation == pytest.approx(expected, abs=1e-9)
    assert result.wasserstein_correlation_norm == pytest.approx(expected / 5, abs=1e-9)


def test_mutual_information_is_the_mean_over_pairs() -> None:
    codes = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    codes[:, 2] += codes[:, 0]
    binned = [slow_metrics.bins_of(column, 20) for column in codes.T]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([slow_metrics.mutual_information(binned[a], binned[b]) for a, b in pairs])
    assert metrics.unsupervised(codes).mutual_information == pytest.approx(expected, abs=1e-12)


def test_dead_codes_are_left_out() -> None:
    codes = np.column_stack([gaussian(0.5), np.full(400, 3.0)])
    result = metrics.unsupervised(codes)
    assert result.active_codes == (0, 1)
    assert result.score == pytest.approx(-0.5 * np.log(0.75), abs=1e-10)
    assert metrics.unsupervised(np.ones((50, 3))).to_dict()["wasserstein_correlation_norm"] == 0.0


def test_a_duplicated_code_is_as_dependent_as_can_be() -> None:
    codes = np.repeat(np.arange(32.0)[:, None], 2, axis=1)
    result = metrics.unsupervised(codes)
    assert result.score > 15
    assert result.to_dict()["score"] in (None, result.score)  # JSON has no infinity


def test_one_code_has_nothing_to_depend_on() -> None:
    with pytest.raises(ValueError, match="unsupervised: codes must have at least 2 columns, got 1"):
        metrics.unsupervised(np.arange(50.0)[:, None])
