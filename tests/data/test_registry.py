"""The table of data sets, and opening one by its name or path."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from fastdis import data
from fastdis.data import DATASETS, open_data


def test_every_entry_says_what_the_user_needs() -> None:
    assert len(DATASETS) >= 16
    for entry in DATASETS.values():
        assert getattr(data, entry.open.__name__) is entry.open
        assert entry.open.__name__ in data.__all__
        assert entry.file or not entry.needs_path
        assert entry.where
        assert entry.paper
    sizes = {name: int(np.prod([*entry.factors.values()])) for name, entry in DATASETS.items()}
    assert sizes["dsprites"] == sizes["noisy-dsprites"] == 737_280
    assert (sizes["3dshapes"], sizes["cars3d"], sizes["mpi3d-real"]) == (480_000, 17_568, 1_036_800)
    assert (sizes["3dchairs"], sizes["basel-faces"], sizes["mpi3d-complex"]) == (86_366, 127_050, 460_800)
    assert 10 * sizes["smallnorb"] == 48_600
    assert [name for name, entry in DATASETS.items() if not entry.needs_path] == [
        *("dsprites", "color-dsprites", "noisy-dsprites", "scenes", "room")
    ]


@pytest.mark.parametrize(
    "name", [name for name, entry in DATASETS.items() if not entry.needs_path and entry.factors]
)
def test_without_a_path(name: str) -> None:
    opened = open_data(name)
    assert opened.factor_sizes == tuple(DATASETS[name].factors.values())
    assert opened.factor_names == tuple(DATASETS[name].factors)


@pytest.mark.parametrize("name", [name for name, entry in DATASETS.items() if entry.needs_path])
def test_a_path_that_is_needed_or_wrong_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"data '{name}' needs a path, to .* from "):
        open_data(name)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/nowhere"):
        open_data(name, tmp_path / "nowhere")


def test_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=np.zeros((5, 8, 8), np.uint8))
    assert len(open_data(path)) == len(open_data(str(path))) == 5
    with pytest.raises(ValueError, match=r"path must be None for data of one's own, got 'other' beside"):
        open_data(path, "other")


def test_a_name_that_is_none_is_said_with_those_that_are_close() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"data must be one of dsprites, .*'3dshape'; did you mean 3ds"
    ):
        open_data("3dshape")


def test_settings_are_the_arguments_of_the_function() -> None:
    assert set(DATASETS["scenes"].settings) == {"k", "dims", "size", "length", "seed", "grid", "fixed"}
    assert DATASETS["scenes"].settings["k"] is inspect.Parameter.empty
    assert (DATASETS["dsprites"].settings, DATASETS["scream-dsprites"].settings) == ({}, {"seed": 0})
    opened = open_data("scenes", k=5, length=300, size=32)
    assert (len(opened), opened.image_shape, len(opened.factor_names)) == (300, (1, 32, 32), 5)
    with pytest.raises(ValueError, match="path must be None for data 'room', which is drawn here, got 'x'"):
        open_data("room", "x")


def test_a_part_of_a_simulator() -> None:
    whole = open_data("room")
    part = whole.subset(slice(5, None, 1000)).subset([2, -1])
    assert len(part) == 2
    assert np.array_equal(part.factors([0, 1]), whole.factors([2005, 479_005]))
    assert np.array_equal(part.classes([1]), whole.classes([479_005]))
    with pytest.raises(IndexError, match="indices must be -2 to 1, got 2"):
        part.images([2])
