"""The images that a model was not trained on: their numbers, marked as such, and what is decoded of them."""

from collections.abc import Sequence

import torch

from ..data.protocols import FactorData
from ..functional import gaussian_kl
from ..metrics import METRICS
from ..models import VAE
from ..training.labels import Labels
from .encode import Codes, evaluating
from .files import Picture
from .numbers import Number, kl_number, reconstruction_number
from .pictures import decoding, reconstructions
from .scores import score

PART = "held out"  # the ``part`` of these numbers; the others have none


def held_out_numbers(
    model: VAE,
    data: FactorData,
    codes: tuple[Codes, Codes],
    found: Labels,
    *,
    likelihood: str,
    metrics: Sequence[str],
    confidence: float | None,
    seed: int,
    progress: bool,
) -> list[Number]:
    """Compute scores, KL and reconstruction of images that were held out.

    Args:
        model: what was trained on other images.
        data: the images.
        codes: mean and logvar of each.
        found: their labels, in the bins of the others.
        likelihood, confidence, seed, progress: as for `evaluate`.
        metrics: the names of scores; those that need factors are left out where no factor varies.

    Returns:
        The numbers, each with ``part`` "held out".
    """
    mean, logvar = codes
    kl = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    known, classes = found.scored()
    labelled = classes.size > 0
    rows = known if labelled else slice(None)
    if not labelled:
        metrics = [name for name in metrics if METRICS[name].needs == "codes"]
    scores = score(
        mean[rows],
        classes if labelled else None,
        logvar=logvar[rows],
        numbers=found.numbers(rows, found.varying) if labelled else None,
        metrics=metrics,
        confidence=confidence,
        seed=seed,
        progress=progress,
    )
    with evaluating(model):
        reconstruction = reconstruction_number(
            model, data, mean, likelihood=likelihood, seed=seed, confidence=confidence
        )
    return [{**number, "part": PART} for number in (*scores, kl_number(kl, len(mean)), reconstruction)]


def held_out_picture(
    model: VAE, data: FactorData, mean: Codes, likelihood: str, seed: int, title: str
) -> Picture:
    """Draw held-out images above what is decoded from their mean codes."""
    with evaluating(model):
        return reconstructions(
            data, decoding(model, likelihood), mean, seed, f"{title}\nheld out of training".strip()
        )
