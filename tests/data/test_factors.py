"""What labels become: classes with their values, continuous numbers, missing ones; and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from fastdis.data import arrays
from fastdis.data.factors import Grid, table

EVERY = np.arange(4)


def read(factors: Any, **settings: Any) -> tuple[np.ndarray, dict[str, Any]]:
    labels = table("arrays", factors, 4, **settings)
    return labels.read(EVERY), labels.values


@pytest.mark.parametrize(
    ("column", "classes", "values"),
    [
        ([3, 0, 7, 3], [1, 0, 2, 1], [0, 3, 7]),
        ([2.0, 0.0, 0.0, 2.0], [1, 0, 0, 1], [0, 2]),
        (["b", "a", "c", "b"], [1, 0, 2, 1], ["a", "b", "c"]),
        ([b"b", b"a", b"c", b"b"], [1, 0, 2, 1], ["a", "b", "c"]),
        ([True, False, True, True], [1, 0, 1, 1], [False, True]),
        (np.array([5, 5, 5, 5], np.uint8), [0, 0, 0, 0], [5]),
        (torch.tensor([3, -1, 7, 3]), [1, 0, 2, 1], [-1, 3, 7]),
        ([1e300, 0.0, 0.0, 1e300], [1, 0, 0, 1], [0, 1e300]),
    ],
)
def test_classes_are_numbered_from_0_and_keep_their_values(
    column: Any, classes: list[int], values: list[Any]
) -> None:
    factors, kept = read({"a": column})
    assert factors.dtype == np.int64
    assert factors[:, 0].tolist() == classes
    assert kept["a"].tolist() == values


def test_a_fraction_makes_a_factor_continuous_unless_told_otherwise() -> None:
    column = [0.5, 2.0, 0.5, 7.25]
    factors, values = read({"a": column, "b": [1, 2, 3, 4]})
    assert values["a"] is None
    assert factors.dtype == np.float64
    assert factors.tolist() == [[0.5, 0], [2, 1], [0.5, 2], [7.25, 3]]
    factors, values = read({"a": column, "b": [1, 2, 3, 4]}, continuous=["b"])
    assert values["a"].tolist() == [0.5, 2, 7.25]
    assert values["b"] is None
    assert factors.tolist() == [[0, 1], [1, 2], [0, 3], [2, 4]]
    assert read({"a": column}, continuous=[])[0].dtype == np.int64


def test_missing_labels_are_nan_whatever_the_factor() -> None:
    factors, values = read(
        {"a": [1.0, np.nan, 3.0, 1.0], "b": ["x", "", "y", "x"], "c": [0.5, 1, np.nan, 2], "d": [0, 1, 2, 3]}
    )
    assert values["a"].tolist() == [1, 3]
    assert values["b"].tolist() == ["x", "y"]
    assert values["c"] is None
    expected = [[0, 0, 0.5, 0], [np.nan, np.nan, 1, 1], [1, 1, np.nan, 2], [0, 0, 2, 3]]
    assert np.array_equal(factors, expected, equal_nan=True)


def test_matrices_and_names() -> None:
    matrix = np.array([[0, 0.5], [1, 0.25], [1, 0.5], [0, 1]])
    factors, values = read(matrix, factor_names=["shape", "angle"])
    assert np.array_equal(factors, matrix)
    assert values["shape"].tolist() == [0, 1]
    assert values["angle"] is None
    assert list(read(matrix)[1]) == ["factor0", "factor1"]
    assert list(read([0, 1, 2, 3])[1]) == ["factor0"]
    assert read(None)[0].shape == (4, 0)
    assert read(np.array([["a", "b"]] * 4))[1]["factor1"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("factors", "settings", "error", "said"),
    [
        ({"a": [1, 2, 3]}, {}, ValueError, r"factor 'a' must have 4 labels, one an image, got shape \(3,\)"),
        (np.zeros((3, 2)), {}, ValueError, r"factor 'factor0' must have 4 labels"),
        ({"a": np.zeros((4, 2))}, {}, ValueError, r"factor 'a' must have 4 labels.* got shape \(4, 2\)"),
        (np.zeros((4, 2, 2)), {}, ValueError, r"factors must have shape \(n, factors\), got \(4, 2, 2\)"),
        (np.zeros((4, 2)), {"factor_names": ["a"]}, ValueError, "factor_names must be 2 different names"),
        (np.zeros((4, 2)), {"factor_names": ["a", "a"]}, ValueError, ".*2 different names, .* got a, a"),
        ({"a": [1] * 4}, {"factor_names": ["a"]}, ValueError, "factor_names must be None where factors have"),
        ({"a": [1, 2, 3, np.inf]}, {}, ValueError, "factor 'a' must be finite or NaN, got inf in row 3"),
        ({"a": [1, 2, 3, None]}, {}, TypeError, "a must be numbers or text, got dtype object"),
        ({"a": [1j] * 4}, {}, TypeError, "a must be numbers or text, got dtype complex128"),
        ({"a": np.ma.masked_equal([1, 2, 3, 4], 2)}, {}, TypeError, "a must not be a masked array; NaN"),
        (
            {"angle": [1] * 4},
            {"continuous": ["angel"]},
            ValueError,
            "continuous must be .* mean angle",
        ),
        (
            {"a": ["x"] * 4},
            {"continuous": ["a"]},
            ValueError,
            "continuous must name factors of numbers",
        ),
    ],
)
def test_what_is_refused(factors: Any, settings: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=f"arrays: {said}"):
        read(factors, **settings)


def test_wrong_sizes_between_images_and_factors_are_named() -> None:
    with pytest.raises(ValueError, match=r"'factor0' must have 5 labels, one an image, got shape \(4,\)"):
        arrays(np.zeros((5, 8, 8), np.uint8), np.zeros((4, 2)))


def test_a_grid_goes_through_every_combination() -> None:
    grid = Grid({"a": np.arange(2), "b": np.arange(3)})
    assert grid.read(np.arange(6)).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
