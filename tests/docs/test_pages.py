"""Every Python block of the documentation runs, page by page, and every command has options that exist."""

import contextlib
import re
import shlex
from pathlib import Path

import click
import pytest
import typer.main

from fastdis.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^(?:\$ |\w.*--no-python )?fastdis ([a-z-].*?)(?:\s+#.*)?$", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES[1:] if PYTHON.search(page.read_text())], ids=name_of)
def test_snippets_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in PYTHON.findall(page.read_text()):
        exec(compile(code, name_of(page), "exec"), names)


COMMANDS = [
    pytest.param(command, id=f"{name_of(page)}: {command}")
    for page in PAGES
    for block in BLOCK.findall(page.read_text())
    for command in COMMAND.findall(block)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_have_options_that_exist(command: str) -> None:
    words = shlex.split(command)
    current = typer.main.get_command(app)
    while isinstance(current, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in current.commands, f"{words[0]} must be one of {sorted(current.commands)}"
        current = current.commands[words.pop(0)]
    with contextlib.suppress(typer.Exit):  # of --version
        current.make_context("fastdis", words)
