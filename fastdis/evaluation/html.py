"""Pages of one file: Jinja2 templates, and pictures written into the page itself."""

import base64
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

_WIDEST = 900  # pixels of a picture from a run's folder


def page(template: str, content: Mapping[str, Any], *, package: str = "fastdis.evaluation") -> bytes:
    """Fill a template of a package's folder ``templates``; those of fastdis.evaluation can be extended.

    Text is escaped, and a name that is missing is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    packages = dict.fromkeys([package, "fastdis.evaluation"])
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(content).encode()


def png(figure: Figure, dpi: int = 120) -> bytes:
    """Draw a figure as PNG."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def source_of(picture: bytes, kind: str = "png") -> str:
    """Write a picture as an address that holds all of it."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def source_of_file(path: Path) -> str:
    """Write a picture of a run's folder, no wider than a page shows it, as an address that holds all of it.

    Raises:
        OSError: it cannot be read, or is no picture.
    """
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    if shown.width > _WIDEST:
        shown = shown.resize((_WIDEST, round(shown.height * _WIDEST / shown.width)), Image.Resampling.LANCZOS)
    file = BytesIO()
    shown.save(file, format="JPEG", quality=85, optimize=True)
    return source_of(file.getvalue(), "jpeg")
