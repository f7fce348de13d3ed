"""Scores with a rule for continuous factors: against the rule written out, and by construction."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from fastdis import metrics
from fastdis.metrics._boosting import BoostedRegression
from fastdis.metrics._sampling import split
from fastdis.metrics.binning import bin_edges, bin_numbers


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Two numbers and a factor of 3 classes; codes that mix them a little, and one of noise."""
    rng = np.random.default_rng(0)
    factors = np.column_stack([rng.uniform(5, 9, 900), rng.standard_normal(900), rng.integers(0, 3, 900)])
    mixed = factors / factors.std(axis=0) @ [[1, 0, 0.2], [0.2, 1, 0], [0, 0, 1]]
    codes = np.column_stack([mixed, rng.standard_normal(900)]) + 0.1 * rng.standard_normal((900, 4))
    return codes, factors


def rows(samples: int) -> tuple[np.ndarray, np.ndarray]:
    return split("test", samples, 10_000, 5_000, np.random.default_rng(0))


def test_sap_takes_squared_correlations_for_numbers_and_accuracies_for_classes(data) -> None:
    codes, factors = data
    found = metrics.sap(codes, factors)
    assert found.continuous == (0, 1)
    train, _ = rows(900)
    for k in range(2):
        expected = [np.corrcoef(codes[train, d], factors[train, k])[0, 1] ** 2 for d in range(4)]
        np.testing.assert_allclose(found.matrix[:, k], expected, rtol=1e-9)
    np.testing.assert_array_equal(found.matrix[:, 2], metrics.sap(codes, factors[:, 2:]).matrix[:, 0])
    assert metrics.sap(codes, factors, continuous=True).continuous == (0, 1, 2)
    np.testing.assert_array_equal(metrics.sap(codes, factors, continuous=[1, 0]).matrix, found.matrix)


def test_what_is_continuous_can_be_said_and_not_denied(data) -> None:
    codes, factors = data
    with pytest.raises(ValueError, match=r"sap: factors must be classes, .* column 0: a continuous"):
        metrics.sap(codes, factors, continuous=False)
    with pytest.raises(ValueError, match=r"sap: factors must be classes, .* column 1"):
        metrics.sap(codes, factors, continuous=[0])
    with pytest.raises(ValueError, match="sap: continuous must be between 0 and 2, got 3"):
        metrics.sap(codes, factors, continuous=[3])
    with pytest.raises(TypeError, match="sap: continuous must be a bool, None or columns of the"):
        metrics.sap(codes, factors, continuous="0")
    with pytest.warns(UserWarning, match="column 3 is constant and left out"):
        found = metrics.sap(codes, np.column_stack([factors, np.full(900, 0.5)]))
    assert found.factors == (0, 1, 2)


@pytest.mark.parametrize("predictor", ["gbt", "hist_gbt", "linear"])
def test_dci_learns_numbers_by_regression(data, predictor: str) -> None:
    codes, factors = data
    found = metrics.dci(codes, factors, predictor=predictor)
    assert found.continuous == (0, 1)
    assert 0.85 < found.informativeness < 1
    perfect = metrics.dci(factors, factors, predictor=predictor)
    assert perfect.informativeness > 0.99
    for part in (perfect.disentanglement, perfect.completeness):
        assert part == pytest.approx(1, abs=0.01 if predictor != "linear" else 0.05)
    assert found.disentanglement < perfect.disentanglement


def test_regression_trees_are_those_of_scikit_learn(data) -> None:
    codes, factors = (array.astype(np.float32) for array in data)
    target = (factors[:, 0] - factors[:, 0].mean()).astype(np.float64)
    target /= target.std()
    theirs = GradientBoostingRegressor(random_state=0).fit(codes, target)
    for binned in (False, True):
        ours = BoostedRegression(0, binned=binned).fit(codes, target)
        np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=0.01)
        off = np.abs(ours.predict(codes) - theirs.predict(codes))
        assert np.median(off) < (0.03 if binned else 1e-6)


