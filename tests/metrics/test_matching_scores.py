"""MCC, clusterability, UDR and linear interpolation: against what they are made of, and by construction."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso
from sklearn.metrics import adjusted_rand_score

from fastdis import metrics
from fastdis.metrics.clusterability import _adjusted_rand_index

RNG = np.random.default_rng(0)
FACTORS = np.column_stack([RNG.integers(0, 4, 600), RNG.standard_normal(600), RNG.integers(0, 2, 600)])
CODES = FACTORS @ RNG.standard_normal((3, 5)) + RNG.standard_normal((600, 5))


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_mcc_is_the_best_of_all_matchings(correlation: str) -> None:
    found = metrics.mcc(CODES, FACTORS, correlation=correlation)
    both = np.hstack([CODES, FACTORS])
    matrix = np.corrcoef(both.T) if correlation == "pearson" else spearmanr(both).statistic
    np.testing.assert_allclose(found.matrix, matrix[:5, 5:], atol=1e-12)
    best = max(
        permutations(range(5), 3), key=lambda codes: sum(abs(matrix[d, 5 + k]) for k, d in enumerate(codes))
    )
    assert found.codes == best
    expected = [abs(matrix[d, 5 + k]) for k, d in enumerate(best)]
    np.testing.assert_allclose(found.per_factor, expected)
    assert found.score == pytest.approx(np.mean(expected))


def test_mcc_by_construction() -> None:
    order = [2, 0, 1]
    found = metrics.mcc(-3 * FACTORS[:, order] + 1e6, FACTORS)
    assert (found.score, found.codes) == (pytest.approx(1), (1, 2, 0))
    few = metrics.mcc(FACTORS[:, :1], FACTORS)
    assert few.codes == (0, -1, -1)
    assert few.score == pytest.approx(1 / 3)
    assert metrics.mcc(np.ones((600, 4)), FACTORS).score == 0
    cubed = FACTORS[:, 1:2] ** 3
    assert metrics.mcc(cubed, FACTORS[:, 1:2]).score < 0.9
    assert metrics.mcc(cubed, FACTORS[:, 1:2], correlation="spearman").score == pytest.approx(1)
    with pytest.raises(
        ValueError, match="mcc: correlation must be one of 'pearson', 'spearman', got 'kendall'"
    ):
        metrics.mcc(CODES, FACTORS, correlation="kendall")


def test_the_adjusted_rand_index_is_scikit_learns() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a = rng.integers(0, 4, 200)
        b = (a + (rng.random(200) < 0.3) * rng.integers(0, 4, 200)) % 4
        table = np.bincount(a * 4 + b, minlength=16).reshape(4, 4).astype(float)
        assert _adjusted_rand_index(table) == pytest.approx(adjusted_rand_score(a, b))


def test_clusterability_by_construction() -> None:
    rng = np.random.default_rng(1)
    factors = np.column_stack([rng.integers(0, 3, 900), rng.integers(0, 4, 900)])
    corners = np.eye(3)[factors[:, 0]] * 20
    codes = np.column_stack([corners, factors[:, 1]]) + 0.1 * rng.standard_normal((900, 4))
    found = metrics.clusterability(codes, factors)
    assert found.per_factor[0] == found.purity_per_factor[0] == 1
    assert found.per_factor[1] < 0.1  # the other moves the codes further
    assert found.score == pytest.approx(found.per_factor.mean())
    alone = metrics.clusterability(codes[:, 3:], factors[:, 1:])
    assert (alone.score, alone.purity) == (1, 1)
    noise = metrics.clusterability(rng.standard_normal((900, 4)), factors)
    assert noise.score < 0.02
    np.testing.assert_allclose(noise.chance, [np.bincount(column).max() / 900 for column in factors.T])
    assert (noise.purity_per_factor >= noise.chance - 1e-12).all()
    few = metrics.clusterability(codes, factors, rows=300)
    assert (few.used, few.samples) == (300, 900)


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def udr_of_two(matrix: np.ndarray) -> float:
    """Equation 4 in plain loops."""
    rows, columns = matrix.shape
    total = sum(max(matrix[:, b]) ** 2 / sum(matrix[:, b]) for b in range(columns))
    total += sum(max(matrix[a]) ** 2 / sum(matrix[a]) for a in range(rows))
    return total / (rows + columns)


def test_udr_is_its_equation() -> None:
    rng = np.random.default_rng(2)
    z = rng.standard_normal((400, 3))
    mixed = np.column_stack([z @ rng.random((3, 2)), z])
    models = [z, z[:, ::-1] + 0.5 * rng.standard_normal((400, 3)), mixed]
    kl = [[1.0, 2.0, 0.005], [1.0, 1.0, 1.0], [0.5] * 5]
    found = metrics.udr(models, kl)
    kept = [models[0][:, :2], models[1], models[2]]
    for i in range(3):
        for j in range(3):
            if i != j:
                wide = spearmanr(np.hstack([kept[i], kept[j]])).statistic
                matrix = np.abs(wide[: kept[i].shape[1], kept[i].shape[1] :])
                assert found.pairwise[i, j] == pytest.approx(udr_of_two(matrix))
    np.testing.assert_allclose(found.per_model, np.nanmedian(found.pairwise, axis=1))
    assert found.informative == (2, 3, 5)
    assert found.score == found.per_model[found.best] == found.per_model.max()
    lasso = metrics.udr(models, kl, similarity="lasso")
    standard = [(model - model.mean(axis=0)) / model.std(axis=0) for model in kept]
    weights = np.abs([Lasso(alpha=0.1).fit(standard[0], y).coef_ for y in standard[1].T]).T
    with np.errstate(invalid="ignore"):
        total = [max(r) ** 2 / sum(r) if sum(r) > 0 else 0 for matrix in (weights, weights.T) for r in matrix]
    assert lasso.pairwise[0, 1] == pytest.approx(sum(total) / 5)


def test_udr_by_construction() -> None:
    z = np.random.default_rng(3).standard_normal((2000, 2))
    same = [z, -2 * z[:, ::-1] + 5, np.exp(z)]
    full = [np.ones(2)] * 3
    assert metrics.udr(same, full).score == pytest.approx(1, abs=0.05)
    turned = [z @ rotation(angle) for angle in (0, 0.9, 0.4)]
    assert metrics.udr(turned, full).score < 0.8
    dead = metrics.udr([z, z, np.zeros((2000, 2))], [[1, 1], [1, 1], [0, 0]])
    assert dead.pairwise[0, 2] == 0
    assert dead.informative == (2, 2, 0)
    assert metrics.udr([torch.from_numpy(z), z], [torch.ones(2), [1.0, 1.0]], similarity="lasso").score > 0.85


def test_udr_names_what_is_wrong() -> None:
    z = np.zeros((10, 2))
    for codes, kl, message in (
        ([z], [[1.0, 1.0]], "udr: codes must hold at least 2 models, got 1"),
        ([z, z], [[1.0, 1.0]], "udr: kl must hold 2 models like codes, got 1"),
        ([z, z[1:]], [[1.0, 1.0]] * 2, r"udr: codes\[1\] must have 10 rows like codes\[0\], got 9"),
        ([z, z], [[1.0, 1.0], [1.0]], r"udr: kl\[1\] must have 2 values like codes, got 1"),
        ([z, z + np.nan], [[1.0, 1.0]] * 2, r"udr: codes\[1\] must be finite, got nan in row 0, column 0"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.udr(codes, kl)


def test_a_path_is_as_much_longer_as_it_bends() -> None:
    turns = np.linspace(0, np.pi, 1001)
    arc = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    straight = np.linspace(arc[0], arc[-1], 1001)
    found = metrics.linear_interpolation(np.stack([arc, straight]))
    np.testing.assert_allclose(found.per_pair, [np.pi / 2, 1], rtol=1e-5)
    assert found.score == pytest.approx(found.per_pair.mean())
    closed = metrics.linear_interpolation(np.stack([arc, np.repeat(arc[:1], 1001, axis=0)]))
    assert closed.samples == 1
    assert np.isnan(closed.per_pair[1])
    assert closed.notes == ("1 pairs with equal ends are left out",)
    as_bytes = (100 + 100 * arc[None]).astype(np.uint8)
    assert metrics.linear_interpolation(torch.from_numpy(as_bytes)).score > 1.5


def test_paths_of_another_form_are_refused() -> None:
    for paths, message in (
        (np.zeros((2, 3)), r"paths must have shape \(pairs, steps, pixels\), each positive, got \(2, 3\)"),
        (np.zeros((2, 1, 3)), "paths must have at least 2 steps, got 1"),
        (np.full((2, 2, 2), np.nan), r"paths must be finite, got nan at \[0, 0, 0\]"),
        (np.zeros((2, 2, 2)), "paths must have two different ends, got none that has"),
    ):
        with pytest.raises(ValueError, match=f"linear_interpolation: {message}"):
            metrics.linear_interpolation(paths)
    with pytest.raises(TypeError, match="paths must have a real dtype, got torch"):
        metrics.linear_interpolation(np.zeros((2, 2, 2), bool))
