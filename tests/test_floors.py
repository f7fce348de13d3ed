"""The floors of the house: every room imports only from the rooms below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = (  # from the ground up; rooms of one floor do not import each other
    {"_arrays", "_checks", "_files", "_memory", "_progress", "version"},
    {"kernels", "plots"},
    {"data", "functional", "metrics", "posterior"},
    {"models"},
    {"losses"},
    {"training"},
    {"evaluation"},
    {"studies"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MOST_LINES = 400
ROOMS = sorted(
    path.stem
    for path in (*(ROOT / "fastdis").iterdir(), ROOT / "kernels")
    if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.stem.startswith("__")
)


def files(room: str) -> list[Path]:
    folder = ROOT / "kernels" if room == "kernels" else ROOT / "fastdis" / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def rooms_imported(path: Path) -> Iterator[str]:
    """The rooms of fastdis that a file imports from, by their names."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = ["fastdis", *parts] if parts[0] == "kernels" else list(parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            if module == ["fastdis"]:
                yield from (alias.name for alias in node.names)
            elif module[:1] == ["fastdis"]:
                yield module[1]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from (name[1] for name in names if name[0] == "fastdis" and len(name) > 1)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_below(room: str) -> None:
    assert room in FLOOR, f"{room} stands on no floor: give it one here and in CONTRIBUTING.md"
    upward = {
        f"{path.relative_to(ROOT)} imports {other}"
        for path in files(room)
        for other in rooms_imported(path)
        if other != room and FLOOR.get(other, len(FLOORS)) >= FLOOR[room]
    }
    assert not upward


def test_kernels_know_nothing_but_the_checks() -> None:
    assert {room for path in files("kernels") for room in rooms_imported(path)} <= {"kernels", "_checks"}


def test_metrics_know_neither_models_nor_data_sets() -> None:
    known = {room for path in files("metrics") for room in rooms_imported(path)}
    assert known <= {"metrics", "kernels", "_arrays", "_checks", "_files", "_progress"}


def test_every_file_can_be_read_in_one_sitting() -> None:
    folders = ("fastdis", "kernels", "benchmarks", "tests")
    lines = {
        path: len(path.read_text().splitlines()) for name in folders for path in (ROOT / name).rglob("*.py")
    }
    assert lines
    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > MOST_LINES} == {}
