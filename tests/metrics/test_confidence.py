"""Intervals: do they contain what they should, as often as they say?"""

import numpy as np
import pytest

from fastdis import metrics
from fastdis.metrics import JointTable
from fastdis.metrics._confidence import interval, interval_of_votes

BOUNDED = ("mig", "robust_mig", "jemmig", "mig_sup", "dcimig")
UNBOUNDED = ("modularity", "aam")


def grid(*sizes: int) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


@pytest.fixture(scope="module")
def population() -> tuple[np.ndarray, np.ndarray]:
    factors = grid(4, 6, 8, 200)[:, :3]
    codes = factors + 0.8 * np.random.default_rng(0).standard_normal((len(factors), 3))
    codes[:, 1] += codes[:, 0]
    return np.clip(codes, -3, 12), factors  # clipped, so that samples span the range of the population


def draw(population, seed: int, samples: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).choice(len(population[0]), samples)
    rows[:6] = [*population[0].argmin(axis=0), *population[0].argmax(axis=0)]  # the same bins every time
    return population[0][rows], population[1][rows]


@pytest.mark.parametrize("name", BOUNDED)
def test_contains_the_score_and_repeats(name: str, population) -> None:
    codes, factors = draw(population, 0)
    score = getattr(metrics, name)
    result = score(codes, factors, confidence=0.95)
    assert 0 <= result.interval.low <= result.score <= result.interval.high <= result.largest
    assert result.interval.high > result.interval.low
    assert (result.interval.replicates, result.interval.confidence) == (1000, 0.95)
    again, other = (score(codes, factors, confidence=0.95, seed=seed).interval for seed in (0, 1))
    assert (again.low, again.high) == (result.interval.low, result.interval.high)
    assert (other.low, other.high) != (result.interval.low, result.interval.high)
    assert result.score == score(codes, factors).score
    wider = score(codes, factors, confidence=0.999).interval
    assert wider.low <= result.interval.low
    assert wider.high >= result.interval.high


def test_covers_the_score_of_the_population(population) -> None:
    """Fewer than 47 of 60 covered has probability 0.3 % if a 90 % interval keeps its promise."""
    names = ("mig", "mig_sup", "jemmig", "dcimig")
    truth = {name: getattr(metrics, name)(*population).score for name in names}
    covered = dict.fromkeys(truth, 0)
    for seed in range(60):
        table = JointTable.of(*draw(population, seed), replicates=200, seed=seed)
        for name, value in truth.items():
            found = getattr(metrics, name)(table, confidence=0.9).interval
            covered[name] += found.low <= value <= found.high
    assert min(covered.values()) >= 47, covered


def test_many_codes_that_know_nothing_are_covered_too() -> None:
    """Eight samples a cell, the fewest that are accepted; the bias is then above the sampling error."""
    rng = np.random.default_rng(0)
    factors = grid(5, 16, 800)[:, :2]
    codes = rng.standard_normal((len(factors), 10))
    codes[:, :2] += factors
    codes = np.clip(codes, -2.5, np.maximum(2.5, 2 + factors.max()))
    population = codes, factors
    names = ("mig", "mig_sup", "dcimig", "robust_mig")
    truth = {name: getattr(metrics, name)(*population).score for name in names}
    covered, plain = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for seed in range(40):
        rows = np.random.default_rng(seed).choice(len(codes), 2560)
        rows[:20] = [*codes.argmin(axis=0), *codes.argmax(axis=0)]
        table = JointTable.of(codes[rows], factors[rows], replicates=100, seed=seed)
        for name, value in truth.items():
            result = getattr(metrics, name)(table, confidence=0.9)
            covered[name] += result.interval.low <= value <= result.interval.high
            error = (result.interval.high - result.interval.low) / 2
            plain[name] += abs(result.score - value) <= error
    assert min(covered.values()) >= 30, covered  # below that with probability 0.4 %
    assert min(plain.values()) < 30, plain  # centred at the score, an interval of that width would fail


@pytest.mark.parametrize("name", UNBOUNDED)
def test_scores_whose_interval_would_not_cover_refuse_it(name: str, population) -> None:
    codes, factors = draw(population, 0)
    with pytest.raises(ValueError, match=f"{name}: confidence must be None but on a complete grid"):
        getattr(metrics, name)(codes, factors, confidence=0.95)
    evaluation = metrics.evaluate(codes, factors, ["mig", name], confidence=0.95)
    assert evaluation["mig"].interval is not None
    assert evaluation[name].interval is None
    assert evaluation[name].score == getattr(metrics, name)(codes, factors).score
    assert evaluation.no_interval.keys() == {name}
    assert evaluation.no_interval[name] in str(evaluation)
    assert evaluation.to_dict()["scores"][name]["no_interval"] == evaluation.no_interval[name]
    whole = grid(3, 4, 5)
    assert getattr(metrics, name)(whole + 0.1, whole, confidence=0.95).interval.exact


