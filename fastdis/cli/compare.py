"""Put runs side by side: ``fastdis compare``."""

from pathlib import Path
from typing import Annotated

import typer

from .._files import require_writable
from ._run import in_one_line


@in_one_line
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs that were scored; * stands for many.")],
    out: Annotated[Path, typer.Option(help="Folder for compare.html, compare.csv and the figures.")] = Path(
        "comparison"
    ),
) -> None:
    """Put the scores of several runs side by side.

    Runs that differ in the seed alone are one method, whose mean and standard deviation are shown.
    """
    require_writable(out)

    from ..evaluation.comparison import terminal_table, write_comparison

    comparison, files = write_comparison(runs, out)
    print(terminal_table(comparison))
    print(f"comparison: {out}: {', '.join(files)}")
