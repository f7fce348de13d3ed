"""UDR of the models of a study: what reports say, or computed from the codes that the runs kept."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...metrics import NotComputable, udr
from .columns import Column, column
from .models import Model, Models

SAMPLE = 10_000  # images whose codes are compared


def udr_of(study: Models) -> Column:
    """Return the UDR of every model, nan where it is not known.

    Where the reports do not say it, it is computed among the models of each setting from their ``codes.npz``,
    over 10,000 images.
    """
    known = column(study.models, "udr")
    if np.isfinite(known).any():
        return known
    place = {id(model): k for k, model in enumerate(study.models)}
    for models in study.settings.values():
        for model, value in _among(models):
            known[place[id(model)]] = value
    return known


def _among(models: Sequence[Model]) -> list[tuple[Model, float]]:
    """UDR of models of one setting, of those that kept codes of the same images."""
    read = [(model, _codes(model.run.folder / "codes.npz")) for model in models]
    kept = [(model, codes) for model, codes in read if codes is not None]
    kept = [(model, codes) for model, codes in kept if len(codes[0]) == len(kept[0][1][0])]
    if len(kept) < 2:
        return []
    try:
        found = udr([mean for _, (mean, _) in kept], [kl for _, (_, kl) in kept])
    except NotComputable:
        return []
    return [(model, float(value)) for (model, _), value in zip(kept, found.per_model, strict=True)]


def _codes(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """The means of 10,000 images, and the KL of each code; None where the file is absent or another one."""
    try:
        with np.load(path) as file:
            mean, logvar = file["mean"], file["logvar"]
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        return None
    if mean.shape != logvar.shape or mean.ndim != 2:
        return None
    rows = np.sort(np.random.default_rng(0).choice(len(mean), min(SAMPLE, len(mean)), replace=False))
    mean, logvar = mean[rows], logvar[rows]
    kl = 0.5 * (mean**2 + np.exp(logvar) - logvar - 1).mean(axis=0)
    return (mean, kl) if np.isfinite(mean).all() and np.isfinite(kl).all() else None
