"""The table of data sets, and opening one by its name or path."""

from pathlib import Path

import numpy as np
import pytest

from fastdis import data
from fastdis.data import DATASETS, open_data


def test_every_entry_says_what_the_user_needs() -> None:
    assert len(DATASETS) == 14
    for entry in DATASETS.values():
        assert getattr(data, entry.open.__name__) is entry.open
        assert entry.open.__name__ in data.__all__
        assert entry.file
        assert entry.where
        assert entry.paper
    sizes = {name: int(np.prod([*entry.factors.values()])) for name, entry in DATASETS.items()}
    assert sizes["dsprites"] == sizes["noisy-dsprites"] == 737_280
    assert (sizes["3dshapes"], sizes["cars3d"], sizes["mpi3d-real"]) == (480_000, 17_568, 1_036_800)
    assert (sizes["3dchairs"], sizes["basel-faces"], sizes["mpi3d-complex"]) == (86_366, 127_050, 460_800)
    assert 10 * sizes["smallnorb"] == 48_600
    assert [name for name, entry in DATASETS.items() if not entry.needs_path] == [
        *("dsprites", "color-dsprites", "noisy-dsprites")
    ]


@pytest.mark.parametrize("name", [name for name, entry in DATASETS.items() if not entry.needs_path])
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
