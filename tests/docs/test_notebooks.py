"""The notebooks: executed without an error, small, and what their cells do still runs."""

import json
import re
from pathlib import Path
from typing import Any

import matplotlib
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
LARGEST = 200_000  # bytes


def cells(path: Path) -> list[dict[str, Any]]:
    content: dict[str, Any] = json.loads(path.read_text())
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_was_executed_and_is_small(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert all(output["output_type"] != "error" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_cells_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a few steps and batches in place of many."""
    matplotlib.use("agg")
    source = "\n".join("".join(cell["source"]) for cell in cells(path))
    short = re.sub(
        r"^(steps|batches) = \d+$", r"\1 = 3", source.replace("20_000", "2_000"), flags=re.MULTILINE
    )
    assert short != source
    exec(re.sub(r"^%.*$", "", short, flags=re.MULTILINE), {})


def test_the_index_names_every_notebook() -> None:
    named = set(re.findall(r"`(\w+)\.ipynb`", (EXAMPLES / "index.md").read_text()))
    assert named == {path.stem for path in NOTEBOOKS}
