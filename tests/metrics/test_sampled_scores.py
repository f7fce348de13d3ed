"""The scores that hold a factor fixed: against brute force, by construction, and what they must not do."""

import numpy as np
import pytest
from scipy import stats

from fastdis import metrics
from fastdis.metrics._sampling import Groups, split
from support import slow_metrics


def crossed(*sizes: int, repeats: int = 1) -> np.ndarray:
    grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.repeat(grid, repeats, axis=0)


def entangled(factors: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((factors.shape[1], 4))
    return (factors @ mixing + rng.standard_normal((len(factors), 4))).astype(np.float32)


VOTING = (metrics.beta_vae_score, metrics.factor_vae_score)


@pytest.mark.parametrize("score", VOTING)
def test_the_factors_themselves_are_perfect(score) -> None:
    factors = crossed(4, 5, 6)
    result = score(factors.astype(np.float32), factors)
    assert (result.score, result.train_accuracy) == (1.0, 1.0)
    assert result.active_codes == (0, 1, 2)


@pytest.mark.parametrize("score", VOTING)
def test_noise_is_chance(score) -> None:
    factors = crossed(4, 5, 6, repeats=20)
    codes = np.random.default_rng(0).standard_normal((len(factors), 3))
    assert score(codes, factors).score == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize("score", VOTING)
def test_the_seed_decides(score) -> None:
    factors = crossed(4, 5, 6)
    codes = entangled(factors)
    first, again, other = (score(codes, factors, seed=seed).to_dict() for seed in (1, 1, 2))
    assert first == again
    assert first["train_accuracy"] != other["train_accuracy"]


def test_factor_vae_score_agrees_with_brute_force() -> None:
    factors = crossed(3, 4, 5, repeats=4)
    codes = factors @ np.array([[1.0, 0.9, 0.2], [0.8, 1.0, 0.3], [0.1, 0.4, 0.6]])
    brute = slow_metrics.factor_vae_score(codes, factors, (2000, 2000), np.random.default_rng(0))
    ours = metrics.factor_vae_score(codes, factors).score
    assert 0.4 < brute < 0.98
    assert ours == pytest.approx(brute, abs=4 * np.sqrt(0.25 / 2000))


def test_dead_codes_are_pruned_and_never_win() -> None:
    factors = crossed(4, 5, 6)
    codes = np.column_stack([factors, np.zeros(120), np.full(120, 3.0), 0.01 * np.arange(120) / 120])
    result = metrics.factor_vae_score(codes, factors)
    assert result.score == 1.0
    assert result.active_codes == (0, 1, 2)
    assert (result.votes[3:] == 0).all()
    # constant codes are no candidates without a threshold either: their variance over itself is 0/0
    assert metrics.factor_vae_score(codes, factors, threshold=0.0).active_codes == (0, 1, 2, 5)


def test_no_active_code_scores_zero() -> None:
    factors = crossed(4, 5)
    result = metrics.factor_vae_score(np.ones((20, 3)), factors)
    assert (result.score, result.train_accuracy, result.active_codes) == (0.0, 0.0, ())


def test_votes_count_each_factor_equally_often() -> None:
    factors = crossed(2, 3, 50)
    votes = metrics.factor_vae_score(factors.astype(float), factors).votes
    assert votes.sum() == 10_000
    assert stats.chisquare(votes.sum(axis=0)).pvalue > 1e-4


def test_weights_lower_a_narrow_win() -> None:
    factors = crossed(4, 5, 6)
    clean, mixed = factors.astype(np.float32), entangled(factors)
    assert metrics.factor_vae_score(clean, factors, weighted=True).score == 1.0
    plain = metrics.factor_vae_score(mixed, factors).votes
    weighted = metrics.factor_vae_score(mixed, factors, weighted=True).votes
    assert (weighted <= plain + 1e-9).all()
    assert 0.5 * plain.sum() < weighted.sum() < plain.sum()


@pytest.mark.parametrize("score", VOTING)
def test_an_incomplete_grid_is_no_special_case(score) -> None:
    rng = np.random.default_rng(4)
    factors = crossed(6, 7, 8)[rng.choice(336, 150, replace=False)]
    factors[0, 0] = 900  # a value that one sample alone has is never drawn
    result = score(factors.astype(np.float32), factors)
    assert result.score > 0.97


def test_intervals_of_votes_contain_the_score_and_narrow_with_votes() -> None:
    factors = crossed(4, 5, 6)
    codes = entangled(factors)
    for score in VOTING:
        few = score(codes, factors, train_votes=300, test_votes=300, confidence=0.95)
        many = score(codes, factors, confidence=0.95)
        for result in (few, many):
            assert result.interval.low <= result.score <= result.interval.high
        assert few.interval.high - few.interval.low > 2 * (many.interval.high - many.interval.low)
        assert not many.interval.exact


def test_groups_share_the_value_and_spread_evenly() -> None:
    rng = np.random.default_rng(5)
    classes = np.column_stack([rng.integers(0, 3, 90), np.arange(90) % 2])
    groups = Groups("test", classes)
    rows = groups.rows(0, (30_000,), rng)
    mates = groups.sharing(0, rows, rng)
    assert (classes[rows, 0] == classes[mates, 0]).all()
    assert stats.chisquare(np.bincount(rows, minlength=90)).pvalue > 1e-4
    inside = mates[classes[mates, 0] == 1]
    counts = np.bincount(inside, minlength=90)[classes[:, 0] == 1]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_a_split_is_disjoint_and_keeps_its_proportion() -> None:
    train, test = split("test", 100, 60, 30, np.random.default_rng(0))
    assert (len(train), len(test), len(set(train) | set(test))) == (60, 30, 90)
    train, test = split("test", 30, 10_000, 5_000, np.random.default_rng(0))
    assert (len(train), len(test), len(set(train) | set(test))) == (20, 10, 30)
    with pytest.raises(ValueError, match="test: codes must have at least 3 rows to train and test on, got 2"):
        split("test", 2, 10_000, 5_000, np.random.default_rng(0))


@pytest.mark.parametrize("quantile", [0.5, 0.99, 1.0])
def test_irs_agrees_with_loops(quantile: float) -> None:
    factors = crossed(3, 4, 5, repeats=3)
    codes = entangled(factors, 6)
    codes[:, 2] = 5.0
    result = metrics.irs(codes, factors, quantile=quantile)
    assert result.score == pytest.approx(slow_metrics.irs(codes, factors, quantile), abs=1e-12)
    assert result.parents[2] == -1
    assert result.per_code[2] == 0


def test_irs_by_construction() -> None:
    factors = crossed(4, 5, 32)
    permuted = factors[:, [2, 0, 1]].astype(np.float32)
    result = metrics.irs(permuted, factors)
    assert result.score == pytest.approx(1.0)
    assert result.parents == (2, 0, 1)
    assert metrics.irs(np.zeros((640, 2)), factors).score == 0.0
    # 32 values are 32 values: binned to 20, some would share a bin and the code stray within it
    assert metrics.irs(factors[:, 2:].astype(float), factors).score == 1.0


def test_irs_does_not_change_with_scale_or_labels() -> None:
    factors = crossed(3, 4, 5)
    codes = entangled(factors, 7).astype(np.float64)
    expected = metrics.irs(codes, factors).score
    assert metrics.irs(codes * 4 - 3, factors).score == pytest.approx(expected, abs=1e-12)
    assert metrics.irs(codes, factors * 7 + 2).score == pytest.approx(expected, abs=1e-12)
