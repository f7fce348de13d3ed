"""Put runs side by side: a table of their numbers, a page, figures. Reads run folders, never models."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .files import write_comparison
from .table import Comparison, Row, compare_runs
from .text import terminal_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Comparison", "compare", "compare_runs", "terminal_table", "write_comparison"]


def compare(runs: str | Path | Iterable[str | Path]) -> "DataFrame | list[Row]":
    """Put the numbers of several runs side by side, as a table with a row for each method and number.

    Runs whose settings in ``config.json`` are equal but for the seed are one method, and a row has their
    mean. Only ``config.json``, ``metrics.json`` and ``log.jsonl`` of each run are read. A run that has no
    ``metrics.json`` is left out; `compare_runs` returns the notes that say so, too.

    Args:
        runs: folders of runs, or one folder; a path with ``*`` stands for all that fit it.

    Returns:
        A DataFrame where pandas is installed, else a list of dictionaries, with the columns ``method`` (the
        objective and what tells it from the others), ``number``, ``mean``, ``sd`` (over seeds, ddof 1; None
        for one run), ``runs``, ``interval`` (half the width of a run's own interval over samples or votes,
        the mean over runs), ``best`` (whether the mean is the best among the methods on the same data),
        ``group``, ``unit``, ``samples``, ``data``, ``steps`` and ``reason`` (why there is no mean).

    Raises:
        TypeError: runs are not paths.
        FileNotFoundError: there is nothing at a path, or a folder has no ``config.json``.
        ValueError: no run has a ``metrics.json``, or a file is not what a run writes.

    Example:
        >>> import json, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for seed, score in enumerate([0.25, 0.75]):
        ...         run = Path(folder, f"seed{seed}")
        ...         run.mkdir()
        ...         config = {"objective": "vae", "settings": {}, "seed": seed, "steps": 100}
        ...         numbers = [{"name": "mig", "score": score, "samples": 96}]
        ...         _ = (run / "config.json").write_text(json.dumps(config))
        ...         _ = (run / "metrics.json").write_text(json.dumps({"numbers": numbers}))
        ...     row = compare_runs(f"{folder}/*").rows[0]
        >>> row["method"], row["number"], row["mean"], round(row["sd"], 4), row["runs"]
        ('vae', 'mig', 0.5, 0.3536, 2)
    """
    rows = compare_runs(runs).rows
    if find_spec("pandas") is None:
        return rows
    from pandas import DataFrame

    return DataFrame(rows)
