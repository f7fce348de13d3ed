"""Write a report: its numbers as JSON and its pictures, all of them or none."""

import json
import math
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from .._files import write_together

Picture = Figure | list[Image.Image]
Page = Callable[[Mapping[str, Any], Mapping[str, bytes]], bytes]


def write_files(
    folder: Path,
    name: str,
    content: Mapping[str, Any],
    pictures: Mapping[str, Picture],
    page: tuple[str, Page] | None = None,
) -> tuple[str, ...]:
    """Write content as JSON to the file of that name, figures as PNG and lists of frames as GIF.

    Args:
        folder: made if need be.
        name: of the file of JSON.
        content: numbers that JSON does not have become None.
        pictures: by the names of their files, without the ending.
        page: the name of a page, and the function that makes it from the content and the files of pictures.

    Returns:
        The names of the files, that of the JSON first.

    Raises:
        OSError: a file cannot be written; an older report is then left as it was.
    """
    finite = _finite(content)
    drawn = {
        f"{title}.png" if isinstance(picture, Figure) else f"{title}.gif": _encoded(picture)
        for title, picture in pictures.items()
    }
    files = {name: f"{json.dumps(finite, indent=2, allow_nan=False)}\n".encode()}
    if page is not None:
        files[page[0]] = page[1](finite, drawn)
    files |= drawn
    write_together(folder, files)
    return tuple(files)


def _encoded(picture: Picture) -> bytes:
    file = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(file, format="png", dpi=120)
    else:
        first, *others = picture
        first.save(file, format="GIF", save_all=True, append_images=others, duration=80, loop=0)
    return file.getvalue()


def _finite(value: Any) -> Any:
    """Put None for every number that JSON does not have: NaN and the infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