def test_a_table_too_sparse_has_no_interval(population) -> None:
    codes, factors = draw(population, 0, 1279)  # 8 x 20 bins x 8 values are 1,280
    with pytest.raises(ValueError, match=r"at least 8 samples a cell, 1,280 for .*, got 1,279"):
        metrics.mig(codes, factors, confidence=0.95)
    assert metrics.mig(*draw(population, 0, 1280), confidence=0.95).interval is not None


def test_a_complete_grid_is_exact() -> None:
    factors = grid(3, 4, 5)
    codes = factors + np.random.default_rng(1).standard_normal((60, 3))
    for repeats in (1, 2):
        result = metrics.mig(np.tile(codes, (repeats, 1)), np.tile(factors, (repeats, 1)), confidence=0.95)
        assert result.interval.exact
        assert result.interval.low == result.score == result.interval.high
        assert "no sampling error" in str(result)
    one_short = JointTable.of(codes[1:], factors[1:], replicates=1)
    assert not one_short.complete
    codes, factors = np.vstack([codes, codes[:1]]), np.vstack([factors, factors[:1]])
    assert not JointTable.of(codes, factors, replicates=1).complete


def test_width_falls_with_the_root_of_the_samples(population) -> None:
    def width(samples: int) -> float:
        found = metrics.dcimig(*draw(population, 2, samples), confidence=0.95).interval
        return found.high - found.low

    assert 1.5 < width(2000) / width(8000) < 2.7


def test_a_dead_code_stays_dead_in_every_replicate() -> None:
    rng = np.random.default_rng(3)
    factors = rng.integers(0, 4, (500, 2))
    codes = np.column_stack([factors, np.ones(500)])
    table = JointTable.of(codes, factors, replicates=50)
    assert all((r.mutual_information[2] == 0).all() for r in table.replicates)
    assert all(r.code_entropy[2] == pytest.approx(0, abs=1e-9) for r in table.replicates)


def test_replicates_of_a_table_are_needed_and_lost_with_more_samples(population) -> None:
    codes, factors = draw(population, 4)
    with pytest.raises(ValueError, match="mig: confidence needs a JointTable with replicates"):
        metrics.mig(JointTable.of(codes, factors), confidence=0.95)
    table = JointTable.of(codes, factors, replicates=20)
    assert metrics.mig(table, confidence=0.5).interval.replicates == 20
    table.update(codes[:5], factors[:5])
    assert table.replicates == ()


def test_the_basic_interval_reflects_the_replicates() -> None:
    replicates = np.linspace(0.5, 0.7, 1001)  # biased upwards from the score
    found = interval(0.55, replicates, 0.9)
    assert (found.low, found.high) == pytest.approx((2 * 0.55 - 0.69, 0.59))
    above = interval(0.4, replicates, 0.9)  # the reflection lies below the score, which is then the upper end
    assert (above.low, above.high) == pytest.approx((0.11, 0.4))
    assert interval(0.01, replicates, 0.9).low == 0.0


@pytest.mark.parametrize("share", [0.9993, 0.0007])
def test_votes_that_are_all_right_do_not_make_a_score_certain(share: float) -> None:
    """Of 500 votes, 7 draws in 10 are all right: a plain bootstrap would give those no width."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        score = rng.binomial(500, share) / 500
        replicates = rng.binomial(500, score, size=300) / 500
        found = interval_of_votes(score, replicates, 0.95, 500)
        covered += found.low <= share <= found.high
    assert covered >= 270


def test_a_score_of_all_votes_says_how_many_they_were() -> None:
    factors = grid(4, 5, 6)
    few, many = (
        metrics.factor_vae_score(factors * 10.0, factors, test_votes=votes, confidence=0.95)
        for votes in (100, 5000)
    )
    assert few.score == many.score == 1.0
    assert (few.interval.low, few.interval.high) == (pytest.approx(0.025 ** (1 / 100)), 1.0)
    assert many.interval.low == pytest.approx(0.025 ** (1 / 5000))
    dead = metrics.factor_vae_score(np.zeros((120, 3)), factors, confidence=0.95)
    assert (dead.interval.low, dead.interval.high) == (0.0, 0.0)  # by definition, whatever the votes
