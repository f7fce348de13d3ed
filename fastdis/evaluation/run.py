"""Report on a run, from its folder."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .. import _checks, plots
from ..data.protocols import FactorData
from ..models import VAE
from ..training.log import Row, read_log
from .encoded_run import encoded_run
from .pictures import require_factors
from .report import Report, evaluate


def evaluate_run(
    run_dir: str | Path,
    *,
    model: VAE | None = None,
    data: FactorData | None = None,
    likelihood: str | None = None,
    factor_bins: int = 20,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Score the newest checkpoint of a run on its data set and write the report into the run's folder.

    Besides what `evaluate` writes the folder gets ``codes.npz``, mean and logvar of every image, and
    ``kl_over_training.png``, from the log. When the same checkpoint is evaluated again, the codes are read
    from there, unless a model or data is given.

    Args:
        run_dir: the folder of a run, of `fastdis train` or of `fit`.
        model: a model of the architecture that was trained, whose weights are replaced by the checkpoint's.
            It must be given where ``config.json`` does not say how to build it.
        data: images and, where they are known, their factors, as the data sets of `fastdis.data`. It must be
            given where ``config.json`` does not name the data set; another one may be. Of a simulator that
            it names 100,000 images are scored.
        likelihood: "bernoulli" or "gaussian", as for `evaluate`. None: what ``config.json`` says, else
            "bernoulli".
        factor_bins: as for `evaluate`.
        seed: seeds the draw of the 10,000 images and the noise for the aggregated posterior.
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
        >>> images = np.random.default_rng(0).integers(0, 2, (24, 1, 64, 64), np.uint8)
        >>> values = {"shape": np.arange(3.0), "scale": np.arange(8.0)}
        >>> packed = fastdis.kernels.packed_images.pack(images)
        >>> data = fastdis.data.FactorDataset(packed, values, (1, 64, 64), "noise")
        >>> model = fastdis.models.linear_vae(latents=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = fastdis.training.fit(
        ...         model, fastdis.losses.VAE(), data, steps=1, batch_size=4, run_dir=folder, progress=False
        ...     )
        ...     report = evaluate_run(folder, model=model, data=data, progress=False)
        >>> report.content["images"], report.files[0]
        (24, 'metrics.json')
    """
    factor_bins = _checks.integer("evaluate_run", "factor_bins", factor_bins, low=2)
    seed = _checks.seed("evaluate_run", seed)  # before every image is encoded, which takes minutes
    if data is not None:
        require_factors("evaluate_run", data)
    run = encoded_run(Path(run_dir), model=model, data=data, progress=progress)
    log = read_log(Path(run_dir) / "kl_per_latent.jsonl")
    more = {}
    if len(log) > 1:
        more["kl_over_training"] = _kl_over_training(log, run.title)
    return evaluate(
        run.model,
        run.data,
        run_dir,
        codes=run.codes,
        likelihood=run.likelihood if likelihood is None else likelihood,
        factor_bins=factor_bins,
        seed=seed,
        about=run.about,
        title=run.title,
        more=more,
        progress=progress,
    )


def _kl_over_training(log: list[Row], title: str) -> Figure:
    """Draw the KL of each latent, with its target where the objective had targets."""
    steps = np.array([row["step"] for row in log])
    kl, targets = (
        np.array([[value for name, value in row.items() if name.startswith(prefix)] for row in log])
        for prefix in ("z", "target_z")
    )
    if targets.size:
        return plots.kl_and_targets(steps, kl, targets, title)
    return plots.kl_over_training(steps, kl, title)
