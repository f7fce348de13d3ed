"""The log of a run, as CSV for spreadsheets and JSON lines for programs: one line every so many steps."""

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import atomic_write
from .distributed import rank

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Row = dict[str, float]


class Log:
    """Rows of the loss terms' means since the row before, kept in memory and in a run's folder.

    Args:
        run_dir: the folder for ``log.csv`` and ``log.jsonl``, or None to keep rows in memory alone.
        step: rows beyond this step, left by a run that was killed after its last checkpoint, are dropped.
        tensorboard: write them to ``run_dir/tensorboard`` too.
        name: of the two files, without what follows the dot.

    Of several processes the first writes, and all keep the rows.

    Raises:
        ValueError: ``log.jsonl`` holds a line that is not JSON, or TensorBoard has no folder.
        RuntimeError: TensorBoard is not installed.
    """

    def __init__(self, run_dir: Path | None, step: int, tensorboard: bool = False, name: str = "log") -> None:
        self._name = name
        self.rows: list[Row] = []
        self._run_dir = run_dir if rank() == 0 else None
        self._writer = _summary_writer(run_dir, step) if tensorboard and rank() == 0 else None
        if run_dir is not None:
            self.rows = [row for row in read_log(run_dir / f"{name}.jsonl") if row["step"] <= step]
        if self._run_dir is not None:
            for suffix, text in _texts(self.rows, header=True).items():
                with atomic_write(self._run_dir / f"{name}{suffix}") as file:
                    file.write(text.encode())

    def append(self, row: Row) -> None:
        """Add one row to both files."""
        self.rows.append(row)
        if self._run_dir is not None:
            for suffix, text in _texts([row], header=len(self.rows) == 1).items():
                with (self._run_dir / f"{self._name}{suffix}").open("a", newline="") as file:
                    file.write(text)
        if self._writer is not None:
            for name, value in row.items():
                self._writer.add_scalar(name, value, int(row["step"]))
            self._writer.flush()

    def lines_since_best(self, term: str) -> int:
        """How many rows the log has after the one where the term was lowest.

        Raises:
            ValueError: there is no such term.
        """
        if term not in self.rows[-1]:
            raise ValueError(
                f"fit: monitor must be one of {', '.join(list(self.rows[-1])[2:])}, got {term!r}"
            )
        values = [row[term] for row in self.rows]
        return len(values) - 1 - values.index(min(values))

    def summary(self) -> str:
        """The terms of the last row, for the progress bar."""
        terms = list(self.rows[-1].items())[2:] if self.rows else []
        return "  ".join(f"{name} {value:.1f}" for name, value in terms)


def _summary_writer(run_dir: Path | None, step: int) -> "SummaryWriter":
    if run_dir is None:
        raise ValueError("fit: run_dir must be given where tensorboard is true, got None")
    if find_spec("tensorboard") is None:
        raise RuntimeError(
            "fit: tensorboard=True needs the package tensorboard: pip install fastdis[tensorboard]"
        )
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run_dir / "tensorboard", purge_step=step + 1)


def _texts(rows: list[Row], header: bool) -> dict[str, str]:
    table = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return {".jsonl": "".join(f"{json.dumps(row)}\n" for row in rows), ".csv": table.getvalue()}


def read_log(path: Path) -> list[Row]:
    """The whole lines of a log, none if there is no file; a last one that was cut short is left out.

    Raises:
        ValueError: a line is not JSON.
    """
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
