"""Ctrl-C and SIGTERM end a run between two steps instead of in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TrainingInterrupted(KeyboardInterrupt):
    """Raised where a signal has stopped a run; the message says where its checkpoint is."""


@contextmanager
def deferred_signals(enabled: bool) -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of acting on them; a second one acts as usual."""
    received: list[int] = []
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may install handlers
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield received
    finally:
        restore()
