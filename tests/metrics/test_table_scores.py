"""The scores of the joint table: against loops, by construction, and under what must not change them."""

import inspect
import warnings

import numpy as np
import pytest
import torch

from fastdis import metrics
from support import slow_metrics

TABLE_SCORES = ("mig", "robust_mig", "jemmig", "mig_sup", "dcimig", "modularity", "aam")
BEST_IS_ONE = ("mig", "mig_sup", "dcimig", "modularity", "aam")


def crossed(*sizes: int, repeats: int = 1) -> np.ndarray:
    """Every combination of the factors, in order."""
    grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.repeat(grid, repeats, axis=0).astype(np.int64)


def noisy(factors: np.ndarray, codes: int, noise: float, seed: int, dtype: type = np.float32) -> np.ndarray:
    """Codes that mix the factors, with noise."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((factors.shape[1], codes)) ** 3
    return (factors @ mixing + noise * rng.standard_normal((len(factors), codes))).astype(dtype)


@pytest.mark.parametrize("name", TABLE_SCORES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_loops(name: str, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, size, 400) for size in (2, 3, 7)], axis=1)
    codes = noisy(factors, 4, 0.5, seed, dtype)
    codes[:, 3] = 1.25  # dead
    expected = getattr(slow_metrics, name)(codes, factors)
    assert getattr(metrics, name)(codes, factors).score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", TABLE_SCORES)
def test_agrees_with_loops_for_other_bins(name: str) -> None:
    factors = crossed(3, 4, repeats=20)
    codes = noisy(factors, 3, 1.0, 5)
    for bins in (2, 7, 50):
        expected = getattr(slow_metrics, name)(codes, factors, bins)
        assert getattr(metrics, name)(codes, factors, bins=bins).score == pytest.approx(expected, abs=1e-12)


def test_parts_of_mig() -> None:
    factors = crossed(3, 4, repeats=10)
    codes = noisy(factors, 3, 1.0, 6)
    result = metrics.mig(codes, factors)
    np.testing.assert_allclose(
        result.mutual_information, slow_metrics.information_matrix(codes, factors), atol=1e-12
    )
    np.testing.assert_allclose(result.entropy, np.log([3, 4]), rtol=1e-12)
    assert result.score == pytest.approx(result.per_factor.mean())
    assert (result.samples, result.bins, result.factors) == (120, 20, (0, 1))


@pytest.mark.parametrize("name", BEST_IS_ONE)
def test_the_factors_themselves_are_perfect(name: str) -> None:
    factors = crossed(3, 4, 5)
    assert getattr(metrics, name)(factors.astype(np.float32), factors).score == pytest.approx(1.0, abs=1e-12)


def test_jemmig_of_the_factors_themselves_is_perfect_whatever_the_bins() -> None:
    factors = crossed(4, 4, repeats=3)
    result = metrics.jemmig(factors.astype(np.float32), factors, bins=4)
    assert result.score == pytest.approx(1.0)
    np.testing.assert_allclose(result.in_nats, 0.0, atol=1e-12)
    wider = metrics.jemmig(factors.astype(np.float32), factors, bins=20)
    np.testing.assert_allclose(wider.per_factor, 1.0)


@pytest.mark.parametrize("name", ["mig", "robust_mig", "aam"])
def test_duplicated_codes_leave_no_gap(name: str) -> None:
    factors = crossed(3, 4, repeats=3)
    codes = np.hstack([factors, factors]).astype(np.float32)
    assert getattr(metrics, name)(codes, factors).score == pytest.approx(0.0, abs=1e-12)
    assert metrics.modularity(codes, factors).score == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["mig", "robust_mig", "mig_sup", "dcimig", "modularity", "aam"])
def test_dead_codes_know_nothing(name: str) -> None:
    factors = crossed(3, 4, repeats=5)
    assert getattr(metrics, name)(np.full((60, 3), 7.0), factors).score == 0.0


def test_a_rotation_hurts() -> None:
    factors = crossed(8, 8, repeats=4)
    codes = factors - factors.mean(axis=0)
    turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    for name in ("mig", "mig_sup", "dcimig", "modularity", "aam", "jemmig"):
        score = getattr(metrics, name)
        assert score(codes, factors).score > score(codes @ turn, factors).score + 0.2


@pytest.mark.parametrize("name", TABLE_SCORES)
def test_invariances(name: str) -> None:
    """Order of samples, codes and factors, names of values, exact rescaling and reflection of codes."""
    factors = crossed(3, 4, 2, repeats=9)
    codes = noisy(factors, 4, 0.7, 7)
    score = getattr(metrics, name)
    expected = score(codes, factors).score
    rng = np.random.default_rng(8)
    rows = rng.permutation(len(codes))
    assert score(codes[rows], factors[rows]).score == expected
    assert score(codes[:, ::-1], factors).score == pytest.approx(expected, abs=1e-12)
    assert score(codes, factors[:, [2, 0, 1]]).score == pytest.approx(expected, abs=1e-12)
    relabelled = np.stack([rng.permutation(50)[:4][column] for column in factors.T], axis=1)
    assert score(codes, relabelled).score == pytest.approx(expected, abs=1e-12)
    assert score(codes * np.float32(4), factors).score == pytest.approx(expected, abs=1e-12)
    assert score(codes.astype(np.float64) * 3 + 11, factors).score == pytest.approx(
        score(codes.astype(np.float64), factors).score, abs=2e-3
    )


@pytest.mark.parametrize("name", TABLE_SCORES)
def test_scores_of_any_input_lie_in_their_range(name: str) -> None:
    rng = np.random.default_rng(9)
    for samples in (20, 33, 200):
        factors = rng.integers(0, 9, (samples, 3))
        factors[0], factors[1] = 0, 1
        result = getattr(metrics, name)(rng.standard_cauchy((samples, 4)), factors)
        assert 0 <= result.score <= result.largest


def test_tensors_and_arrays_and_layouts_give_the_same_bits() -> None:
    factors = crossed(3, 4, repeats=9)
    codes = noisy(factors, 3, 0.5, 10)
    expected = metrics.mig(codes, factors).score
    read_only = codes.copy()
    read_only.flags.writeable = False
    assert metrics.mig(torch.from_numpy(codes), torch.from_numpy(factors)).score == expected
    assert metrics.mig(torch.from_numpy(codes).requires_grad_(), factors).score == expected
    assert metrics.mig(np.asfortranarray(codes), np.asfortranarray(factors)).score == expected
    assert metrics.mig(codes.repeat(2, axis=1)[:, ::2], factors).score == expected
    assert metrics.mig(read_only, factors).score == expected
    for dtype in (np.uint8, np.int8, np.uint16, np.int32, np.uint32, np.uint64):
        assert metrics.mig(codes, factors.astype(dtype)).score == expected
    assert metrics.mig(codes.astype(">f4"), factors.astype(">i8")).score == expected


def test_half_precision_codes_are_widened() -> None:
    factors = crossed(3, 4, repeats=9)
    codes = torch.from_numpy(noisy(factors, 3, 0.5, 11)).bfloat16()
    assert metrics.mig(codes, factors).score == metrics.mig(codes.float(), factors).score


def test_a_constant_factor_is_left_out_with_a_warning() -> None:
    factors = crossed(1, 3, 4, repeats=9)
    codes = noisy(factors, 3, 0.5, 12)
    for name in TABLE_SCORES:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = getattr(metrics, name)(codes, factors)
        # this line has warned for the first score, and says it once
        expected = ["mig: factors column 0 is constant and left out"] if name == "mig" else []
        assert [str(w.message) for w in caught] == expected
        assert result.factors == (1, 2)
        assert result.score == getattr(metrics, name)(codes, factors[:, 1:]).score


def test_uniform_entropy_is_log_of_the_number_of_values() -> None:
    factors = np.array([0] * 30 + [5] * 10 + [9] * 20)[:, None]
    codes = np.column_stack([factors, np.zeros(60)])
    assert metrics.mig(codes, factors).score == pytest.approx(1.0)
    entropy = slow_metrics.entropy(factors[:, 0].tolist())
    assert metrics.mig(codes, factors, entropy="uniform").score == pytest.approx(entropy / np.log(3))


def test_a_result_is_plain_python_and_says_what_it_is() -> None:
    import json

    factors = crossed(3, 4, repeats=9)
    codes = noisy(factors, 3, 0.5, 13)
    for name in TABLE_SCORES:
        result = getattr(metrics, name)(codes, factors)
        content = json.loads(json.dumps(result.to_dict()))
        assert content["score"] == result.score
        assert len(content["definition"]) > 40
        assert str(result).startswith(f"{name} {result.score:.4f} (108 samples, 2 factors")
        assert list(inspect.signature(getattr(metrics, name)).parameters)[:2] == ["codes", "factors"]


def test_the_order_of_codes_does_not_choose_between_equals() -> None:
    """Both codes tell the factor; the second also tells something else."""
    factors = crossed(2, 6, repeats=2)[:, :1]
    codes = np.column_stack([factors[:, 0], 10 * factors[:, 0] + crossed(2, 6, repeats=2)[:, 1]])
    first, second = (metrics.jemmig(codes[:, order], factors) for order in ([0, 1], [1, 0]))
    assert first.score == pytest.approx(second.score, abs=1e-12)
    assert first.in_nats[0] == pytest.approx(np.log(2))  # H(code, factor), and no gap
