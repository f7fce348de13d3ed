"""The pages of the objectives have a section for each."""

import re
from pathlib import Path

import pytest

from fastdis.losses import OBJECTIVES
from fastdis.training.presets import PRESETS

FOLDER = Path(__file__).resolve().parents[2] / "docs/objectives"
INDEX = (FOLDER / "index.md").read_text()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_a_section(name: str) -> None:
    (link,) = re.findall(rf"^\| `{name}` \|.*\]\((.*)\) \|$", INDEX, re.MULTILINE)
    page, _, anchor = link.partition("#")
    text = (FOLDER / page).read_text()
    assert f"## {anchor} {{ #{anchor} }}" in text if anchor else text.startswith("# InfoGAN")
    assert anchor in (name, "")


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_presets_that_are_named_exist(page: Path) -> None:
    for sentence in re.findall(r"[Pp]resets? (`.*?)[.);]", page.read_text()):
        for name in re.findall(r"`([a-z0-9-]+)`", sentence):
            assert name in PRESETS
