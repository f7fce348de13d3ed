"""A comparison in words: numbers as they are shown, and the table for a terminal of 100 columns."""

from collections.abc import Iterator
from itertools import groupby
from string import ascii_uppercase

from .table import Comparison, Method, Row

WIDTH, _CELL = 100, 18


def shown(value: float | None, unit: str) -> str:
    """Write a value: nats with two decimals, all others with three.

    Example:
        >>> shown(0.12345, ""), shown(12.345, "nats"), shown(None, "")
        ('0.123', '12.35', '-')
    """
    return "-" if value is None else f"{value:.{2 if unit else 3}f}"


def terminal_table(comparison: Comparison) -> str:
    """Write the table: the methods by letters, as many beside each other as fit; a star marks the best."""
    methods = comparison.methods
    letters = [_letter(index) for index in range(len(methods))]
    lines = [
        f"{letter:3}{method.label}, {len(method.runs)} run{'s' * (len(method.runs) > 1)}"
        for letter, method in zip(letters, methods, strict=True)
    ]
    name_width = 3 + max(map(len, comparison.names))
    together = (WIDTH - name_width) // _CELL
    for start in range(0, len(methods), together):
        part = methods[start : start + together]
        header = "".join(letter.rjust(_CELL) for letter in letters[start : start + together])
        lines += ["", " " * name_width + header, *_block(comparison.rows, part, name_width)]
    lines += ["", "mean ± standard deviation over seeds; * the best of a row", *comparison.notes]
    return "\n".join(lines)


def _block(rows: list[Row], methods: list[Method], name_width: int) -> Iterator[str]:
    labels = {method.label for method in methods}
    part = [row for row in rows if row["method"] in labels]
    for group, of_group in groupby(part, key=lambda row: row["group"]):
        yield group
        for number, of_number in groupby(of_group, key=lambda row: row["number"]):
            yield f"  {number}".ljust(name_width) + "".join(_cell(row).rjust(_CELL) for row in of_number)


def _cell(row: Row) -> str:
    spread = "" if row["sd"] is None else f" ± {shown(row['sd'], row['unit'])}"
    return f"{'*' * row['best']}{shown(row['mean'], row['unit'])}{spread}"


def _letter(index: int) -> str:
    """Return A to Z, then A1 to Z1, ..."""
    turn, place = divmod(index, len(ascii_uppercase))
    return f"{ascii_uppercase[place]}{turn or ''}"
