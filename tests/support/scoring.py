"""Call any declared score alike, with few votes and labels, on arrays of a few hundred rows."""

import inspect
from typing import Any

import numpy as np

from fastdis.metrics import Metric, Result

FEW: dict[str, dict[str, Any]] = {
    "factor_vae_score": {"train_votes": 200, "test_votes": 100, "group": 8},
    "beta_vae_score": {"train_votes": 200, "test_votes": 100, "group": 8},
    "infomec": {"train": 40, "test": 20},
    "downstream_gbt": {"labels": (30,)},
    "downstream_logistic": {"labels": (30,)},
}
LOGVAR = -3.0


def call(metric: Metric, codes: Any, factors: Any, *, logvar: Any = None, **options: Any) -> Result:
    """The score of these arrays; posteriors have the variance exp(-3) unless another is given."""
    options = FEW.get(metric.name, {}) | options
    if metric.needs != "posteriors":
        return metric.function(codes, factors, **options)
    logvar = np.full(codes.shape, LOGVAR) if logvar is None else logvar
    return metric.function(codes, logvar, factors, **options)


def score_or_reason(metric: Metric, codes: Any, factors: Any) -> float | ValueError:
    """The score, or the error that says why there is none."""
    try:
        return call(metric, codes, factors).score
    except ValueError as reason:
        return reason


def takes(metric: Metric, name: str) -> bool:
    """Whether the function of a score has an argument of this name."""
    return name in inspect.signature(metric.function).parameters


def arrays(samples: int = 150, *, sizes: tuple[int, ...] = (2, 3, 4), codes: int = 4, seed: int = 0) -> Any:
    """Codes (samples, codes) that mix the factors with noise, float64, and factors (samples, factors)."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, size, samples) for size in sizes], axis=1)
    mixing = rng.standard_normal((len(sizes), codes)) ** 3
    return factors @ mixing + rng.standard_normal((samples, codes)), factors


def timeless(numbers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The numbers of a report without the seconds that they took."""
    return [{name: value for name, value in number.items() if name != "seconds"} for number in numbers]
