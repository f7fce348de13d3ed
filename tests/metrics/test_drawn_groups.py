"""Votes on groups that somebody draws, as a simulator does, instead of picking rows."""

import numpy as np
import pytest

from fastdis.metrics import beta_vae_score, factor_vae_score

FEW = {"train_votes": 200, "test_votes": 100, "group": 16}


class Drawing:
    """Two continuous factors and one that never varies: draws groups in which one is fixed exactly."""

    def __init__(self, mix: float = 0.0) -> None:
        self.rng, self.mix = np.random.default_rng(0), np.array([[1, mix], [-mix, 1]])
        self.asked: list[tuple[int, int, int]] = []

    def codes(self, values: np.ndarray) -> np.ndarray:
        return values[..., [0, 2]] @ self.mix

    def __call__(self, column: int, groups: int, size: int) -> np.ndarray:
        self.asked.append((column, groups, size))
        values = self.rng.random((groups, size, 3))
        values[..., column] = values[:, :1, column]
        return self.codes(values)


def rows(drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    values = np.random.default_rng(1).random((500, 3))
    classes = (values * 20).astype(int)
    classes[:, 1] = 0
    return drawing.codes(values), classes


@pytest.mark.filterwarnings("ignore:.*constant")
@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score])
def test_codes_that_are_the_factors_win_every_vote(score: type) -> None:
    drawing = Drawing()
    result = score(*rows(drawing), draw=drawing, **FEW)
    assert result.score == 1
    assert result.factors == (0, 2)
    columns, groups, sizes = (np.array(asked) for asked in zip(*drawing.asked, strict=True))
    assert set(columns) == {0, 2}  # the columns of the array, without the constant one
    pairs = score is beta_vae_score
    assert set(sizes) == {2 if pairs else 16}
    assert groups.sum() == 300 * (16 if pairs else 1)
    assert score(*rows(Drawing(1.0)), draw=Drawing(1.0), **FEW).score < 0.9  # each code has half of both


@pytest.mark.filterwarnings("ignore:.*constant")
def test_a_factor_is_fixed_exactly_which_bins_cannot() -> None:
    """A code in which one factor is faint: within a bin of the other it varies no less."""
    drawing = Drawing()
    codes, classes = rows(drawing)
    coarse = classes.copy()
    coarse[:, 0] //= 10  # two bins
    assert factor_vae_score(codes, coarse, draw=drawing, **FEW).score == 1


@pytest.mark.filterwarnings("ignore:.*constant")
def test_a_scale_that_squares_would_not_survive() -> None:
    drawing = Drawing()
    codes, classes = rows(drawing)
    huge = factor_vae_score(codes * 1e200, classes, draw=lambda *asked: drawing(*asked) * 1e200, **FEW)
    assert huge.score == 1


@pytest.mark.filterwarnings("ignore:.*constant")
@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (lambda column, groups, size: np.zeros((groups, size, 3)), "float64 of shape"),
        (lambda column, groups, size: np.zeros((groups, size, 2), int), "int64 of shape"),
        (lambda column, groups, size: np.full((groups, size, 2), np.nan), "float64 of shape"),
    ],
)
def test_what_is_drawn_is_looked_at(wrong: object, got: str) -> None:
    with pytest.raises(ValueError, match=rf"draw must give finite floats of shape \(\d+, 16, 2\), got {got}"):
        factor_vae_score(*rows(Drawing()), draw=wrong, **FEW)
