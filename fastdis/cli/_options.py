"""Declare what several commands share: how help looks, and the options that mean the same everywhere."""

from pathlib import Path
from typing import Annotated, Any

import typer

PLAIN: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

Run = Annotated[Path | None, typer.Argument(help="Folder of a run of `fastdis train`.")]
