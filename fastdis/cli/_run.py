"""Run a command so that what the user can correct is one line and exit status 2, not a traceback."""

import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, cast

import typer

INTERRUPTED = 130  # what shells report of a process ended by Ctrl-C

# what the parser raises; the module it lives in differs between versions of typer
_USAGE_ERRORS = cast(tuple[type[typer.BadParameter], ...], typer.BadParameter.__bases__)

_TRACEBACK = inspect.Parameter(
    "traceback",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--traceback", help="Show the whole traceback of an error.")],
)


def run(app: typer.Typer) -> None:
    """Run the command that the arguments of the process name, and exit with its status."""
    try:
        status = app(standalone_mode=False, prog_name="fastdis")
        sys.stdout.flush()
    except _USAGE_ERRORS as error:
        status = _fail(error.format_message(), 2)
    except BrokenPipeError:  # as of `fastdis evaluate run | head -1`, where the parser has not seen it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def in_one_line(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option --traceback, and turn the errors that the library documents into a line and a status."""

    @wraps(command)
    def guarded(**options: Any) -> None:
        shown = options.pop(_TRACEBACK.name)
        try:
            command(**options)
        except (BrokenPipeError, typer.Exit):  # both are of a kind below
            raise
        except (TypeError, ValueError, OSError, RuntimeError, FloatingPointError, MemoryError) as error:
            if shown:
                traceback.print_exc()
            raise typer.Exit(_fail(_message(error, options), 2)) from None
        except KeyboardInterrupt as stop:
            raise typer.Exit(_fail(str(stop) or "interrupted", INTERRUPTED)) from None

    signature = inspect.signature(command)
    with_traceback = signature.replace(parameters=[*signature.parameters.values(), _TRACEBACK])
    vars(guarded)["__signature__"] = with_traceback  # what typer reads
    return guarded


def _message(error: Exception, options: Mapping[str, Any]) -> str:
    if _is_out_of_memory(error):
        wanted = re.search(r"allocate ([\d.]+ ?\w+)", str(error))  # bytes on the CPU, MiB or GiB on a GPU
        hint = "; a smaller --batch-size takes less" if "batch_size" in options else ""
        return f"out of memory{f', {wanted[1]} were asked for' if wanted else ''}{hint}"
    if isinstance(error, OSError) and error.strerror:  # without its number, which says nothing to a reader
        return error.strerror + (f": {str(error.filename)!r}" if error.filename is not None else "")
    return str(error) or type(error).__name__


def _is_out_of_memory(error: Exception) -> bool:
    """Tell by name and text: torch, whose import takes a second, has no type for the CPU's."""
    return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate" in str(error)


def _fail(message: str, status: int) -> int:
    print("fastdis:", " ".join(message.split()), file=sys.stderr)
    return status
