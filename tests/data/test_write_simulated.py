"""A simulator's images in a file: read back as they were, whole or not there."""

import shutil
from collections import namedtuple
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from fastdis.data import Simulator, arrays, load, room, scenes, write_simulated


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
@pytest.mark.parametrize(
    "data", [scenes(4, size=16, length=2500, seed=3), scenes(["hue", "shape"], size=16, grid={"hue": 4})]
)
def test_it_is_read_back(tmp_path: Path, suffix: str, data: Simulator) -> None:
    path = tmp_path / f"set{suffix}"
    write_simulated(data, path, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    back = load(path)
    assert len(back) == len(data)
    assert (back.factor_names, back.factor_sizes) == (data.factor_names, data.factor_sizes)
    assert np.array_equal(back.factors(slice(None)), data.factors(slice(None)))
    chosen = np.arange(0, len(data), 7)
    assert torch.equal(back.images(chosen), data.images(chosen))


def test_other_tools_find_channels_last(tmp_path: Path) -> None:
    write_simulated(room(size=16, length=5), tmp_path / "room.h5", progress=False)
    with h5py.File(tmp_path / "room.h5") as file:
        assert (file["images"].shape, file["images"].dtype) == ((5, 16, 16, 3), np.uint8)
        assert file["factors"].dtype == np.int64
        assert [name.decode() for name in file["factor_names"]][4] == "shape"
    write_simulated(scenes(2, size=16, length=5), tmp_path / "grey.npz", progress=False)
    with np.load(tmp_path / "grey.npz") as file:
        assert file["images"].shape == (5, 16, 16)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_half_of_it_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = tmp_path / f"set{suffix}"
    path.write_text("older")
    data, drawn = scenes(2, size=16, length=5000), []

    def stops(self: Simulator, rows: slice) -> torch.Tensor:
        drawn.append(rows)
        if len(drawn) > 1:
            raise KeyboardInterrupt
        return torch.zeros((rows.stop - rows.start, 1, 16, 16), dtype=torch.uint8)

    monkeypatch.setattr(Simulator, "uint8_images", stops)
    with pytest.raises(KeyboardInterrupt):
        write_simulated(data, path, progress=False)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["older"]


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="data must be a Simulator, got ImageDataset"):
        write_simulated(arrays(np.zeros((2, 8, 8), np.uint8)), tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"path must end in .npz, .h5, .hdf5, got '.*a.csv'"):
        write_simulated(scenes(2), tmp_path / "a.csv")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9))
    with pytest.raises(OSError, match=r"a.h5 needs 4.1 GB, but 1.0 GB are free"):
        write_simulated(scenes(2), tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())