def test_r2_is_the_coefficient_of_determination(data) -> None:
    codes, factors = data
    train, test = rows(900)
    found = metrics.r2(codes, factors)
    model = LinearRegression().fit(codes[train], factors[train])
    expected = [
        1
        - np.sum((factors[test, k] - model.predict(codes[test])[:, k]) ** 2)
        / np.sum((factors[test, k] - factors[test, k].mean()) ** 2)
        for k in range(3)
    ]
    np.testing.assert_allclose(found.per_factor, expected, atol=1e-3)  # theirs has an intercept
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    np.testing.assert_allclose(metrics.r2(codes @ turn, factors).per_factor, found.per_factor, atol=1e-9)


def test_r2_by_construction() -> None:
    rng = np.random.default_rng(1)
    angle = rng.uniform(-1, 1, (3000, 1))
    assert metrics.r2(angle * [1, -2], angle).score == pytest.approx(1)
    noise = metrics.r2(rng.standard_normal((3000, 20)), angle)
    assert noise.per_factor[0] < 0.01
    assert noise.score == max(0, noise.per_factor[0])
    squares = np.column_stack([angle[:, 0] ** 2, rng.standard_normal(3000)])
    assert metrics.r2(squares, angle**2, predictor="gbt").score > 0.99
    assert metrics.r2(angle, angle**2).score < 0.05  # no straight line
    assert metrics.r2(angle, angle**2, predictor="hist_gbt", train="all").score > 0.99


def test_votes_hold_a_bin_of_a_continuous_factor_fixed() -> None:
    rng = np.random.default_rng(2)
    factors = np.column_stack([rng.standard_normal(4000), rng.uniform(size=4000), rng.integers(0, 4, 4000)])
    codes = factors + 0.01 * rng.standard_normal((4000, 3))
    for score in (metrics.factor_vae_score, metrics.beta_vae_score):
        found = score(codes, factors, train_votes=300, test_votes=200)
        assert found.score > 0.95
        assert found.factor_bins == {0: 20, 1: 20}
        wide = score(codes, factors, train_votes=300, test_votes=200, binning="width", factor_bins=7)
        assert wide.factor_bins == {0: 7, 1: 7}
        classes = np.column_stack(
            [bin_numbers(column, bin_edges(column, 20, "quantile")) for column in factors.T[:2]]
        )
        by_hand = np.column_stack([classes, factors[:, 2]])
        assert score(codes, by_hand, train_votes=300, test_votes=200).score == found.score
        with pytest.raises(ValueError, match="binning must be one of 'width', 'quantile', got 'quantiles'"):
            score(codes, factors, binning="quantiles")


def test_bins_of_equal_counts_and_of_equal_width() -> None:
    values = np.array([0.0, 0, 0, 0, 1, 2, 4, 8])
    assert bin_numbers(values, bin_edges(values, 4, "width")).tolist() == [0, 0, 0, 0, 0, 1, 2, 3]
    assert bin_numbers(values, bin_edges(values, 4, "quantile")).tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert bin_edges(values[:4], 4, "quantile").tolist() == [0, 0]
    spread = np.random.default_rng(0).standard_exponential(1000)
    counts = np.bincount(bin_numbers(spread, bin_edges(spread, 10, "quantile")))
    assert counts.tolist() == [100] * 10


def test_evaluate_scores_what_has_a_rule_and_says_why_not_of_the_others(data) -> None:
    evaluation = metrics.evaluate(*data, ["mig", "sap", "r2", "irs", "mcc", "unsupervised"])
    assert list(evaluation.results) == ["sap", "r2", "mcc", "unsupervised"]
    for name in ("mig", "irs"):
        assert evaluation.failures[name].endswith("in row 0, column 0: a continuous factor has no classes")
    with pytest.raises(ValueError, match=r"got nan in row 3, column 1$"):
        metrics.mig(data[0], np.where((np.arange(900)[:, None] == 3) & (np.arange(3) == 1), np.nan, data[1]))
