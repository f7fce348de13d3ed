"""Let mkdocstrings read our docstrings: ``Example:`` as its section ``Examples:``, ``::`` as a colon."""

from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """Change what Markdown writes in another way, before docstrings are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
            obj.docstring.value = text.replace("::\n", ":\n")
