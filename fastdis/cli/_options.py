"""Declare what several commands share: how help looks, and the options that mean the same everywhere."""

import json
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


def pairs(function: str, option: str, texts: list[str] | None) -> dict[str, Any]:
    """Split NAME=VALUE; the value is read as JSON or a number (nan and inf too), else taken as text."""
    found = {}
    for text in texts or []:
        name, separator, given = text.partition("=")
        if not (name and separator):
            raise ValueError(f"{function}: {option} must be NAME=VALUE, got {text!r}")
        found[name] = parsed(given)
    return found


def parsed(text: str) -> Any:
    """Read a value as JSON or a number, else take it as text."""
    for parse in (json.loads, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text
