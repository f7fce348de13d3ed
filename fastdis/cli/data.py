"""Write data sets to files: ``fastdis data dsprites``."""

from pathlib import Path
from typing import Annotated

import typer

from .._files import require_writable
from ._options import PLAIN, help_unless_given
from ._run import in_one_line

app = typer.Typer(help="Write data sets to files that other tools read.", **PLAIN)


app.callback()(help_unless_given)


@app.command()
@in_one_line
def dsprites(
    out: Annotated[Path, typer.Option(help="The npz file to write, in the layout of the official file.")],
    dataset: Annotated[
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

    write_npz(dsprites(dataset), out)
    print(f"wrote {out}")
