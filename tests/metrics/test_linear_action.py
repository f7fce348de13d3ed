"""Linear action: groups whose representation is known, maps that are not linear, and the draw of pairs."""

import numpy as np
import pytest

from fastdis import metrics
from fastdis.metrics import NotComputable
from fastdis.metrics.linear_action import _pairs

GRID = np.stack(np.unravel_index(np.arange(12 * 10 * 5), (12, 10, 5)), axis=1)


def circle(column: np.ndarray, values: int, turns: int = 1) -> np.ndarray:
    angle = 2 * np.pi * turns * column / values
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize(("step", "turns", "degrees"), [(1, 1, 30), (3, 1, 90), (1, 2, 60), (7, 1, 150)])
def test_a_rotation_on_a_circle_is_linear_with_its_own_angle(step: int, turns: int, degrees: float) -> None:
    codes = np.column_stack([circle(GRID[:, 0], 12, turns), GRID[:, 1] / 3])
    found = metrics.linear_action(codes, GRID[:, :2], step=step, periodic=[0])
    np.testing.assert_allclose(found.residual, 0, atol=1e-12)
    assert found.score == pytest.approx(1)
    np.testing.assert_allclose(np.rad2deg(found.angles[0]), [degrees, degrees, 0], atol=1e-6)
    np.testing.assert_allclose(found.moduli[0], 1, atol=1e-9)
    np.testing.assert_allclose(found.angles[1], 0, atol=1e-6)
    np.testing.assert_allclose(found.movement, [[0.5, 0.5, 0], [0, 0, 1]], atol=1e-12)


def test_no_linear_map_of_the_codes_makes_a_linear_action_less() -> None:
    codes = np.column_stack([circle(GRID[:, 0], 12), GRID[:, 1] / 3])
    mixed = codes @ np.random.default_rng(0).standard_normal((3, 3)) + 5
    found = metrics.linear_action(mixed, GRID[:, :2], periodic=[0])
    assert found.score == pytest.approx(1)
    np.testing.assert_allclose(np.rad2deg(found.angles[0]), [30, 30, 0], atol=1e-5)


def test_a_translation_is_linear_and_its_cube_is_not() -> None:
    codes = np.column_stack([GRID[:, 0], GRID[:, 1]]).astype(float)
    assert metrics.linear_action(codes, GRID[:, :2]).score == pytest.approx(1)
    shuffled = np.random.default_rng(1).permutation(12)[GRID[:, 0]]  # a move to anywhere
    jumps = metrics.linear_action(np.column_stack([shuffled, GRID[:, 1]]), GRID[:, :2], periodic=[0])
    assert jumps.residual[0] > 0.5
    assert jumps.residual[1] == pytest.approx(0, abs=1e-12)
    assert jumps.score == pytest.approx((1 - jumps.residual).mean())


def test_codes_that_do_not_move_hide_nothing() -> None:
    """Nine still codes are predicted in full; the one that moves at random decides."""
    rng = np.random.default_rng(2)
    still = GRID[:, 1:2] * rng.standard_normal(9)
    codes = np.column_stack([rng.standard_normal(len(GRID)), still])
    found = metrics.linear_action(codes, GRID[:, :2])
    assert 0.8 < found.residual[0] < 1.2
    assert found.movement[0, 0] == pytest.approx(1)


def test_noise_has_no_action() -> None:
    noise = np.random.default_rng(4).standard_normal((len(GRID), 3))
    found = metrics.linear_action(noise, GRID[:, :2], confidence=0.9)
    np.testing.assert_allclose(found.residual, 1, atol=0.1)
    assert found.score < 0.05


def test_the_interval_covers_the_residual_of_all_pairs() -> None:
    rng = np.random.default_rng(3)
    large = np.stack(np.unravel_index(np.arange(40 * 50), (40, 50)), axis=1).repeat(5, axis=0)
    codes = large + 4 * rng.standard_normal(large.shape)
    whole = metrics.linear_action(codes, large)
    covered = 0
    for seed in range(20):
        part = metrics.linear_action(codes, large, pairs=600, confidence=0.9, seed=seed)
        covered += part.intervals[0].low <= whole.residual[0] <= part.intervals[0].high
        assert part.interval.low <= part.score <= part.interval.high
    assert covered >= 15  # 0.88 of 60 were


def test_pairs_differ_by_the_step_and_in_nothing_else() -> None:
    ranks = np.repeat(GRID, 2, axis=0)[np.random.default_rng(0).permutation(1200)[:900]]
    for circular in (False, True):
        first, second = _pairs(ranks, 1, 3, circular, np.random.default_rng(1), 500)
        assert len(first) == 500
        moved = ranks[second] - ranks[first]
        assert set(moved[:, 1]) == ({3, -7} if circular else {3})
        assert (moved[:, [0, 2]] == 0).all()
    none = _pairs(ranks, 1, 10, True, np.random.default_rng(1), 500)[0]
    assert len(none) == 0  # a full turn moves nothing


def test_a_factor_that_moves_no_code_has_no_action() -> None:
    found = metrics.linear_action(circle(GRID[:, 0], 12), GRID[:, :2], periodic=[0], confidence=0.9)
    assert np.isnan(found.residual).tolist() == [False, True]
    assert found.score == pytest.approx(0.5)
    assert found.intervals[1] is None
    dead = metrics.linear_action(np.ones((600, 2)), GRID, confidence=0.9)
    assert (dead.score, dead.active_codes, dead.angles.shape) == (0, (), (3, 0))


def test_what_cannot_be_measured_says_so() -> None:
    codes = circle(GRID[:, 0], 12)
    with pytest.raises(NotComputable, match="factors column 0 must have at least 8 pairs that differ by 12"):
        metrics.linear_action(codes, GRID[:, :2], step=12)
    with pytest.raises(ValueError, match="periodic must be between 0 and 2, got 3"):
        metrics.linear_action(codes, GRID, periodic=[3])
    with pytest.raises(TypeError, match="periodic must be columns of the factors, got int"):
        metrics.linear_action(codes, GRID, periodic=0)
