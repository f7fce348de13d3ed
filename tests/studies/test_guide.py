"""The files of the guide are studies."""

import re
from pathlib import Path

from fastdis.studies import Study, names

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "studies.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", GUIDE)


def test_the_files(tmp_path: Path) -> None:
    counts = []
    for text in blocks("toml"):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        counts.append(len(Study.read(path).runs()))
    assert counts == [12, 9 + 9 - 2]
    lines = [line for line in blocks("toml")[0].splitlines() if line]
    assert len(lines) <= 6


def test_the_snippet() -> None:
    (code,) = blocks("python")
    found: dict[str, object] = {}
    exec(code, found)
    study = found["study"]
    assert isinstance(study, Study)
    assert len(study.runs()) == 6


def test_the_table_lists_every_study() -> None:
    listed = {name for row in re.findall(r"(?m)^\| (`.*?) \|", GUIDE) for name in re.findall("`(.*?)`", row)}
    assert listed == set(names())
