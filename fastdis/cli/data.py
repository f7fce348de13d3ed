"""List the data sets, and write those that are drawn here to a file: ``fastdis data``."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from .. import _checks
from .._files import require_writable
from ._options import PLAIN, pairs
from ._run import in_one_line

app = typer.Typer(**PLAIN)


@app.callback()
def list_them(context: typer.Context) -> None:
    """List the data sets: the name, what file they need, where it is from, and the paper."""
    if context.invoked_subcommand is not None:
        return
    from ..data import DATASETS

    for name, entry in DATASETS.items():
        file = f"{entry.file}{'' if entry.needs_path else ' (--path)'}, " if entry.file else ""
        print(name.ljust(17) + f"{file}from {entry.where}" if file else name.ljust(17) + entry.where)
        print(" " * 17 + entry.paper)
    print("\nTrain on one: fastdis train runs/mine --data NAME --path FILE")
    print("or on images of your own: --data FILE, an npz, an HDF5 file or a folder of pictures")


@app.command()
@in_one_line
def dsprites(
    out: Annotated[Path, typer.Option(help="The npz file to write, in the layout of the official file.")],
    path: Annotated[
        Path | None,
        typer.Option(
            help="An official npz or HDF5 file to convert [default: rendered images]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write all 737,280 images of dSprites in the official layout."""
    _require_file("dsprites", out)

    from ..data import dsprites, write_npz

    write_npz(dsprites(path), out)
    print(f"wrote {out}")


def _writer(name: str, example: str) -> Callable[..., None]:
    """Make the command that writes the images of a simulator."""

    @in_one_line
    def write(
        out: Annotated[Path, typer.Option(help="The file to write, FILE.npz or FILE.h5.")],
        settings: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="NAME=VALUE", help=f"An argument, as {example}; may be repeated."),
        ] = None,
    ) -> None:
        _require_file(name, out)

        from ..data import DATASETS, Simulator, open_data, write_simulated

        given = pairs(f"data {name}", "--set", settings)
        known = DATASETS[name].settings
        for setting in given:
            _checks.choice(f"data {name}", "setting", setting, known)
        for setting, default in known.items():
            if default is inspect.Parameter.empty and setting not in given:
                raise ValueError(f"data {name}: --set {setting}=VALUE must be given")
        data = open_data(name, **given)
        if isinstance(data, Simulator):
            write_simulated(data, out)
        print(f"wrote {out}: {len(data):,} images with {', '.join(data.factor_names)}")

    write.__doc__ = f"Write the images of {name}, with their factors, to a file for other tools."
    return write


def _require_file(name: str, out: Path) -> None:
    if out.is_dir():
        raise ValueError(f"data {name}: --out must be a file to write, {out} is a folder")
    require_writable(out.parent)


app.command("scenes")(_writer("scenes", "k=5 or length=20000"))
app.command("room")(_writer("room", "length=20000"))
