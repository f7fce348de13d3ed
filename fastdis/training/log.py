"""The log of a run, as CSV for spreadsheets and JSON lines for programs: one line every so many steps."""

import csv
import json
from pathlib import Path

from .._files import replacing

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
        if run_dir is None:
            return
        path = run_dir / "log.jsonl"
        if path.exists():
            self.rows = [row for row in _rows(path) if row["step"] <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{json.dumps(row)}\n" for row in self.rows))
        with replacing(run_dir / "log.csv") as temporary, temporary.open("w", newline="") as file:
            if self.rows:
                writer = csv.DictWriter(file, self.rows[0])
                writer.writeheader()
                writer.writerows(self.rows)

    def append(self, row: Row) -> None:
        """Add one row to both files."""
        self.rows.append(row)
        if self._run_dir is None:
            return
        with (self._run_dir / "log.jsonl").open("a") as file:
            file.write(f"{json.dumps(row)}\n")
        with (self._run_dir / "log.csv").open("a", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0])
            if len(self.rows) == 1:
                writer.writeheader()
            writer.writerow(row)


def _rows(path: Path) -> list[Row]:
    rows = []
    lines = path.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if number == len(lines) and not line.endswith("\n"):
            break  # cut short when the run was killed
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: line {number} must be a JSON object ({error})") from error
    return rows
