"""Decompose the KL of a run or of anybody's codes: ``fastdis posterior``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..posterior import MAX_PAIRS
from ._options import Run
from ._report import show_files
from ._run import in_one_line


@in_one_line
def posterior(
    run: Run = None,
    codes: Annotated[
        Path | None,
        typer.Option(help="Instead of a run: an npz or HDF5 file with arrays mean and logvar."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --codes: a folder for posterior.json and a picture.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples drawn from the posterior of each image.")] = 1,
    tolerance: Annotated[float, typer.Option(help="Largest error of a log density, in nats.")] = 1e-4,
    max_pairs: Annotated[
        float,
        typer.Option(
            help="Pairs of a sample and an image to evaluate at most; where more would be needed, images "
            "are drawn at random."
        ),
    ] = MAX_PAIRS,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 0,
) -> None:
    """Decompose the KL with q(z) over all images.

    Its parts are the mutual information, the total correlation and the dimension-wise KL.
    """
    if (run is None) == (codes is None):
        raise ValueError("posterior: give either the folder of a run or --codes FILE")
    if out is not None and codes is None:
        raise ValueError("posterior: --out goes with --codes; that of a run is written into its folder")
    options: dict[str, Any] = {
        "samples": samples,
        "tolerance": tolerance,
        "max_pairs": max_pairs,
        "seed": seed,
    }

    from .. import evaluation

    if codes is not None:
        print(evaluation.decompose_codes(codes, folder=out, **options))
    elif run is not None:
        print(evaluation.decompose_run(run, **options))
    show_files(out or run, evaluation.posterior.FILES)
