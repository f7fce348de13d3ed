"""Let mkdocstrings read our docstrings, and link those of objectives and scores to their sections.

``Example:`` becomes its section ``Examples:``, ``::`` a colon, and the text of ``a, b: text`` that of each.
"""

import re
import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))

from described import described

TOGETHER = re.compile(r"^( +)(\w+(?:, \w+)+): (.*\n(?:\1 +.*\n)*)", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Change what Markdown writes in another way, before docstrings are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n").replace("::\n", ":\n")
            text = re.sub(r"(?s)(?<=\nArgs:\n).*?(?=\n\n|\Z)", _one_by_one, text)
            if obj.path in described():
                title, address = described()[obj.path]
                text += f"\n\nMore on it: [{title}]({address})."
            obj.docstring.value = text


def _one_by_one(arguments: re.Match[str]) -> str:
    def lines(found: re.Match[str]) -> str:
        return "".join(f"{found[1]}{name}: {found[3]}" for name in found[2].split(", "))

    return TOGETHER.sub(lines, arguments[0] + "\n").removesuffix("\n")
