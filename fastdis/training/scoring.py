"""Score a model while it is trained: the codes of a fixed sample. The training is not touched."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from ..data import Pairs
from ..data.protocols import FactorData, Images
from ..functional import gaussian_kl
from ..metrics import METRICS, evaluate
from ..models.device import device_of
from ..posterior import decompose
from .inputs import as_floating, dtype_of
from .labels import labels
from .log import Row
from .sources import as_source

SAMPLE = 10_000  # images
BEST = "factor_vae_score"  # by which the best checkpoint is chosen
_SCORES = (*(name for name, metric in METRICS.items() if metric.needs == "table"), BEST)
_PARTS = ("index_code_mi", "total_correlation", "dimwise_kl")


@dataclass(frozen=True)
class Sample:
    """Hold the images that are scored again and again, and their classes in each factor.

    images: where they are fetched from. rows: which of them. classes: (rows, factors), or None where the
    factors are not known.
    """

    images: Images
    rows: NDArray[np.int64]
    classes: NDArray[np.int64] | None

    @classmethod
    def of(cls, model: nn.Module, data: object) -> "Sample":
        """Draw 10,000 images of a data set, or take all of fewer: the same ones for every run on it.

        Of `Pairs` and of a DataLoader the data set within is taken. Images that lack a label are left out,
        and so are factors that do not vary; a continuous factor is cut into 20 bins, as `labels` does
        for the report.

        Raises:
            TypeError: the images cannot be fetched by their index, or the model has no ``encode``.
        """
        source = as_source(data.dataset if isinstance(data, Pairs | DataLoader) else data)
        if not isinstance(source, Images):
            raise TypeError(
                "fit: data must give images by their index where evaluate_every is given, "
                f"got {type(data).__name__}"
            )
        if not hasattr(model, "encode"):
            raise TypeError(
                "fit: model must have encode(images) -> (mean, logvar) where evaluate_every is given, "
                f"got {type(model).__name__}"
            )
        count = len(source)
        rows = np.sort(np.random.default_rng(0).choice(count, min(SAMPLE, count), replace=False))
        if not isinstance(source, FactorData) or not source.factor_names:
            return cls(source, rows, None)
        known, classes = labels(source, rows=rows).scored()
        return cls(source, rows[known], classes)

    @property
    def has_scores(self) -> bool:
        """Whether there are factors to score."""
        return self.classes is not None and self.classes.size > 0

    def score(self, model: nn.Module) -> Row:
        """Compute the scores of the joint table, the FactorVAE score and the exact parts of the KL, in nats.

        q(z) is that of the sample. A number that cannot be computed is nan. The model encodes in evaluation
        mode, and no generator of torch is left in another state.
        """
        device = device_of(model)
        training = model.training
        model.eval()
        try:
            with (
                torch.no_grad(),
                torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type),
            ):
                mean, logvar = (torch.cat(parts) for parts in zip(*self._encoded(model), strict=True))
        finally:
            model.train(training)
        kl = float(gaussian_kl(mean, logvar).sum())
        return self._scores(mean.numpy()) | {"kl": kl} | _parts(mean.numpy(), logvar.numpy())

    def _encoded(self, model: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        device, dtype = device_of(model), dtype_of(model)
        size = 256 if device.type == "cpu" else 4096
        for first in range(0, len(self.rows), size):
            images = self.images.images(self.rows[first : first + size]).to(device)
            yield tuple(part.float().cpu() for part in model.encode(as_floating(images, dtype)))

    def _scores(self, codes: NDArray[np.float32]) -> Row:
        if self.classes is None or not self.has_scores:
            return {}
        missing = dict.fromkeys(_SCORES, math.nan)
        if not np.isfinite(codes).all():
            return missing
        found = evaluate(codes, self.classes, _SCORES, progress=False)
        for name, reason in found.failures.items():
            warnings.warn(f"fit: evaluate_every leaves out {name}: {reason}", stacklevel=2)
        return missing | {name: result.score for name, result in found.results.items()}


def _parts(mean: NDArray[np.float32], logvar: NDArray[np.float32]) -> Row:
    try:
        parts = decompose(mean, logvar).to_dict()
    except ValueError:  # codes or variances that no arithmetic carries: the training itself will say so
        return dict.fromkeys(_PARTS, math.nan)
    return {name: parts[name] for name in _PARTS}


def best_step(rows: list[Row]) -> int | None:
    """Find the step with the highest FactorVAE score, the first of equals; None where there is no score.

    Example:
        >>> best_step([{"step": 100, BEST: 0.4}, {"step": 200, BEST: 0.6}, {"step": 300, BEST: 0.6}])
        200
    """
    scored = [row for row in rows if not math.isnan(row.get(BEST, math.nan))]
    return int(max(scored, key=lambda row: row[BEST])["step"]) if scored else None
