"""Statistics of many models, by construction."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from fastdis.studies.statistics import choice_by, explained_variance, rank_correlations, summarise

NAN = float("nan")


def test_the_interval_of_a_mean_covers_it() -> None:
    generator = np.random.default_rng(0)
    found = [summarise(generator.normal(size=20), replicates=300, seed=k) for k in range(200)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.88 < covered < 0.98  # the bootstrap of 20 is a little too narrow


def test_of_few_models_there_is_no_spread() -> None:
    one, none = summarise([0.5, NAN]), summarise([NAN])
    assert (one.count, one.mean, none.count) == (1, 0.5, 0)
    assert np.isnan([one.sd, one.low, one.high, none.mean]).all()
    same = summarise([0.5, 0.5, 0.5])
    assert (same.sd, same.low, same.high) == (0, 0.5, 0.5)


def test_correlations_are_those_of_scipy_with_ties_and_gaps() -> None:
    generator = np.random.default_rng(1)
    numbers = {name: generator.integers(0, 6, size=40).astype(float) for name in "abc"}
    numbers["b"][::7] = NAN
    found = rank_correlations(numbers)
    for i, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            known = ~(np.isnan(numbers[one]) | np.isnan(numbers[other]))
            expected = spearmanr(numbers[one][known], numbers[other][known]).statistic
            assert found.values[i, j] == pytest.approx(expected, abs=1e-12)
            assert found.counts[i, j] == known.sum()
    assert np.array_equal(found.values, found.values.T)


def test_a_monotone_number_correlates_wholly_and_an_independent_one_not() -> None:
    generator = np.random.default_rng(2)
    mig = generator.random(60)
    found = rank_correlations({"mig": mig}, {"dci": mig**3, "kl": -mig, "noise": generator.random(60)})
    assert (found.rows, found.columns) == (("mig",), ("dci", "kl", "noise"))
    assert found.values[0, :2].tolist() == pytest.approx([1, -1])
    assert found.low[0, :2].tolist() == pytest.approx([1, -1])
    assert found.low[0, 2] < 0 < found.high[0, 2]


def test_intervals_of_correlations_cover_the_truth() -> None:
    generator = np.random.default_rng(3)
    truth = 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)  # of two Gaussians of correlation sqrt(1/2)
    covered = []
    for k in range(100):
        x, noise = generator.normal(size=(2, 60))
        found = rank_correlations({"x": x}, {"y": x + noise}, replicates=300, seed=k)
        covered.append(found.low[0, 0] <= truth <= found.high[0, 0])
    assert 0.88 <= np.mean(covered) <= 0.99


def test_gaps_do_not_change_the_interval_of_what_is_there() -> None:
    generator = np.random.default_rng(6)
    x, y = generator.normal(size=(2, 50))
    x[::5] = NAN
    known = ~np.isnan(x)
    with_gaps, without = (
        rank_correlations({"x": x}, {"y": y}),
        rank_correlations({"x": x[known]}, {"y": y[known]}),
    )
    assert (with_gaps.low, with_gaps.high) == (without.low, without.high)


def test_what_does_not_vary_or_is_too_rare_has_no_correlation() -> None:
    found = rank_correlations({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0], "c": [1.0, NAN, 2.0]})
    assert np.isnan(found.values[0, 1])
    assert np.isnan(found.values[0, 2])
    assert found.counts[0, 2] == 2
    assert found.values[0, 0] == pytest.approx(1)


def test_shares_of_the_variance_by_construction() -> None:
    objectives = np.repeat(np.arange(4), 30)
    strengths = np.tile(np.repeat(np.arange(3), 10), 4)
    setting = list(zip(objectives.tolist(), strengths.tolist(), strict=True))
    noise = np.random.default_rng(4).normal(size=120)
    assert explained_variance(1.0 * objectives, objectives.tolist()) == pytest.approx(1)
    # means of 0 and 1 of equal weight: variance 1/4 between, and as much within
    assert explained_variance(np.tile([0.0, 1.0, 1.0, 2.0], 30), ["a", "a", "b", "b"] * 30) == pytest.approx(
        0.5
    )
    by_objective = explained_variance(objectives + 0.5 * strengths + 0.1 * noise, objectives.tolist())
    by_both = explained_variance(objectives + 0.5 * strengths + 0.1 * noise, setting)
    assert by_objective < by_both < 1
    # variances 1.25 of the objectives, 1/6 of the strengths, 0.01 of the seeds
    assert by_objective == pytest.approx(1.25 / (1.25 + 1 / 6 + 0.01), abs=0.02)
    assert by_both == pytest.approx(1 - 0.01 / (1.25 + 1 / 6 + 0.01), abs=0.002)


def test_chance_explains_as_much_as_there_are_labels() -> None:
    generator = np.random.default_rng(5)
    shares = [explained_variance(generator.normal(size=36), [k // 3 for k in range(36)]) for _ in range(300)]
    assert np.mean(shares) == pytest.approx(11 / 35, abs=0.02)


def test_variance_of_nothing_is_nan() -> None:
    assert np.isnan(explained_variance([0.3, 0.3], ["a", "b"]))
    assert np.isnan(explained_variance([0.3, NAN], ["a", "b"]))


def test_the_choice_of_a_criterion() -> None:
    choice = choice_by([NAN, 0.9, 0.2, 0.9], [0.9, 0.5, 0.7, 0.8])
    assert choice is not None
    assert (choice.model, choice.score, choice.best, choice.rank, choice.models) == (1, 0.5, 0.8, 2, 3)
    assert choice.mean == pytest.approx(2 / 3)
    assert choice_by([NAN], [1.0]) is None


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"values must have shape \(models,\), got \(1, 1\)"):
        summarise([[1.0]])
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 95"):
        summarise([1.0], confidence=95)
    with pytest.raises(ValueError, match=r"of the same models, got \[2, 3\]"):
        rank_correlations({"a": [1.0, 2.0]}, {"b": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="at least 1 number"):
        rank_correlations({})
    with pytest.raises(ValueError, match="labels must be 2"):
        explained_variance([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="got 2 and 1"):
        choice_by([1.0, 2.0], [1.0])
