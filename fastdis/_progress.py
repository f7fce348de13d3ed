"""The progress bar of every long job: on standard error, so that results can be piped."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    title: str, total: int, unit: str, *, done: int = 0, shown: bool = True
) -> Iterator[Callable[[int, str], None]]:
    """Show a bar with rate and time left, and yield the function ``update(done, note)`` that moves it.

    Args:
        title: stands before the bar.
        total: how much there is to do.
        unit: what is counted, as in "steps".
        done: how much was done before.
        shown: False for no bar.
    """
    if not shown:
        yield lambda done, note: None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    rate = TextColumn("{task.fields[rate]}")
    bar = Progress(TextColumn(title), BarColumn(20), MofNCompleteColumn(), rate, TimeRemainingColumn())
    task = bar.add_task(title, total=total, completed=done, rate="")
    below = Text(no_wrap=True, overflow="ellipsis")
    began = time.perf_counter()

    def update(now: int, note: str) -> None:
        speed = (now - done) / max(time.perf_counter() - began, 1e-9)
        bar.update(task, completed=now, rate=f"{speed:,.{0 if speed >= 100 else 1}f} {unit}/s")
        below.plain = note

    console = Console(stderr=True)
    with Live(Group(bar, below), console=console, refresh_per_second=4):
        yield update
    if not console.is_interactive:
        console.print()  # a file or a pipe gets the last state alone, without the end of its line
