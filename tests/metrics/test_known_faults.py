"""Faults that public code of these scores is known for, each as a test that ours does not have it."""

import warnings

import numpy as np
import pytest

from fastdis import metrics


def crossed(*sizes: int) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def test_a_dead_code_wins_no_vote() -> None:
    """With a threshold of 0 its variance ratio is 0/0, which an argmin takes for the smallest."""
    factors = crossed(4, 5, 6)
    codes = np.insert(factors.astype(np.float32), 0, 0.25, axis=1)
    for threshold in (0.0, 0.05):
        result = metrics.factor_vae_score(codes, factors, threshold=threshold)
        assert result.score == 1.0
        assert result.votes[0].sum() == 0


def test_codes_are_not_scrambled_by_their_layout() -> None:
    """``.view(D, N)`` where the transpose was meant mixes samples and codes."""
    factors = crossed(4, 5, 6)
    codes = np.ascontiguousarray(factors.astype(np.float32))
    scrambled = codes.reshape(3, 120).T
    assert metrics.mig(codes, factors).score == pytest.approx(1.0)
    assert metrics.mig(np.asfortranarray(codes), factors).score == pytest.approx(1.0)
    assert metrics.mig(scrambled, factors).score < 0.2


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_codes_after_a_dead_one_still_count(dead: int) -> None:
    """A ``break`` where a code is dead leaves all later ones at 0."""
    factors = crossed(4, 5, 6)
    codes = np.insert(factors.astype(np.float32), dead, 1.0, axis=1)
    assert metrics.mig(codes, factors).score == pytest.approx(1.0)
    assert metrics.modularity(codes, factors).per_code.round(9).tolist().count(1.0) == 3
    assert metrics.irs(codes, factors).per_code.round(9).tolist().count(1.0) == 3
    linear = metrics.dci(codes, factors, predictor="linear")
    assert linear.disentanglement == pytest.approx(1.0, abs=1e-6)


def test_factors_are_not_binned_again() -> None:
    """Binned to 20, the 32 positions of dSprites share bins, and their entropy is no longer log 32."""
    factors = crossed(32, 32)
    result = metrics.mig(factors.astype(np.float32), factors, bins=32)
    np.testing.assert_allclose(result.entropy, np.log(32))
    np.testing.assert_allclose(np.diag(result.mutual_information), np.log(32))
    assert result.score == pytest.approx(1.0)


def test_the_gap_is_divided_by_the_entropy_of_the_factor() -> None:
    """Divided by that of the code, a code that says more than the factor would be punished."""
    factors = crossed(2, 10)
    codes = np.column_stack([10.0 * factors[:, 0] + factors[:, 1], np.zeros(20)])  # knows both
    result = metrics.mig(codes, factors[:, :1], bins=20)
    assert result.score == pytest.approx(1.0)


def test_the_largest_value_lies_in_the_last_bin() -> None:
    """np.digitize with all edges puts it into a bin of its own."""
    table = metrics.JointTable.of(np.arange(21.0)[:, None], np.arange(21)[:, None] % 2)
    assert table.counts.sum(dim=2)[0].tolist() == [1] * 19 + [2]


def test_a_constant_factor_is_never_divided_by() -> None:
    factors = np.column_stack([np.full(20, 3), crossed(4, 5)])
    codes = crossed(4, 5).astype(np.float32)
    for score in (metrics.mig, metrics.mig_sup, metrics.dcimig, metrics.jemmig, metrics.factor_vae_score):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*column 0 is constant")
            assert np.isfinite(score(codes, factors).score)
