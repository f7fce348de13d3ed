"""The numbers of a report, in the one form that ``metrics.json`` has (guide: scoring).

A number is a dictionary with these keys, and the parts of the score beside them:

name: what `fastdis.metrics.METRICS` calls the score; "kl", "reconstruction" or a part of the KL.
group: "information", "prediction", "votes", "interventions" or "unsupervised", those of the table of scores;
    "posterior" for the KL and its parts; "reconstruction".
score: a float; None where the score could not be computed, or is not finite.
unit: "nats"; left out where there is none.
samples: how many images the score comes from, those that a predictor learned from and those it was tested on.
seed: of the draw of images, votes or noise; None where nothing was drawn.
interval: None, or a dictionary with the ends ``low`` and ``high``, the ``confidence``, and ``exact``: whether
    the images are every combination of the factors, so that there is no sampling error.
no_interval: why there is no interval; None where there is one.
part: "held out", of images that were not trained on; left out of all others.
reason: why the score could not be computed; left out where it could.
seconds: how long it took. Scores of the joint table of codes and factors share the time that it takes.
notes: what a reader should know, such as classifiers that did not converge.
definition: a sentence, with the paper.
"""

import math
import time
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.protocols import Images
from ..losses import reconstruction_loss
from ..models import VAE
from .encode import Codes, decode

Number = dict[str, Any]

SAMPLE = 10_000  # images that the literature scores
NOT_ASKED = "no confidence was asked for"
_BATCH = 64  # images decoded at once: what stays in the cache of a core


def number(
    name: str,
    group: str,
    score: float | None,
    *,
    definition: str,
    samples: int,
    seed: int | None = None,
    unit: str | None = None,
    interval: dict[str, Any] | None = None,
    no_interval: str | None = None,
    reason: str | None = None,
    seconds: float = 0.0,
    notes: list[str] | tuple[str, ...] = (),
    **parts: Any,
) -> Number:
    """Put a score and its parts in the form above."""
    if score is not None and not math.isfinite(score):
        score, reason = None, f"the score is {score}"
    return {
        "name": name,
        "group": group,
        "score": score,
        **({} if unit is None else {"unit": unit}),
        "samples": samples,
        "seed": seed,
        "interval": None if score is None else interval,
        "no_interval": None if interval and score is not None else no_interval,
        **({} if reason is None else {"reason": reason}),
        "seconds": seconds,
        "notes": list(notes),
        "definition": definition,
        **parts,
    }


def normal_interval(score: float, error: float | None, confidence: float | None) -> dict[str, Any] | None:
    """Return the interval of a mean, from its standard error; None where that or a confidence is lacking."""
    if error is None or confidence is None:
        return None
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    return {"low": score - half, "high": score + half, "confidence": confidence, "exact": False}


def kl_number(kl: NDArray[np.float32], images: int) -> Number:
    """Make the number of the KL divergence from the prior, from that of every latent."""
    return number(
        "kl",
        "posterior",
        float(kl.sum()),
        unit="nats",
        samples=images,
        no_interval="all images were encoded, none drawn",
        definition="KL(q(z|x) || p(z)), summed over latents, mean over images.",
        per_latent=kl.tolist(),
    )


def reconstruction_number(
    model: VAE,
    data: Images,
    mean: Codes,
    *,
    likelihood: str = "bernoulli",
    seed: int = 0,
    confidence: float | None = 0.95,
) -> Number:
    """Measure how well images are decoded from their posterior means, over a sample of 10,000.

    The interval is that of the means of batches of 64 images, drawn at random.
    """
    start = time.perf_counter()
    sample = np.random.default_rng(seed).permutation(sampled(len(mean), seed))
    batches = np.array_split(sample, -(-len(sample) // _BATCH))
    losses = np.array(
        [
            reconstruction_loss(decode(model, mean[rows]), data.images(rows), likelihood=likelihood).item()
            for rows in batches
        ]
    )
    sizes = np.array([len(rows) for rows in batches])
    score = float(losses @ sizes / len(sample))
    drawn = len(sample) < len(mean)
    error = float(losses.std(ddof=1)) / math.sqrt(len(losses)) if drawn else None
    return number(
        "reconstruction",
        "reconstruction",
        score,
        unit="nats",
        samples=len(sample),
        seed=seed,
        interval=normal_interval(score, error, confidence),
        no_interval=NOT_ASKED if drawn else "all images were decoded, none drawn",
        seconds=time.perf_counter() - start,
        definition=f"Negative {likelihood.capitalize()} log-likelihood of an image decoded from its "
        "posterior mean, summed over pixels, mean over images.",
    )


def sampled(count: int, seed: int, size: int = SAMPLE) -> NDArray[np.int64]:
    """Draw 10,000 indices, or ``size``, in ascending order; all of them where there are no more."""
    return np.sort(np.random.default_rng(seed).choice(count, min(size, count), replace=False))
