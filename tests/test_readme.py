"""The README's Python blocks, in one session from top to bottom."""

import contextlib
import io
import json
import re
from pathlib import Path

import estimators
import numpy as np
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", README.read_text(), re.DOTALL)


def test_examples_run_in_order_and_print_what_stands_below_them() -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 5, (500, 3))
    names = {"n_data": 60_000, "factors": factors, "codes": factors + rng.normal(0, 0.1, (500, 3))}
    assert len(BLOCKS) > 5
    for code, printed in BLOCKS:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, names)
        if printed:
            assert NUMBER.sub("0", output.getvalue()) == NUMBER.sub("0", printed)
            found = [float(number) for number in NUMBER.findall(output.getvalue())]
            assert found == pytest.approx([float(number) for number in NUMBER.findall(printed)], rel=1e-3)
    assert 0.9 < names["score"] <= 1
    assert names["penalty"].requires_grad


def test_the_table_of_estimators_is_the_one_measured() -> None:
    results = json.loads((README.parent / "benchmarks" / "results" / "estimators.json").read_text())
    assert estimators.table(results) in README.read_text()
