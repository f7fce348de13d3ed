"""Report on a run, from its folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import _checks, plots
from ..data.protocols import FactorData
from ..metrics._confidence import check_confidence
from ..metrics.binning import BINNINGS
from ..models import VAE
from ..training.run_config import RunConfig
from .commands import evaluate_command, train_command
from .curves_of_training import capacities_of, curves_of_training
from .encoded_run import encoded_run
from .files import Picture
from .pictures import TRAVERSE, checked_view, require_factors
from .report import Report, evaluate, kl_of
from .scores import chosen_metrics


def evaluate_run(
    run_dir: str | Path,
    *,
    model: VAE | None = None,
    data: FactorData | None = None,
    likelihood: str | None = None,
    metrics: str | Iterable[str] = "all",
    confidence: float | None = 0.95,
    factor_bins: int = 20,
    binning: str = "width",
    traverse: tuple[float, float] = TRAVERSE,
    image: int | None = None,
    seed: int = 0,
    draw: bool = True,
    progress: bool = True,
) -> Report:
    """Score the newest checkpoint of a run on its data set and write the report into the run's folder.

    Besides what `evaluate` writes the folder gets ``codes.npz``, mean and logvar of every image, and, from
    the logs, ``training.png``, ``kl_over_training.png`` and, of a run with ``evaluate_every``,
    ``scores_over_training.png``. When the same checkpoint is evaluated again, the codes are read from there,
    unless a model or data is given. A run that was trained on one side of its data set, by ``split`` or
    ``without``, is scored on both: see `evaluate`.

    Args:
        run_dir: the folder of a run, of `fastdis train` or of `fit`.
        model: a model of the architecture that was trained, whose weights are replaced by the checkpoint's.
            It must be given where ``config.json`` does not say how to build it.
        data: images and, where they are known, their factors, as the data sets of `fastdis.data`. It must be
            given where ``config.json`` does not name the data set; another one may be. Of a simulator that
            it names 100,000 images are scored.
        likelihood: "bernoulli" or "gaussian", as for `evaluate`. None: what ``config.json`` says, else
            "bernoulli".
        metrics, confidence, factor_bins, binning, traverse, image: as for `evaluate`.
        seed: seeds the draws of images and votes, and the noise for the aggregated posterior.
        draw: draw pictures; without, the folder gets ``metrics.json`` and the codes alone.
        progress: show a progress bar on standard error.

    Returns:
        The report: its content, its folder and the names of its files.

    Raises:
        FileNotFoundError: the folder is no run's, or has no checkpoint yet.
        TypeError: data lacks images or factors.
        ValueError: model or data is neither given nor named by ``config.json``, the checkpoint is damaged or
            of another architecture, or its codes are not finite.
        OSError: a file cannot be written; an older report is then left as it was.

    Example:
        >>> import tempfile, fastdis
        >>> import numpy as np
        >>> images = np.random.default_rng(0).integers(0, 2, (24, 1, 64, 64), np.uint8)
        >>> values = {"shape": np.arange(3.0), "scale": np.arange(8.0)}
        >>> packed = fastdis.kernels.packed_images.pack(images)
        >>> data = fastdis.data.FactorDataset(packed, values, (1, 64, 64), "noise")
        >>> model = fastdis.models.linear_vae(latents=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = fastdis.training.fit(
        ...         model, fastdis.losses.VAE(), data, steps=1, batch_size=4, run_dir=folder, progress=False
        ...     )
        ...     report = evaluate_run(folder, model=model, data=data, metrics="mig", progress=False)
        >>> report.content["images"], report.files[0]
        (24, 'metrics.json')
    """
    factor_bins = _checks.integer("evaluate_run", "factor_bins", factor_bins, low=2)
    _checks.choice("evaluate_run", "binning", binning, BINNINGS)
    seed = _checks.seed("evaluate_run", seed)  # before every image is encoded, which takes minutes
    chosen_metrics("evaluate_run", metrics)
    check_confidence("evaluate_run", confidence)
    if data is not None:
        require_factors("evaluate_run", data)
    traverse, _ = checked_view("evaluate_run", traverse, None, 1)  # of how many images is not yet known
    if image is not None:
        image = _checks.integer("evaluate_run", "image", image, low=0)
    run = encoded_run(Path(run_dir), model=model, data=data, progress=progress)
    if isinstance(metrics, str):
        metrics = "all" if metrics == "all" else [metrics]
    options = {
        "metrics": metrics,
        "factor_bins": factor_bins,
        "binning": binning,
        "traverse": tuple(traverse),
        "image": image,
        "seed": seed,
    }
    commands = _commands(run.config, run_dir, options, given={"model": model, "data": data})
    more: dict[str, Picture] = {}
    if draw:
        more |= {name: curve() for name, curve in curves_of_training(Path(run_dir), run.title).items()}
        mean, logvar = run.codes
        if logvar is not None and (capacities := capacities_of(run.settings)) is not None:
            more["kl_per_latent"] = plots.kl_per_latent(kl_of(mean, logvar), run.title, capacities)
    return evaluate(
        run.model,
        run.data,
        run_dir,
        codes=run.codes,
        held_out=run.held_out[0] if run.held_out else None,
        held_out_codes=run.held_out[1] if run.held_out else None,
        likelihood=run.likelihood if likelihood is None else likelihood,
        metrics=metrics,
        confidence=confidence,
        factor_bins=factor_bins,
        binning=binning,
        traverse=traverse,
        image=image,
        seed=seed,
        about=run.about | {"config": dict(run.settings), "commands": commands},
        title=run.title,
        more=more,
        draw=draw,
        progress=progress,
    )


def _commands(
    config: RunConfig | None, run_dir: str | Path, options: Mapping[str, Any], given: Mapping[str, Any]
) -> list[str]:
    """Say how the run and its report are made again: on the command line, or in Python where that must be."""
    objects = [f"{name}={name}" for name, value in given.items() if value is not None]
    if objects:
        return [f"fastdis.evaluation.evaluate_run({str(run_dir)!r}, {', '.join(objects)})"]
    default = {
        "metrics": "all",
        "factor_bins": 20,
        "binning": "width",
        "traverse": TRAVERSE,
        "image": None,
        "seed": 0,
    }
    trained = [train_command(config, run_dir)] if config is not None else []
    return [*trained, evaluate_command([str(run_dir)], options, default)]
