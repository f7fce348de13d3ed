"""The pages of the API: what the build does to docstrings, and what stops it."""

import re
import sys
from pathlib import Path

import pytest

from fastdis.losses import OBJECTIVES
from fastdis.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

griffe = pytest.importorskip("griffe")
from described import described  # noqa: E402
from docstrings import Docstrings  # noqa: E402


def test_every_objective_and_score_has_the_address_of_its_section() -> None:
    titles = {title for title, _ in described().values()}
    assert titles >= set(OBJECTIVES)
    assert titles >= {re.sub("_(gbt|logistic)$", "", name) for name in METRICS}
    for title, address in described().values():
        page, _, anchor = address.removeprefix("../").partition("#")
        assert re.search(rf"(?mi)^##? {title}\b", (ROOT / "docs" / page).read_text())
        assert anchor in (title, "")


def test_arguments_described_together_have_a_line_each() -> None:
    text = "Do.\n\nArgs:\n    a: one.\n    b, c: two,\n        more.\n\nReturns:\n    x, y: not these."
    function = griffe.Function("f", docstring=griffe.Docstring(text))
    Docstrings().on_object(obj=function)
    assert function.docstring.value == (
        "Do.\n\nArgs:\n    a: one.\n    b: two,\n        more.\n    c: two,\n        more.\n\n"
        "Returns:\n    x, y: not these."
    )


def test_a_warning_stops_the_build() -> None:
    """With --quiet mkdocs drops warnings before --strict counts them."""
    (command,) = re.findall(r"mkdocs build .*", (ROOT / "Makefile").read_text())
    assert "--strict" in command
    assert "--quiet" not in command.partition("#")[0]
