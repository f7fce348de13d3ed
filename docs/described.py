"""Which objectives and scores have a section, by the full names of their classes and functions."""

import re
from functools import cache
from pathlib import Path

from fastdis import losses, metrics

DOCS = Path(__file__).parent
LINK = re.compile(r"\]\((\w[\w-]*)\.md#?([\w-]*)\)")


@cache
def described() -> dict[str, tuple[str, str]]:
    """Return of each full name the title of its section, and the address of it from a page of the API."""
    titles = {entry.make: name for name, entry in losses.OBJECTIVES.items()}
    names = [re.sub("_(gbt|logistic)$", "", name) for name in metrics.METRICS]
    titles |= {getattr(metrics, name): name for name in [*names, "udr", "linear_interpolation"]}
    addresses = {}
    for folder in ("objectives", "scores"):
        for page, anchor in LINK.findall((DOCS / folder / "index.md").read_text()):
            addresses[anchor or page] = f"../{folder}/{page}.md" + (f"#{anchor}" if anchor else "")
    return {
        f"{value.__module__}.{value.__qualname__}": (title, addresses[title])
        for value, title in titles.items()
    }
