"""The cache of regenerated images: said once, checked always, never half-written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.data import dsprites
from fastdis.data.dsprites import cache
from fastdis.kernels.sprites import reference

OPEN = "import sys; from fastdis.data import dsprites; dsprites(cache_dir=sys.argv[1])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory that two processes filled at once."""
    folder = tmp_path_factory.mktemp("cache")
    processes = [
        subprocess.Popen([sys.executable, "-c", OPEN, folder], stderr=subprocess.PIPE, text=True)
        for _ in "ab"
    ]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert any("from their recovered geometry" in text for text in said)
    return folder


def test_two_processes_at_once_leave_one_whole_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (name,) = os.listdir(folder)
    assert (folder / name).stat().st_size == 377_487_360
    dataset = dsprites(cache_dir=folder)
    assert capfd.readouterr() == ("", "")
    assert len(dataset) == 737_280
    assert dataset.factor_sizes == (1, 3, 6, 40, 32, 32)
    assert dataset.factor_names == ("color", "shape", "scale", "orientation", "posX", "posY")
    assert dataset.image_shape == (1, 64, 64)
    assert dataset.source.startswith("dSprites, regenerated")
    index = 613_579
    expected = reference.render(index, index + 1)
    assert np.array_equal(dataset.packed[[index]], expected)
    assert torch.equal(
        dataset.images([index]), torch.from_numpy(np.unpackbits(expected)).float().reshape(1, 1, 64, 64)
    )
    assert [*dataset.factors([index])[0]] == [0, 2, 2, 39, 6, 11]


@pytest.mark.parametrize("damage", ["a bit", "the end"])
def test_a_damaged_file_is_said_and_drawn_again(
    folder: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (path,) = folder.iterdir()
    with path.open("rb+") as file:
        if damage == "a bit":
            file.seek(200_000_000)
            byte = file.read(1)
            file.seek(200_000_000)
            file.write(bytes([byte[0] ^ 1]))
        else:
            file.truncate(377_000_000)
    dsprites(cache_dir=folder)
    assert capfd.readouterr().err == f"fastdis: {path} is damaged: drawing the images again\n"
    dsprites(cache_dir=folder)
    assert capfd.readouterr().err == ""
    assert [*folder.iterdir()] == [path]


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path) -> None:
    """No file may grow beyond 100 MB: the 377 MB fail halfway through."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**8, 10**8)); {OPEN}"
    failed = subprocess.run(
        [sys.executable, "-c", limited, tmp_path / "cache"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == (
        "OSError: [Errno 27] dsprites: cannot keep 377,487,360 bytes of regenerated images in "
        f"{tmp_path / 'cache'}: File too large"
    )
    assert os.listdir(tmp_path / "cache") == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=f"cannot keep 377,487,360 bytes .* in {tmp_path / 'file' / 'cache'}: "):
        dsprites(cache_dir=tmp_path / "file" / "cache")


def test_images_that_differ_from_the_verified_ones_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "render", lambda: np.zeros((737_280, 512), np.uint8))
    with pytest.raises(RuntimeError, match="differ from the verified ones"):
        dsprites(cache_dir=tmp_path)
    assert os.listdir(tmp_path) == []
