"""Rotated posteriors: the same KL and densities, in other coordinates; maps that keep a prior."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

import fastdis
from fastdis.posterior import entangled, gaussian_kl_full, rotated

Float = NDArray[np.float64]


@pytest.fixture
def rotation() -> Float:
    return stats.ortho_group.rvs(4, random_state=0)


@pytest.fixture
def posteriors() -> tuple[Float, Float]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, (50, 4)), rng.normal(-2, 2, (50, 4))


def test_the_kl_stays(posteriors: tuple[Float, Float], rotation: Float) -> None:
    before = fastdis.gaussian_kl(*map(torch.from_numpy, posteriors), reduction="none").sum(dim=1).numpy()
    np.testing.assert_allclose(gaussian_kl_full(*rotated(*posteriors, rotation)), before, rtol=1e-12)


def test_densities_move_with_the_points(posteriors: tuple[Float, Float], rotation: Float) -> None:
    mean, logvar = posteriors
    turned, covariance = rotated(mean, logvar, rotation)
    z = np.random.default_rng(1).normal(mean, np.exp(0.5 * logvar))
    for row in range(5):
        before = stats.multivariate_normal(mean[row], np.diag(np.exp(logvar[row]))).logpdf(z[row])
        after = stats.multivariate_normal(turned[row], covariance[row]).logpdf(rotation @ z[row])
        assert after == pytest.approx(before, rel=1e-9)
    assert np.abs(covariance[0] - np.diag(np.diag(covariance[0]))).max() > 1e-3  # no longer diagonal


PRIORS = {"normal": stats.norm(), "uniform": stats.uniform(), "exponential": stats.expon(), "t": stats.t(3)}


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_kept_and_its_latents_are_mixed(name: str, rotation: Float) -> None:
    prior = PRIORS[name]
    z = prior.rvs((20_000, 4), random_state=0)
    found = entangled(z, rotation, cdf=prior.cdf, quantile=prior.ppf)
    for column in found.T:
        assert stats.kstest(column, prior.cdf).pvalue > 1e-3
    ranks = stats.rankdata(found, axis=0)
    assert np.abs(np.corrcoef(ranks.T) - np.eye(4)).max() < 0.03
    both = stats.spearmanr(z, found).statistic[:4, 4:]
    assert (np.abs(both) > 0.05).sum() > 8  # a latent depends on several of the old ones
    back = entangled(found, rotation.T, cdf=prior.cdf, quantile=prior.ppf)
    np.testing.assert_allclose(back, z, rtol=1e-4, atol=1e-6)
    if name == "normal":
        np.testing.assert_allclose(found, entangled(z, rotation), rtol=1e-6, atol=1e-9)


def test_the_ends_of_a_distribution_are_finite(rotation: Float) -> None:
    ends = entangled(np.array([[0.0, 1.0, 0.0, 1.0]]), rotation, cdf=lambda u: u, quantile=lambda u: u)
    assert ((ends >= 0) & (ends <= 1)).all()


def test_what_is_refused(posteriors: tuple[Float, Float], rotation: Float) -> None:
    with pytest.raises(ValueError, match=r"rotated: rotation must be orthogonal, .* got 3"):
        rotated(*posteriors, 2 * rotation)
    with pytest.raises(ValueError, match=r"rotation must have shape \(4, 4\), got \(3, 3\)"):
        rotated(*posteriors, np.eye(3))
    with pytest.raises(ValueError, match="cdf and quantile must be given together"):
        entangled(posteriors[0], rotation, cdf=lambda u: u)
    with pytest.raises(ValueError, match="cdf must give numbers between 0 and 1"):
        entangled(posteriors[0], rotation, cdf=lambda u: u, quantile=lambda u: u)
    with pytest.raises(ValueError, match="positive definite, got another in row 1"):
        gaussian_kl_full(np.zeros((2, 2)), np.stack([np.eye(2), -np.eye(2)]))
    with pytest.raises(ValueError, match=r"covariance must have shape \(2, 2, 2\) like mean"):
        gaussian_kl_full(np.zeros((2, 2)), np.eye(2))
