"""Learn a classical representation: ``fastdis baseline``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .._files import require_writable
from ._options import pairs
from ._run import in_one_line
from .train import _data_sets


@in_one_line
def baseline(
    method: Annotated[str, typer.Argument(help="One of pca, ica, sparse-coding, k-means, nmf.")],
    run: Annotated[Path, typer.Argument(help="Folder of the run, a new one.")],
    data: Annotated[
        str,
        typer.Option(
            help="A data set that `fastdis data` lists, or a file or folder of one's own.",
            autocompletion=_data_sets,
        ),
    ] = "dsprites",
    path: Annotated[
        Path | None, typer.Option(help="The file or folder that a listed data set is read from.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the data; may be repeated."),
    ] = None,
    latents: Annotated[int, typer.Option(help="Width of the codes.")] = 10,
    every: Annotated[int, typer.Option(help="Learn from one image in this many, and encode those.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Images in a batch.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the order and of where a method begins.")] = 0,
) -> None:
    """Learn PCA, ICA, sparse coding, k-means or NMF of the pixels, and encode all images.

    `fastdis evaluate` and `fastdis compare` then treat the folder as any run.
    """
    from .. import evaluation
    from ..evaluation.baselines import open_every
    from ..evaluation.encoded_run import to_encode

    require_writable(run)
    where = str(Path(data).absolute()) if Path(data).exists() else data
    of_data: dict[str, Any] = {
        "dataset": where,
        "path": None if path is None else str(path.absolute()),
        "every": every,
        "settings": pairs("baseline", "--set", settings),
    }
    evaluation.baseline(
        method,
        to_encode(open_every(**of_data)),
        run,
        latents=latents,
        batch_size=batch_size,
        seed=seed,
        config=of_data,
    )
    print(f"learned: {run}; score it with: fastdis evaluate {run}")
