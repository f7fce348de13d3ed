"""The README's Python blocks, in one session from top to bottom."""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
import render

README = Path(__file__).resolve().parents[1] / "README.md"
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", README.read_text(), re.DOTALL)


def test_examples_run_in_order_and_print_what_stands_below_them() -> None:
    names: dict[str, object] = {}
    assert len(BLOCKS) >= 2
    for code, printed in BLOCKS:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, names)
        if printed:
            assert NUMBER.sub("0", output.getvalue()) == NUMBER.sub("0", printed)
            found = [float(number) for number in NUMBER.findall(output.getvalue())]
            assert found == pytest.approx([float(number) for number in NUMBER.findall(printed)], rel=1e-3)


def test_its_times_are_those_measured() -> None:
    """Our time and the ratio to the other column stand in the README."""
    results = json.loads((README.parent / "benchmarks" / "results" / "cpu.json").read_text())
    groups = render.groups_of(results)
    text = README.read_text()
    for words, other in (
        (("joint table", "grid order"), "field"),
        (("tcvae", "B = 4096"), "torch.compile"),
        (("tcvae", "B = 4096"), "eager"),
    ):
        rows = next(rows for name, rows in groups.items() if all(word in name for word in words))
        mine, theirs = render.ours(rows), next(row for row in rows if row["column"] == other)
        assert render.time_of(mine["median"]) in text, words
        assert render.times(theirs["median"] / mine["median"]) in text, words
