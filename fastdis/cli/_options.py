"""Declare what several commands share: how help looks, and the options that mean the same everywhere."""

from pathlib import Path
from typing import Annotated, Any

import typer

PLAIN: dict[str, Any] = {
    "invoke_without_command": True,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def help_unless_given(context: typer.Context) -> None:
    """Print the help of a group of commands where none of them is named, and exit with status 2."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


Run = Annotated[Path | None, typer.Argument(help="Folder of a run of `fastdis train`.")]
