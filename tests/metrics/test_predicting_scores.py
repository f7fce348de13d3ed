"""The scores that fit a predictor: against scikit-learn used directly, and by construction."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

from fastdis import metrics
from fastdis.metrics._boosting import BoostedTrees
from fastdis.metrics._sampling import split
from fastdis.metrics.dci import _concentration
from support import slow_metrics


def crossed(*sizes: int, repeats: int = 1) -> np.ndarray:
    grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.repeat(grid, repeats, axis=0)


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    factors = crossed(2, 3, 4, repeats=30)
    codes = np.column_stack([factors, factors.sum(axis=1)]) + 0.6 * rng.standard_normal((720, 4))
    return codes.astype(np.float32), factors


def rows(samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return split("test", samples, 10_000, 5_000, np.random.default_rng(seed))


def test_sap_is_linear_svms_and_the_gap_of_the_best_two(data) -> None:
    codes, factors = data
    train, test = rows(720)
    matrix = np.empty((4, 3))
    for d in range(4):
        for k in range(3):
            model = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
            model.fit(codes[train, d : d + 1], factors[train, k])
            matrix[d, k] = np.mean(model.predict(codes[test, d : d + 1]) == factors[test, k])
    result = metrics.sap(codes, factors)
    np.testing.assert_allclose(result.matrix, matrix)
    ranked = np.sort(matrix, axis=0)
    assert result.score == pytest.approx((ranked[-1] - ranked[-2]).mean())
    assert (result.train, result.test) == (480, 240)


def test_continuous_sap_is_squared_correlation(data) -> None:
    codes, factors = data
    train, _ = rows(720)
    codes = np.column_stack([codes, np.full(720, 2.0)])
    result = metrics.sap(codes, factors, continuous=True)
    for d in range(4):
        for k in range(3):
            r = np.corrcoef(codes[train, d], factors[train, k])[0, 1]
            assert result.matrix[d, k] == pytest.approx(r**2)
    assert (result.matrix[4] == 0).all()


def test_sap_by_construction() -> None:
    factors = crossed(2, 2, repeats=100)
    perfect = metrics.sap(factors * 20.0 - 10, factors)
    assert perfect.score == pytest.approx(0.5, abs=0.1)  # the other code guesses one of two values
    twice = np.hstack([factors, factors]) * 20.0 - 10
    assert metrics.sap(twice, factors).score == 0.0
    assert metrics.sap(np.zeros((400, 3)), factors).score == 0.0


def test_explicitness_is_one_against_the_rest(data) -> None:
    codes, factors = data
    train, test = rows(720)
    mean, scale = codes[train].mean(axis=0), codes[train].std(axis=0)
    x, y = (codes[train] - mean) / scale, (codes[test] - mean) / scale
    expected = []
    for k in range(3):
        areas = []
        for value in np.unique(factors[:, k]):
            model = LogisticRegression(tol=1e-8, max_iter=1000).fit(x, factors[train, k] == value)
            areas.append(roc_auc_score(factors[test, k] == value, model.predict_proba(y)[:, 1]))
        expected.append(np.mean(areas))
    result = metrics.explicitness(codes, factors)
    np.testing.assert_allclose(result.per_factor, expected, atol=2e-4)
    assert result.score == pytest.approx(np.mean(expected), abs=2e-4)
    assert 0.5 < result.score < result.train_score + 0.05 < 1.05


def test_explicitness_by_construction() -> None:
    factors = crossed(3, 4, repeats=40)
    one_hot = np.hstack([np.eye(3)[factors[:, 0]], np.eye(4)[factors[:, 1]]])
    assert metrics.explicitness(one_hot, factors).score == pytest.approx(1.0)
    assert metrics.explicitness(np.ones((480, 2)), factors).score == pytest.approx(0.5)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_boosted_trees_are_those_of_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(classes)
    x = rng.standard_normal((600, 4)).astype(np.float32)
    z = x[:, 0] + 0.4 * x[:, 1] ** 2 + 0.3 * rng.standard_normal(600)
    y = np.digitize(z, np.quantile(z, np.arange(1, classes) / classes)) * 3
    # equally good splits are chosen at random, so theirs differ among themselves: ours is one more of them
    theirs = [GradientBoostingClassifier(random_state=seed).fit(x, y) for seed in range(3)]
    ours = BoostedTrees(0).fit(x, y)
    fresh = rng.standard_normal((2000, 4)).astype(np.float32)
    first, *others = (model.predict(fresh) for model in theirs)
    spread = min((first == other).mean() for other in others)
    assert max((ours.predict(fresh) == other).mean() for other in (first, *others)) >= min(spread, 0.99)
    importances = ours.feature_importances_
    assert min(np.abs(importances - model.feature_importances_).max() for model in theirs) <= 2e-3
    assert importances.sum() == pytest.approx(1.0)


def test_boosted_trees_do_not_depend_on_threads() -> None:
    import torch

    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((200, 3)), rng.integers(0, 4, 200)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = BoostedTrees(0).fit(x, y).feature_importances_
        torch.set_num_threads(2)
        np.testing.assert_array_equal(BoostedTrees(0).fit(x, y).feature_importances_, one)
    finally:
        torch.set_num_threads(threads)


def test_boosted_trees_without_a_split_have_no_importance() -> None:
    model = BoostedTrees(0).fit(np.zeros((30, 2)), np.arange(30) % 3)
    np.testing.assert_array_equal(model.feature_importances_, [0, 0])
    assert set(model.predict(np.zeros((5, 2)))) <= {0, 1, 2}


@pytest.mark.parametrize("predictor", ["gbt", "linear", "lightgbm"])
def test_dci_by_construction(predictor: str) -> None:
    if predictor == "lightgbm":
        pytest.importorskip("lightgbm")
    factors = crossed(3, 4, 2, repeats=10)
    perfect = metrics.dci(factors.astype(np.float32), factors, predictor=predictor)
    for part in (perfect.score, perfect.completeness, perfect.informativeness):
        assert part == pytest.approx(1.0, abs=1e-6)
    assert perfect.score == perfect.disentanglement
    np.testing.assert_allclose(perfect.importance / perfect.importance.sum(axis=0), np.eye(3), atol=1e-6)
    dead = metrics.dci(np.zeros((240, 3)), factors, predictor=predictor)
    assert (dead.score, dead.completeness) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_dci_from_its_importances(data) -> None:
    codes, factors = data
    result = metrics.dci(codes, factors, predictor="linear")
    assert result.score == pytest.approx(slow_metrics.disentanglement(result.importance.tolist()), abs=1e-8)
    columns = slow_metrics.disentanglement(result.importance.T.tolist())
    assert result.completeness == pytest.approx(columns, abs=1e-8)
    plain = metrics.dci(codes, factors, predictor="linear", completeness="mean")
    assert plain.completeness == pytest.approx(result.per_factor.mean())


def test_an_evenly_used_code_is_not_disentangled_and_an_empty_row_neither() -> None:
    np.testing.assert_allclose(
        _concentration(np.array([[2.0, 2.0], [3.0, 0.0], [0.0, 0.0]])), [0, 1, 0], atol=1e-9
    )


def test_downstream_agrees_with_scikit_learn_and_states_its_efficiency() -> None:
    rng = np.random.default_rng(2)
    factors = np.column_stack([rng.integers(0, 3, 16_000), rng.integers(0, 2, 16_000)])
    codes = factors + 0.5 * rng.standard_normal((16_000, 2))
    result = metrics.downstream(codes, factors, predictor="logistic")
    assert result.labels == (10, 100, 1_000, 10_000)
    assert (np.diff(result.accuracy) > -0.02).all()
    assert result.efficiency == pytest.approx(result.accuracy[1] / result.accuracy[3])
    best = LogisticRegression().fit(codes, factors[:, 0]).score(codes, factors[:, 0])
    assert result.per_factor[3, 0] == pytest.approx(best, abs=0.02)


def test_downstream_of_few_rows_leaves_out_what_does_not_fit(data) -> None:
    codes, factors = data
    result = metrics.downstream(codes, factors, labels=(10, 100, 1_000, 10_000))
    assert (result.labels, result.test, result.efficiency) == ((10, 100), 240, None)
    assert result.score == result.accuracy[-1] > result.accuracy[0]


def test_one_class_among_the_labels_is_predicted_as_such() -> None:
    factors = np.array([0] * 990 + [1] * 10)[:, None]
    codes = np.random.default_rng(3).standard_normal((1000, 2))
    result = metrics.downstream(codes, factors, labels=[10], predictor="logistic")
    assert result.score > 0.95


def test_cross_validated_logistic_regression(data) -> None:
    codes, factors = data
    result = metrics.downstream(codes, factors[:, :2], predictor="logistic_cv", labels=[100])
    assert 0.6 < result.score < 1


def test_sap_centres_a_code_far_from_zero_and_scales_one_beyond_a_thousand(data) -> None:
    codes, factors = data[0].astype(np.float64), data[1]
    train, _ = rows(720)
    near = codes - codes[train].mean(axis=0)
    expected = metrics.sap(near, factors)
    np.testing.assert_allclose(metrics.sap(near + 1e8, factors).matrix, expected.matrix, atol=0.01)
    large = near / np.abs(near[train]).max(axis=0) * 1000
    np.testing.assert_array_equal(
        metrics.sap(near * 1e80, factors).matrix, metrics.sap(large, factors).matrix
    )
    # ten of its ranges from zero a code is still the literature's, which the offset costs nearly all
    assert metrics.sap(near + 50, factors).score < expected.score / 2


def test_downstream_and_dci_see_float64_through_an_offset(data) -> None:
    codes, factors = data[0].astype(np.float64), data[1]
    for shifted in (codes + 1e8, codes * 1e-6, codes * 1e-6 + 1.0):
        found, expected = (metrics.dci(values, factors) for values in (shifted, codes))
        np.testing.assert_allclose(found.importance, expected.importance, atol=0.02)
        for predictor in ("gbt", "logistic"):
            if predictor == "logistic" and np.ptp(shifted) < 1:
                continue  # regularised: a small code counts less
            found, expected = (
                metrics.downstream(values, factors, predictor=predictor) for values in (shifted, codes)
            )
            assert found.score == pytest.approx(expected.score, abs=0.02)


def test_seeds_beyond_those_of_scikit_learn(data) -> None:
    for seed in (2**31 - 1, 2**32, 2**63 - 1):
        assert 0 < metrics.sap(*data, seed=seed).score < 1


def test_binned_trees_score_dci_as_exact_ones_do() -> None:
    """15,000 samples of which 10,000 are learned from, as in the literature: each part agrees to 0.01."""
    rng = np.random.default_rng(4)
    factors = np.column_stack([rng.integers(0, size, 15_000) for size in (3, 5)])
    codes = np.column_stack([factors @ [[1, 0.3], [0.2, 1]], rng.standard_normal(15_000)])
    codes += 0.3 * rng.standard_normal((15_000, 3))
    exact, binned = (metrics.dci(codes, factors, predictor=name) for name in ("gbt", "hist_gbt"))
    for part in ("disentanglement", "completeness", "informativeness"):
        assert getattr(binned, part) == pytest.approx(getattr(exact, part), abs=0.01)
    assert 0.1 < exact.disentanglement < 0.9


def test_train_on_all_takes_two_thirds_of_the_rows(data) -> None:
    result = metrics.dci(*data, predictor="hist_gbt", train="all", test=1)
    assert (result.train, result.test) == (480, 240)
    assert result.score == metrics.dci(*data, predictor="hist_gbt").score  # which takes all of so few too
    with pytest.raises(ValueError, match="dci: train must be one of 'all', got 'al'; did you mean all"):
        metrics.dci(*data, train="al")
    found = metrics.downstream(*data, predictor="hist_gbt", labels=[100, "all"], test=100)
    assert found.labels == (100, 620)
    with pytest.raises(TypeError, match=r"labels\[0\] must be an integer, got str 'some'"):
        metrics.downstream(*data, labels=["some"])


def test_downstream_states_accuracy_relative_to_ten_thousand_labels() -> None:
    rng = np.random.default_rng(2)
    factors = rng.integers(0, 3, (16_000, 1))
    codes = factors + 0.7 * rng.standard_normal((16_000, 1))
    found = metrics.downstream(codes, factors, predictor="logistic", labels=[10, 1_000, 10_000])
    np.testing.assert_allclose(found.relative_accuracy, found.accuracy / found.accuracy[2])
    few = metrics.downstream(codes, factors, predictor="logistic", labels=[10, 100])
    assert (few.relative_accuracy, few.efficiency) == (None, None)
