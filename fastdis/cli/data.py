"""List the data sets, and write dSprites to a file: ``fastdis data``."""

from pathlib import Path
from typing import Annotated

import typer

from .._files import require_writable
from ._options import PLAIN
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
    if out.is_dir():
        raise ValueError(f"data dsprites: --out must be a file to write, {out} is a folder")
    require_writable(out.parent)

    from ..data import dsprites, write_npz

    write_npz(dsprites(path), out)
    print(f"wrote {out}")
