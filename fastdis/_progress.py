"""The progress bar of every long job: on standard error, so that results can be piped."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    title: str, total: int, unit: str, *, done: int = 0, shown: bool = True
) -> Iterator[Callable[[int, str], None]]:
    """A function ``update(done, note)`` that moves a bar with rate and time left."""
    if not shown:
        yield lambda done, note: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn(title), BarColumn(20), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), TextColumn("{task.fields[note]}")),
    )
    began = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        task = progress.add_task(title, total=total, completed=done, rate="", note="")

        def update(now: int, note: str) -> None:
            rate = (now - done) / max(time.perf_counter() - began, 1e-9)
            progress.update(
                task, completed=now, note=note, rate=f"{rate:,.{0 if rate >= 100 else 1}f} {unit}/s"
            )

        yield update
