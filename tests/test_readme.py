"""Every Python block of the README runs, and prints what stands below it."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", README.read_text(), re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), BLOCKS, ids=range(len(BLOCKS)))
def test_examples(code: str, printed: str) -> None:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, {})
    if printed:
        assert NUMBER.sub("0", output.getvalue()) == NUMBER.sub("0", printed)
        found = [float(number) for number in NUMBER.findall(output.getvalue())]
        assert found == pytest.approx([float(number) for number in NUMBER.findall(printed)], rel=1e-3)
