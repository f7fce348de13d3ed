"""A process that performs one run: ``python -m fastdis.studies.worker``, with the job on standard input.

Standard input stays open for as long as the process that started it lives. When it closes, this one ends at
once: a study that is killed leaves no process behind that goes on writing.
"""

import json
import os
import sys
import threading

ORPHANED = 3  # exit status


def main() -> None:
    """Perform the job of the first line."""
    received = b""
    while not received.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            sys.exit(ORPHANED)
        received += part
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    from .job import Job, perform  # after the thread: the imports take seconds

    perform(Job(**json.loads(received)))


def _end_with_the_parent() -> None:
    while os.read(0, 1 << 16):
        pass
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
