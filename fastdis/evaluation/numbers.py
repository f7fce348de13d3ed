"""The numbers of a report, each with its definition, how many images it comes from, and the seed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, metrics
from ..data.protocols import Images
from ..losses import reconstruction_loss
from ..models import VAE
from .encode import Codes, decode

Number = dict[str, Any]

SCORES = ("mig", "mig_sup", "jemmig", "dcimig", "modularity")
SAMPLE = 10_000  # images that the literature scores


def score(codes: NDArray[Any], factors: NDArray[Any], *, seed: int = 0) -> list[Number]:
    """Compute the scores of all samples and, beside them, of the 10,000 that the literature takes.

    Mutual information is estimated too high from few samples, so the two differ: each says how many samples
    it comes from.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning.
        seed: of the draw of the 10,000, without replacement.

    Returns:
        One dictionary a number: ``name``, ``score``, ``definition``, ``samples``, ``seed`` (None where all
        samples are taken), and the parts of the score; the first is MIG over all samples.

    Raises:
        TypeError: codes or factors hold no real numbers, or seed is no integer.
        ValueError: the arrays do not fit together, a factor is not a class, or seed is negative.
        metrics.NotComputable: a score does not exist for these arrays.

    Example:
        >>> import numpy as np
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> mig = score(factors.astype(np.float32), factors)[0]
        >>> mig["name"], mig["score"], mig["samples"]
        ('mig', 1.0, 96)
    """
    seed = _checks.seed("score", seed)
    numbers = _scores(codes, factors, None)
    if len(codes) > SAMPLE:
        rows = sampled(len(codes), seed)
        numbers += _scores(codes[rows], factors[rows], seed)
    return numbers


def _scores(codes: NDArray[Any], factors: NDArray[Any], seed: int | None) -> list[Number]:
    evaluation = metrics.evaluate(codes, factors, SCORES, progress=False)
    for reason in evaluation.failures.values():
        raise metrics.NotComputable(reason)
    return [{"name": name, "seed": seed, **result.to_dict()} for name, result in evaluation.results.items()]


def kl_number(kl: NDArray[np.float32], images: int) -> Number:
    """The KL divergence from the prior, from that of every latent."""
    return {
        "name": "kl",
        "seed": None,
        "score": float(kl.sum()),
        "unit": "nats",
        "samples": images,
        "per_latent": kl.tolist(),
        "definition": "KL(q(z|x) || p(z)), summed over latents, mean over images.",
    }


def reconstruction_number(
    model: VAE, data: Images, mean: Codes, *, likelihood: str = "bernoulli", seed: int = 0
) -> Number:
    """How well images are decoded from their posterior means, over a sample of 10,000."""
    sample = sampled(len(mean), seed)
    total = 0.0
    for rows in np.array_split(sample, -(-len(sample) // 256)):
        decoded = decode(model, mean[rows])
        total += len(rows) * reconstruction_loss(decoded, data.images(rows), likelihood=likelihood).item()
    return {
        "name": "reconstruction",
        "seed": seed,
        "score": total / len(sample),
        "unit": "nats",
        "samples": len(sample),
        "definition": f"Negative {likelihood} log-likelihood of an image decoded from its posterior mean, "
        "summed over pixels, mean over images.",
    }


def sampled(count: int, seed: int) -> NDArray[np.int64]:
    """The indices of 10,000 of so many images, or of all, in their order."""
    return np.sort(np.random.default_rng(seed).choice(count, min(SAMPLE, count), replace=False))
