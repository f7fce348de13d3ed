"""Where compiled code is kept: what makes it stale, what removes it, and where nothing can be kept."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fastdis.kernels._cpu import cache

KERNELS = Path(cache.__file__).parents[1]
OLD = time.time() - (cache.UNUSED_DAYS + 1) * 24 * 3600


def digests(kernels: Path) -> dict[str, str]:
    """The digest of each operation's sources, by the name of its folder."""
    folders = [path for path in sorted(kernels.iterdir()) if (path / "numba_cpu.py").exists()]
    return {folder.name: cache.digest_of(folder) for folder in folders}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the kernels, to be edited."""
    return Path(shutil.copytree(KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__")))


def edited(path: Path) -> None:
    path.write_text(path.read_text() + "# a comment\n")


def test_an_edit_touches_only_the_operation_that_it_is_in(copied: Path) -> None:
    before = digests(copied)
    edited(copied / "boosted_trees" / "numba_cpu.py")
    after = digests(copied)
    assert {name for name in before if before[name] != after[name]} == {"boosted_trees"}


def test_an_edit_of_the_ground_floor_touches_all(copied: Path) -> None:
    for path in (copied / "_cpu" / "simd.py", copied / "_private.py"):
        before = digests(copied)
        edited(path)
        after = digests(copied)
        assert len(before) > 10
        assert all(before[name] != after[name] for name in before)


def test_an_edit_reaches_who_imports_from_it(copied: Path) -> None:
    before = digests(copied)
    edited(copied / "scenes_3d" / "scan_lines.py")
    after = digests(copied)
    assert {name for name in before if before[name] != after[name]} == {"scenes_3d", "room"}


def test_only_what_is_old_and_not_in_use_is_removed(tmp_path: Path) -> None:
    for name, used in (("new", time.time()), ("old", OLD), ("old-in-use", OLD)):
        os.close(cache.take_into_use(tmp_path / name))
        os.utime(tmp_path / name / "in-use", (used, used))
    holder = cache.take_into_use(tmp_path / "old-in-use")
    os.utime(tmp_path / "old-in-use" / "in-use", (OLD, OLD))
    cache.remove_unused(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    os.close(holder)
    assert kept == ({"new", "old-in-use"} if cache.fcntl else {"new", "old", "old-in-use"})
    cache.remove_unused(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == ({"new"} if cache.fcntl else kept)


def test_kernels_run_where_nothing_can_be_cached() -> None:
    code = (
        "import platformdirs, pathlib; platformdirs.user_cache_path = lambda *_: pathlib.Path('/proc/none');"
        "import torch, fastdis;"
        "print(fastdis.gaussian_kl(torch.tensor([[2.0]]), torch.zeros(1, 1)).item())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "2.0", result.stderr
