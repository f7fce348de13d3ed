"""The decomposition of the KL: closed forms, brute force, the identities it must keep, and its arguments."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing

from fastdis import posterior
from support import workers


def narrow(count: int = 600, latent: int = 4, seed: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal((count, latent)).astype(np.float32)
    return mean, np.float32(2) * np.log(np.float32(0.3)) + np.float32(0.2) * mean


@pytest.mark.parametrize("samples", [1, 3])
def test_parts_add_up_and_agree_with_every_pair(samples: int) -> None:
    mean, logvar = narrow()
    result = posterior.decompose(mean, logvar, samples=samples)
    brute = posterior.decompose(mean, logvar, samples=samples, backend="reference")
    parts = result.index_code_mi + result.total_correlation + result.dimwise_kl
    assert parts == pytest.approx(result.kl, abs=1e-12)
    assert result.dimwise_kl_per_latent.sum() == pytest.approx(result.dimwise_kl, abs=1e-12)
    assert result.log_qz.shape == (samples, 600)
    assert np.abs(result.log_qz - brute.log_qz).max() <= result.truncation_error <= 1e-4
    for name in ("index_code_mi", "total_correlation", "dimwise_kl"):
        assert abs(getattr(result, name) - getattr(brute, name)) <= result.truncation_error
    assert brute.truncation_error == 0
    assert brute.pairs_evaluated == 1
    assert result.kl == brute.kl  # of the same samples


def test_equal_posteriors_carry_no_information() -> None:
    mean, logvar = np.full((500, 3), 0.7), np.full((500, 3), -1.0)
    result = posterior.decompose(mean, logvar, samples=20)
    assert abs(result.index_code_mi) <= result.truncation_error
    assert abs(result.total_correlation) <= result.truncation_error
    exact = 0.5 * (0.49 + math.exp(-1) + 1 - 1)  # of one latent
    assert np.abs(result.dimwise_kl_per_latent - exact).max() < 0.02


def test_separate_posteriors_tell_the_image_and_no_more() -> None:
    mean = 1000.0 * np.arange(300.0).reshape(300, 1) * np.ones((1, 2))
    result = posterior.decompose(mean, np.zeros((300, 2)))
    assert result.index_code_mi == pytest.approx(math.log(300), abs=1e-9)
    assert result.index_code_mi <= math.log(300)
    # two copies of one code: all it tells is shared
    assert result.total_correlation == pytest.approx(math.log(300), abs=1e-4)


@pytest.mark.parametrize("deviation", [1e-3, 0.05, 0.5])
def test_information_never_exceeds_that_of_the_index(deviation: float) -> None:
    mean, _ = narrow(400)
    result = posterior.decompose(mean, np.full_like(mean, 2 * math.log(deviation)))
    assert result.index_code_mi <= math.log(400)


def test_total_correlation_of_a_gaussian() -> None:
    """q(z) close to a Gaussian with correlation R has total correlation -1/2 log det R."""
    rng = np.random.default_rng(1000)
    correlation = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
    deviation = 0.15
    factor = np.linalg.cholesky(correlation - deviation**2 * np.eye(3))
    mean = rng.standard_normal((60_000, 3)) @ factor.T
    result = posterior.decompose(mean, np.full_like(mean, 2 * math.log(deviation)))
    exact = -0.5 * np.linalg.slogdet(correlation)[1]
    assert exact > 0.5
    # 60,000 kernels of volume 0.15^3 smooth the density to about 0.01
    assert abs(result.total_correlation - exact) < 4 * result.total_correlation_error + 0.02


def test_standard_error_is_that_of_repeated_runs() -> None:
    mean, logvar = narrow(300)
    runs = [posterior.decompose(mean, logvar, seed=seed, queries=100) for seed in range(60)]
    spread = np.std([run.kl for run in runs], ddof=1)
    claimed = np.mean([run.kl_error for run in runs])
    # 100 of 300 images without replacement: two thirds of the variance between images
    assert 0.6 * claimed < spread < 1.3 * claimed


def test_a_sampled_expectation_keeps_all_posteriors() -> None:
    mean, logvar = narrow(900)
    full = posterior.decompose(mean, logvar)
    part = posterior.decompose(mean, logvar, queries=300)
    assert part.posteriors == 900
    assert part.log_qz.shape == (1, 300)
    assert abs(part.index_code_mi - full.index_code_mi) < 5 * part.index_code_mi_error


def wide(count: int) -> tuple[np.ndarray, np.ndarray]:
    """As of an untrained encoder: every pair matters."""
    mean, _ = narrow(count)
    return np.float32(0.05) * mean, np.float32(0.02) * mean


def test_more_pairs_than_allowed_are_refused_before_the_work() -> None:
    mean, logvar = wide(3000)
    with pytest.raises(RuntimeError) as refused:
        posterior.decompose(mean, logvar, max_pairs=1e6)
    assert str(refused.value).startswith(
        "decompose: max_pairs is 1e+06, but about 9e+06 pairs (100.00% of all) would be evaluated: "
        'ask for queries="auto", 333 queries at most, '
    )
    assert posterior.decompose(mean, logvar, max_pairs=1e6, queries=333).queries == 333
    with pytest.raises(RuntimeError, match="evaluated: ask for a larger tolerance or a larger max_pairs"):
        posterior.decompose(mean, logvar, max_pairs=1e3, queries="auto")
    with pytest.raises(RuntimeError, match=r"log_density: max_pairs is 1e\+06.*ask for fewer z, a larger"):
        posterior.log_density(mean, mean, logvar, max_pairs=1e6)
    assert posterior.log_density(mean[:300], mean, logvar, max_pairs=1e6).shape == (300,)


def test_the_expectation_is_sampled_only_where_it_must_be() -> None:
    mean, logvar = wide(3000)
    full = posterior.decompose(mean, logvar)
    part = posterior.decompose(mean, logvar, queries="auto", max_pairs=1e6, samples=2)
    assert (full.queries, part.queries, part.samples) == (3000, 166, 2)
    assert part.pairs_evaluated * 2 * part.queries * 3000 < 1.01e6
    assert str(part).startswith("q(z) over 3,000 images, 2 z from each of 166 of them drawn at random\n")
    assert str(full).startswith("q(z) over 3,000 images, 1 z from each\n")
    for name in ("index_code_mi", "total_correlation", "dimwise_kl", "kl"):
        difference = getattr(part, name) - getattr(full, name)
        assert abs(difference) < 4 * getattr(part, f"{name}_error") + 2e-4, name
    mean, logvar = narrow(3000)
    everything = posterior.decompose(mean, logvar - 3)
    assert everything.pairs_evaluated < 0.1
    assert posterior.decompose(mean, logvar - 3, queries="auto", max_pairs=1e6).kl == everything.kl


def test_the_seed_and_the_number_of_threads() -> None:
    mean, logvar = narrow(4000)
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(posterior.decompose(mean, logvar, seed=3).to_dict())
    torch.set_num_threads(threads)
    assert results[0] == results[1]
    assert posterior.decompose(mean, logvar, seed=4).kl != results[0]["kl"]


def test_tensors_and_arrays_are_alike() -> None:
    mean, logvar = narrow(200)
    one = posterior.decompose(mean, logvar)
    other = posterior.decompose(torch.from_numpy(mean).requires_grad_(), torch.from_numpy(logvar))
    assert one.to_dict() == other.to_dict()
    assert posterior.decompose(mean.astype(np.float16), logvar.astype(np.float16)).kl > 0


def test_one_posterior_and_one_latent() -> None:
    result = posterior.decompose(np.array([[0.5]]), np.array([[-2.0]]))
    assert result.index_code_mi == pytest.approx(0, abs=1e-9)
    assert result.kl_error is None  # one draw has no spread


def test_result_prints_and_turns_into_json() -> None:
    result = posterior.decompose(*narrow(200))
    text = str(result)
    assert "index-code MI" in text
    assert f"{result.total_correlation:.4f}" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    parts = json.loads(json.dumps(result.to_dict()))
    assert parts["kl"] == result.kl
    assert len(parts["dimwise_kl_per_latent"]) == 4
    assert "log_qz" not in parts


def test_densities_at_samples_of_the_prior() -> None:
    mean, logvar = narrow(500)
    z = np.random.default_rng(2).standard_normal((50, 4)).astype(np.float32)
    squares = (z[:, None].astype(float) - mean) ** 2 * np.exp(-logvar.astype(float))
    terms = -0.5 * (squares + logvar + math.log(2 * math.pi))
    joint = np.log(np.exp(terms.sum(axis=2)).mean(axis=1))
    assert np.abs(posterior.log_density(z, mean, logvar) - joint).max() < 1e-4
    marginal = np.log(np.exp(terms).mean(axis=1))
    assert np.abs(posterior.marginal_log_density(z, mean, logvar) - marginal).max() < 1e-6


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    mean, logvar = narrow(501)
    torch.multiprocessing.spawn(workers.sum_shard, (str(tmp_path), mean[:70], mean, logvar), nprocs=2)
    alone = posterior.sharded_log_density(mean[:70], mean, logvar)
    both = [np.load(tmp_path / f"{rank}.npy") for rank in range(2)]
    assert np.array_equal(both[0], both[1])
    assert np.abs(both[0] - alone).max() <= 1e-4


def test_wrong_arguments_are_named() -> None:
    mean, logvar = narrow(20)
    with pytest.raises(TypeError, match="decompose: mean must be a NumPy array or a torch tensor, got list"):
        posterior.decompose([[0.0]], logvar)
    with pytest.raises(TypeError, match="decompose: logvar must have a real dtype, got complex128"):
        posterior.decompose(mean, logvar.astype(complex))
    with pytest.raises(ValueError, match=r"logvar must have shape \(20, 4\) like mean, got \(20, 3\)"):
        posterior.decompose(mean, logvar[:, :3])
    mean[7, 2] = np.inf
    with pytest.raises(ValueError, match="mean must be finite, got inf in row 7, column 2"):
        posterior.decompose(mean, logvar)


def test_curves_are_densities_and_reach_the_ends() -> None:
    mean, logvar = narrow(300)
    z, density = posterior.marginal_curves(mean, logvar, points=2001)
    assert z.shape == density.shape == (2001, 4)
    assert np.abs(np.trapezoid(density, z, axis=0) - 1).max() < 1e-3
    assert (z[0] <= -4).all()
    assert (z[-1] >= 4).all()
    expected = np.exp(posterior.marginal_log_density(z[900:910].astype(np.float32), mean, logvar))
    assert density[900:910] == pytest.approx(expected, rel=1e-3)
