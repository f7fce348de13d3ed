"""Every score is on a page of `docs/scores`, with an example that fools it."""

import re
from pathlib import Path

import pytest

from fastdis.metrics import METRICS

PAGES = Path(__file__).resolve().parents[2] / "docs" / "scores"
TEXT = "\n".join(page.read_text() for page in sorted(PAGES.glob("*.md")) if page.stem != "index")
INDEX = (PAGES / "index.md").read_text()


@pytest.mark.parametrize("name", [*METRICS, "udr", "linear_interpolation"])
def test_every_score_has_a_row_a_section_and_an_example(name: str) -> None:
    assert re.search(rf"^\| .*`{name}`.*\]\(\w+\.md#\w+\) \|", INDEX, re.MULTILINE)
    title = name.removesuffix("_gbt").removesuffix("_logistic")
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert section is not None
    assert "```python" in section[1]
    assert re.search(r"[Ff]rom\s(0|1|chance)|chance is", section[1])  # its range


def test_links_of_the_table_lead_somewhere() -> None:
    for page, anchor in re.findall(r"\]\((\w+\.md)#(\w+)\)", INDEX):
        assert f"## {anchor}\n" in (PAGES / page).read_text()
