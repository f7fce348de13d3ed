"""Print a report and where it lies."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..evaluation import Report


def show(report: "Report") -> None:
    """Print the report's table, its folder and the files there."""
    print(report)
    show_files(report.folder, report.files)
    for page in (name for name in report.files if name.endswith(".html")):
        print(f"page: {report.folder / page}" if report.folder else page)


def show_files(folder: Path | None, files: tuple[str, ...]) -> None:
    """Print a folder and the files that were written there, if any were."""
    if folder is not None:
        print(f"report: {folder}: {', '.join(files)}")
