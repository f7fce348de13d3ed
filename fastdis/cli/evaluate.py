"""Score a run or anybody's codes: ``fastdis evaluate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import _checks
from .._files import require_writable
from ._options import Run
from ._report import show
from ._run import in_one_line


@in_one_line
def evaluate(
    run: Run = None,
    codes: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a run: an npz or HDF5 file with codes and factors, or an npy file of the codes."
        ),
    ] = None,
    factors: Annotated[
        Path | None, typer.Option(help="With --codes FILE.npy: an npy file of the factors.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --codes: a folder for metrics.json and a picture.")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Scores to compute, as they are called in metrics.json. [default: all]",
            show_default=False,
        ),
    ] = None,
    codes_key: Annotated[
        str, typer.Option(help="With --codes: the name of the array of codes in an npz or HDF5 file.")
    ] = "codes",
    factors_key: Annotated[
        str, typer.Option(help="With --codes: the name of the array of factors.")
    ] = "factors",
    logvar_key: Annotated[
        str | None,
        typer.Option(help="With --codes: the name of the array of log variances, if the codes are means."),
    ] = None,
    factor_bins: Annotated[
        int,
        typer.Option(help="Into how many bins a continuous factor is cut for the scores."),
    ] = 20,
    binning: Annotated[
        str, typer.Option(help="Bins of equal width, or of equal counts: width or quantile.")
    ] = "width",
    traverse: Annotated[
        tuple[float, float],
        typer.Option(help="From where to where pictures of a run move a latent, in deviations of the prior."),
    ] = (-2.0, 2.0),
    image: Annotated[
        int | None,
        typer.Option(
            help="The number of the image whose latents are moved. [default: the one most like all others]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples of images, of votes and of predictors.")] = 0,
) -> None:
    """Score a trained model or a file of codes.

    A model is scored on every image of its data set, on 100,000 of a simulator's, and the report is written
    into the folder of its run. Scores that learn predictors take 15,000 images.
    """
    if (run is None) == (codes is None):
        raise ValueError("evaluate: give either the folder of a run or --codes FILE")
    if out is not None and codes is None:
        raise ValueError("evaluate: --out goes with --codes; the report on a run is written into its folder")
    if factors is not None and codes is None:
        raise ValueError("evaluate: --factors goes with --codes; a run brings its own")
    _checks.seed("evaluate", seed)
    if out is not None:
        require_writable(out)

    from .. import evaluation

    chosen = "all" if metrics is None else [name.strip() for name in metrics.split(",")]
    evaluation.scores.chosen_metrics("evaluate", chosen)
    if codes is not None:
        show(
            evaluation.evaluate_codes(
                codes,
                factors,
                codes_key=codes_key,
                factors_key=factors_key,
                logvar_key=logvar_key,
                folder=out,
                metrics=chosen,
                factor_bins=factor_bins,
                binning=binning,
                seed=seed,
                progress=sys.stderr.isatty(),
            )
        )
    elif run is not None:
        show(
            evaluation.evaluate_run(
                run,
                metrics=chosen,
                factor_bins=factor_bins,
                binning=binning,
                traverse=traverse,
                image=image,
                seed=seed,
            )
        )
