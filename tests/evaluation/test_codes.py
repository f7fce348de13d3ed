"""Anybody's codes, from arrays and files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastdis
from fastdis.evaluation import evaluate_codes, score
from support.scoring import timeless


@pytest.fixture(scope="module")
def arrays() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """12,000 noisy codes of two factors."""
    random = np.random.default_rng(0)
    factors = random.integers(0, [4, 7], (12_000, 2))
    return factors + 0.3 * random.standard_normal((12_000, 2)), factors


def test_large_data_are_scored_whole_and_as_the_literature_does(
    arrays: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    found = score(*arrays, metrics="mig", confidence=None, seed=3)
    assert [(number["samples"], number["seed"]) for number in found] == [(12_000, None), (10_000, 3)]
    assert found[0]["score"] == fastdis.metrics.mig(*arrays).score
    assert found[0]["score"] != found[1]["score"]
    assert found[0]["score"] == pytest.approx(found[1]["score"], abs=0.02)
    assert timeless(score(*arrays, metrics="mig", confidence=None, seed=3)) == timeless(found)


def test_a_file_of_codes(arrays: tuple[NDArray[np.float64], NDArray[np.int64]], tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    np.savez(path, codes=arrays[0], factors=arrays[1])
    chosen = ["irs", "mig"]
    report = evaluate_codes(path, folder=tmp_path / "report", metrics=chosen, confidence=None)
    assert timeless(report.content["numbers"]) == timeless(score(*arrays, metrics=chosen, confidence=None))
    files = ["metrics.json", "mutual_information.png", "report.html"]
    assert sorted(path.name for path in report.folder.iterdir()) == files
    assert evaluate_codes(path, metrics="mig", confidence=None).folder is None


def test_continuous_factors_and_missing_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=600), rng.random(600), np.ones(600)], axis=1)
    codes = factors[:, :2] + 0.01 * rng.standard_normal((600, 2))
    factors[:10, 1], factors[20, 0] = np.nan, np.nan
    path = tmp_path / "codes.npz"
    np.savez(path, codes=codes, factors=factors)
    with pytest.warns(UserWarning, match="constant"):
        report = evaluate_codes(path, metrics=["mig", "sap", "r2"], confidence=None, factor_bins=5)
    assert report.content["notes"] == [
        "Continuous factors were cut into 5 bins of equal width for the scores: factor 1.",
        "Scores that take them as numbers: dci, sap, r2, mcc.",
        "11 images lack a label and are left out of the scores of factors.",
    ]
    number, sap, r2 = report.content["numbers"]
    known = np.flatnonzero(np.isfinite(factors).all(axis=1))
    assert sap["score"] == fastdis.metrics.sap(codes[known], factors[known, :2]).score
    assert r2["score"] == fastdis.metrics.r2(codes[known], factors[known, :2]).score
    assert sap["continuous"] == [1]
    assert number["samples"] == 589
    assert number["factors"] == [0, 1]
    assert number["score"] > 0.9
    assert "5 bins of equal width" in str(report)
    with pytest.warns(UserWarning, match="constant"):
        counts = evaluate_codes(path, metrics="mig", confidence=None, factor_bins=5, binning="quantile")
    assert "5 bins of equal counts" in str(counts)
    assert "--binning quantile" in counts.content["commands"][-1]
    factors[::2, 0], factors[1::2, 1] = np.nan, np.nan
    np.savez(path, codes=codes, factors=factors)
    with pytest.raises(ValueError, match="a row without NaN, got none of 600 rows"):
        evaluate_codes(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a complete npz or HDF5 file"),
        (b"PK no zip", "must be a complete npz or HDF5 file"),
        ("cut", "must be a complete npz or HDF5 file"),
        ("spoilt", "must be a complete npz file"),
        ({"codes": np.zeros((4, 2))}, "must hold the arrays codes and factors, got codes"),
        ({"codes": np.zeros((4, 2)), "factors": np.zeros((3, 2), int)}, "as many rows as codes, 4, got 3"),
        ({"codes": np.zeros(4), "factors": np.zeros((4, 2), int)}, "codes must have shape"),
    ],
)
def test_files_of_codes_that_are_none(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "codes.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.savez(path, codes=np.ones((500, 2)), factors=np.ones((500, 2), int))
        whole = path.read_bytes()
        spoilt = whole[:4000] + b"spoilt" + whole[4006:]
        path.write_bytes(whole[:2000] if content == "cut" else spoilt)
    with pytest.raises(ValueError, match=message):
        evaluate_codes(path)


def test_a_file_of_codes_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        evaluate_codes(tmp_path / "none.npz")
