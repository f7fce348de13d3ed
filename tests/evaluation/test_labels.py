"""Factors as classes: bins, missing labels, constant factors."""

import numpy as np
import pytest

from fastdis.data import arrays, room, scenes
from fastdis.evaluation import encoded_run
from fastdis.evaluation.notes import notes
from fastdis.training.labels import labels

IMAGES = np.zeros((6, 8, 8), np.uint8)


def test_bins_are_of_equal_width_from_the_smallest_label_to_the_largest() -> None:
    data = arrays(IMAGES, {"angle": [-1.0, -0.51, -0.49, 0.0, 0.7, 1.0]}, continuous=["angle"])
    found = labels(data, factor_bins=4)
    assert found.classes[:, 0].tolist() == [0, 0, 1, 2, 3, 3]
    assert found.values["angle"].tolist() == [-0.75, -0.25, 0.25, 0.75]


def test_a_simulator_is_cut_where_it_says() -> None:
    data = scenes(4, length=50)
    found = labels(data, factor_bins=7)
    assert np.array_equal(found.classes, data.classes(slice(None), bins=7))
    assert dict(found.bins) == {"x": 7, "y": 7, "scale": 7}


def test_images_that_lack_a_label_of_a_varying_factor_are_left_out() -> None:
    nan = np.nan
    columns = {
        "a": [0, 1, nan, 1, 0, 1],
        "b": [0.5, nan, 1, 2, 3, 4],
        "none": [nan] * 6,
        "one": [nan] + [7] * 5,
    }
    data = arrays(IMAGES, columns)
    found = labels(data)
    rows, classes = found.scored()
    assert found.varying == [0, 1]
    assert rows.tolist() == [0, 3, 4, 5]
    assert classes.tolist() == [[0, 0], [1, 8], [0, 14], [1, 19]]
    assert notes(data, found)[-1] == "2 images lack a label and are left out of the scores of factors."


def test_without_factors_or_with_constant_ones() -> None:
    for factors, note in ((None, "has no known factors"), ({"a": [2.5] * 6}, "No factor varies")):
        data = arrays(IMAGES, factors)
        found = labels(data)
        assert found.scored()[1].shape[1] == 0
        assert len(notes(data, found)) == 1
        assert note in notes(data, found)[0]


def test_too_few_bins() -> None:
    with pytest.raises(ValueError, match="evaluate: factor_bins must be at least 2, got 1"):
        labels(arrays(IMAGES), factor_bins=1)


def test_of_a_simulator_a_part_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_run, "SIMULATED", 40)
    drawn, grid = scenes(2, length=100), room()
    assert np.array_equal(encoded_run.to_encode(drawn).factors(slice(None)), drawn.factors(slice(0, 40)))
    part = encoded_run.to_encode(grid).factors(slice(None))
    assert len(np.unique(part, axis=0)) == 40
    assert all(len(np.unique(column)) > 3 for column in part.T)
    few = scenes(2, length=40)
    assert encoded_run.to_encode(few) is few
    stored = arrays(np.zeros((50, 8, 8), np.uint8))
    assert encoded_run.to_encode(stored) is stored


def test_bins_of_equal_counts_hold_as_many_images_each() -> None:
    data = arrays(IMAGES, {"angle": [0.0, 0.1, 0.2, 0.3, 50.5, 100.5]})
    found = labels(data, factor_bins=3, binning="quantile")
    assert found.classes[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert notes(data, found) == [
        "Continuous factors were cut into 3 bins of equal counts for the scores: angle.",
        "Scores that take them as numbers: dci, sap, r2, mcc.",
    ]
    with pytest.raises(
        ValueError, match="evaluate: binning must be one of 'width', 'quantile', got 'counts'"
    ):
        labels(data, binning="counts")


def test_bins_of_other_images_are_kept() -> None:
    images = np.zeros((4, 8, 8), np.uint8)
    first = labels(arrays(images, {"angle": [0.0, 0.5, 2.5, 4.0]}), 4)
    second = labels(arrays(images, {"angle": [-1.5, 0.5, 3.5, 99.5]}), like=first)
    assert second.classes.T.tolist() == [[0, 0, 3, 3]]
    assert second.values["angle"].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert second.bins == {"angle": 4}
