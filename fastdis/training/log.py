"""The log of a run, as CSV for spreadsheets and JSON lines for programs: a line every ``log_every`` steps."""

import csv
import io
import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import atomic_write
from .distributed import on_first, rank

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Row = dict[str, float]


class Log:
    """The loss terms' means since the row before, in memory and in a run's folder.

    Of several processes the first writes, and all keep the rows. Nothing is written before `start`.

    Args:
        run_dir: the folder for ``log.csv`` and ``log.jsonl``, or None to keep rows in memory alone.
        step: how many steps are done: the rows up to there are read; none for a run that begins.
        name: of the two files, without what follows the dot.
        tensorboard: write rows to ``run_dir/tensorboard`` too.

    Raises:
        ValueError: a line of ``log.jsonl`` is no row.
    """

    def __init__(
        self, run_dir: Path | None, step: int = 0, *, name: str = "log", tensorboard: bool = False
    ) -> None:
        self.rows: list[Row] = []
        self._run_dir, self._name, self._tensorboard = run_dir, name, tensorboard
        self._writer: SummaryWriter | None = None
        if run_dir is not None and step:
            self.rows = [row for row in read_log(run_dir / f"{name}.jsonl") if row["step"] <= step]

    def start(self, step: int) -> None:
        """Drop the rows beyond a step and bring the files to that state; rows may be appended then.

        Rows beyond it were left by a run that was killed after its last checkpoint, or are the last row of a
        run that goes on.
        """
        self.rows = [row for row in self.rows if row["step"] <= step]
        run_dir = self._run_dir
        if run_dir is not None:
            on_first(lambda: self._rewrite(run_dir, step))

    def _rewrite(self, run_dir: Path, step: int) -> None:
        for suffix, text in _texts(self.rows, header=True).items():
            with atomic_write(run_dir / f"{self._name}{suffix}") as file:
                file.write(text.encode())
        if self._tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(run_dir / "tensorboard", purge_step=step + 1)

    def append(self, row: Row) -> None:
        """Add one row."""
        self.rows.append(row)
        if self._run_dir is not None and rank() == 0:
            for suffix, text in _texts([row], header=len(self.rows) == 1).items():
                with (self._run_dir / f"{self._name}{suffix}").open("a", newline="") as file:
                    file.write(text)
        self.show(row)

    def show(self, row: Row, prefix: str = "") -> None:
        """Write a row to TensorBoard, if it is asked for; the prefix tells the rows of another log apart."""
        if self._writer is not None:
            for name, value in row.items():
                self._writer.add_scalar(f"{prefix}{name}", value, int(row["step"]))
            self._writer.flush()

    def lines_since_best(self, term: str) -> int:
        """Count the rows after the one where a term was lowest."""
        values = [row.get(term, math.inf) for row in self.rows]
        return len(values) - 1 - values.index(min(values))

    def summary(self) -> str:
        """Write the terms of the last row in one line, for the progress bar."""
        terms = list(self.rows[-1].items())[2:] if self.rows else []
        return "  ".join(f"{name} {value:.1f}" for name, value in terms)


def require_tensorboard(run_dir: str | Path | None) -> None:
    """Require what a log to TensorBoard needs.

    Raises:
        ValueError: there is no folder for it.
        RuntimeError: TensorBoard is not installed.
    """
    if run_dir is None:
        raise ValueError("fit: run_dir must be given where tensorboard is true, got None")
    if find_spec("tensorboard") is None:
        raise RuntimeError(
            "fit: tensorboard=True needs the package tensorboard: pip install fastdis[tensorboard]"
        )


def _texts(rows: list[Row], header: bool) -> dict[str, str]:
    """Write rows as JSON lines and CSV; what is nan, as a target that is not there, is null and empty."""
    kept = [{name: None if math.isnan(value) else value for name, value in row.items()} for row in rows]
    table = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(kept)
    return {".jsonl": "".join(f"{json.dumps(row)}\n" for row in kept), ".csv": table.getvalue()}


def read_log(path: Path) -> list[Row]:
    """Read the whole lines of a log, none if there is no file; a last one that was cut short is left out.

    Raises:
        ValueError: a line is not a JSON object of numbers, ``step`` among them, or the file is not text.
    """
    rows = []
    try:
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must hold lines of JSON, got bytes that are not text") from error
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}: line {number} must be a JSON object ({error})") from error
        if not isinstance(row, dict) or "step" not in row or not all(map(_is_number, row.values())):
            raise ValueError(
                f"{path}: line {number} must be a JSON object of numbers, step among them, "
                f"got {line[:60].strip()}"
            )
        rows.append({name: math.nan if value is None else value for name, value in row.items()})
    return rows


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
