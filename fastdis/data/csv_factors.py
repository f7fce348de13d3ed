"""The factors of pictures from a CSV file."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MISSING = ("", "nan", "NaN", "NA")


def read_csv(function: str, path: Path, pictures: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read a column for each factor, in the order of the pictures.

    The first row holds the names, the first column the pictures' paths. A column whose cells are all numbers
    holds numbers; any other holds text. An empty cell is a missing label.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a CSV of that form, a picture has no row or two rows, or a row has no
            picture.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{function}: factors must be a CSV file, there is none at {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{function}: {path} must be a CSV file in UTF-8: {error}") from error
    if len(header) < 2 or len(set(header)) < len(header):
        raise ValueError(
            f"{function}: {path} must begin with a row of different names, the first for the pictures' paths "
            f"and one for each factor, got {', '.join(header) or 'nothing'}"
        )
    by_picture: dict[str, list[str]] = {}
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"{function}: {path} must have {len(header)} cells in every row, got {len(row)} for {row[0]}"
            )
        picture = Path(row[0].strip()).as_posix()
        if picture in by_picture:
            raise ValueError(f"{function}: {path} must have one row for each picture, got two for {picture}")
        by_picture[picture] = row[1:]
    missing = [name for name in pictures if name not in by_picture]
    unknown = by_picture.keys() - set(pictures)
    if missing or unknown:
        what, names = ("no row", missing) if missing else ("a row but no picture", sorted(unknown))
        raise ValueError(
            f"{function}: {path} must have one row for each picture, got {what} for {names[0]}"
            f"{f' and {len(names) - 1:,} others' if len(names) > 1 else ''}"
        )
    columns = zip(*(by_picture[name] for name in pictures), strict=True)
    return {name: _numbers_or_text(list(column)) for name, column in zip(header[1:], columns, strict=True)}


def _numbers_or_text(cells: list[str]) -> NDArray[Any]:
    try:
        return np.array([float("nan") if cell.strip() in _MISSING else float(cell) for cell in cells])
    except ValueError:
        return np.array([cell.strip() for cell in cells])
