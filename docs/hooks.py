"""Fill the pages with what the code and the benchmarks know: public names, and tables of measured numbers."""

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import estimators  # noqa: E402  the benchmarks are scripts beside each other, not a package
import render  # noqa: E402
from described import described  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
TABLE = re.compile(r"<!-- (summary|speed|estimators|presets) -->")
NAMES = re.compile(r"<!-- names of (\S+) -->")
HEADING = re.compile(r"^##? (\S+)(?: \{.*\})?$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace each mark of a page by what it stands for; link what has a section to its docstring."""
    markdown = TABLE.sub(lambda found: _table(found[1]), markdown)
    if page.file.src_uri.startswith(("objectives/", "scores/")):
        sections = {title: path for path, (title, _) in described().items()}
        markdown = HEADING.sub(lambda found: found[0] + _reference(sections.get(found[1].lower())), markdown)
    return NAMES.sub(lambda found: _names(found[1]), markdown)


def _reference(path: str | None) -> str:
    if path is None:
        return ""
    room, name = path.split(".")[1], path.split(".")[-1]
    return f"\n\n[`fastdis.{room}.{name}`][{path}]"


def _names(module_name: str) -> str:
    """Ask for the docstring of every public function and class of a module, from the file that defines it."""
    module = importlib.import_module(module_name)
    public = [getattr(module, name) for name in module.__all__]
    functions = [value for value in public if inspect.isfunction(value)]
    documented = [*functions, *(value for value in public if inspect.isclass(value))]
    return "\n\n".join(f"::: {value.__module__}.{value.__qualname__}" for value in documented)


def _table(name: str) -> str:
    if name in ("summary", "speed"):
        measured = json.loads((RESULTS / "cpu.json").read_text())
        text: str = render.summary_table(measured) if name == "summary" else render.results_page(measured)
        return text if name == "summary" else text.partition("\n\n")[2]  # without its title
    if name == "estimators":
        table: str = estimators.table(json.loads((RESULTS / "estimators.json").read_text()))
        return table
    lines = (ROOT / "benchmarks" / "training.md").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))
