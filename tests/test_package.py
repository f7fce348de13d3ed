"""What is installed, what importing it costs, and what it must not import."""

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fastdis

ROOT = Path(__file__).resolve().parents[1]


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)


def test_every_folder_with_code_is_packaged() -> None:
    packaged = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        path.parent.relative_to(ROOT)
        for name in ("fastdis", "kernels")
        for path in (ROOT / name).rglob("*.py")
    }
    names = {".".join(folder.parts) for folder in folders}
    assert packaged == {f"fastdis.{name}" if name.startswith("kernels") else name for name in names}


def test_what_is_declared_as_lowest_is_what_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = ("torchmetrics", "lightgbm", "tensorboard", "pandas")
    extras = [project["optional-dependencies"][name] for name in names]
    declared = {}
    for requirement in [*project["dependencies"], *itertools.chain(*extras)]:
        name, version = re.match(r"([a-z0-9-]+)>=([0-9.]+)", requirement).groups()
        declared[name] = version
    pins = re.findall(r"(?m)^([a-z0-9-]+)==([0-9.]+)$", (ROOT / "tests" / "lowest.txt").read_text())
    tested = dict(pins)
    assert declared.pop("torch")  # no build without CUDA is old enough
    assert tested.pop("pytest")
    assert declared.keys() == tested.keys()
    for name, version in declared.items():
        assert f"{tested[name]}.0".startswith(f"{version}."), name


def test_importing_loads_no_compiler_and_no_slow_library() -> None:
    code = "import sys, fastdis; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(run(code, check=True).stdout.split())
    assert "fastdis" in loaded
    assert not loaded & {"numba", "triton", "sklearn", "matplotlib", "h5py", "rich", "typer"}


def test_importing_takes_less_than_a_second_beyond_torch() -> None:
    code = (
        "import time, torch; start = time.perf_counter(); import fastdis; print(time.perf_counter() - start)"
    )
    assert min(float(run(code, check=True).stdout) for _ in range(3)) < 1


def test_kernels_cannot_be_imported_by_that_name() -> None:
    result = run("import kernels", cwd=ROOT)
    assert result.returncode != 0
    assert "fastdis.kernels" in result.stderr


def test_the_version_stands_in_one_place() -> None:
    from importlib.metadata import version

    assert version("fastdis") == fastdis.__version__


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fastdis.nothing
    assert "losses" in dir(fastdis)
