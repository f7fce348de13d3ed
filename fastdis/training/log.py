"""The log of a run, as CSV for spreadsheets and JSON lines for programs: one line every so many steps."""

import csv
import io
import json
from pathlib import Path

from ..data.atomic import atomic_write

Row = dict[str, float]


class Log:
    """Rows of the loss terms' means since the row before, kept in memory and in a run's folder.

    Args:
        run_dir: the folder for ``log.csv`` and ``log.jsonl``, or None to keep rows in memory alone.
        step: rows beyond this step, left by a run that was killed after its last checkpoint, are dropped.

    Raises:
        ValueError: ``log.jsonl`` holds a line that is not JSON.
    """

    def __init__(self, run_dir: Path | None, step: int) -> None:
        self.rows: list[Row] = []
        self._run_dir = run_dir
        if run_dir is not None:
            self.rows = [row for row in _read(run_dir / "log.jsonl") if row["step"] <= step]
            for name, text in _texts(self.rows, header=True).items():
                with atomic_write(run_dir / name) as file:
                    file.write(text.encode())

    def append(self, row: Row) -> None:
        """Add one row to both files."""
        self.rows.append(row)
        if self._run_dir is not None:
            for name, text in _texts([row], header=len(self.rows) == 1).items():
                with (self._run_dir / name).open("a", newline="") as file:
                    file.write(text)


def _texts(rows: list[Row], header: bool) -> dict[str, str]:
    table = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return {"log.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows), "log.csv": table.getvalue()}


def _read(path: Path) -> list[Row]:
    """The whole lines of a log; a last one that was cut short is left out."""
    rows = []
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: line {number} must be a JSON object ({error})") from error
    return rows
