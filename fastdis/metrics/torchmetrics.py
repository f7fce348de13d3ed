"""Scores as a torchmetrics.Metric, for training loops that log across devices.

Imported by name only (``from fastdis.metrics.torchmetrics import TableScores``): torchmetrics is an extra.
"""

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from .. import _checks
from ._arguments import checked
from .evaluate import NAMES, evaluate


class TableScores(torchmetrics.Metric):
    """Compute MIG and other scores of codes and factors, over all batches and all processes.

    ``update(codes, factors)`` collects batches, (batch, codes) and (batch, factors); ``compute()`` returns a
    scalar for each score, the same to the bit as that of all samples at once: bins depend on the range of all
    of them and predictors on their rows, so the codes are kept (40 bytes a sample of 10 codes, and as much as
    the factors take: 60 MB for dSprites) and gathered when they are computed. Each process computes all
    scores; those of the joint table take milliseconds, those that fit predictors seconds
    (their docstrings say which).

    A score that does not exist for the samples so far, such as those of the two batches on which Lightning
    tries a loop, is NaN; ``failures`` then has the reason by its name. Constant factors are left out without
    a warning.

    Args:
        metrics: the names of the scores, as the functions of ``fastdis.metrics`` are called.
        bins: how many bins a code is put into.
        seed: for the scores that draw samples or fit predictors.
        options: those of torchmetrics.Metric.

    Raises:
        TypeError: metrics is one word, or bins or seed is no integer.
        ValueError: a name is not that of a score of codes and factors, or there is none.

    Example:
        >>> import torch
        >>> scores = TableScores(["mig", "modularity"])
        >>> factors = torch.stack([torch.arange(96) % 4, torch.arange(96) // 48], dim=1)
        >>> for batch in factors.split(32):
        ...     scores.update(batch.float(), batch)
        >>> {name: round(value.item(), 4) for name, value in scores.compute().items()}
        {'mig': 1.0, 'modularity': 1.0}
    """

    is_differentiable = False
    higher_is_better = None  # true of all scores but `unsupervised`
    full_state_update = False

    codes: list[Tensor]
    factors: list[Tensor]

    def __init__(
        self, metrics: Iterable[str] = ("mig",), *, bins: int = 20, seed: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        if isinstance(metrics, str):
            raise TypeError(f"TableScores: metrics must be a list of names, got {metrics!r}")
        self.names = tuple(metrics)
        if not self.names:
            raise ValueError("TableScores: metrics must hold at least 1 name, got none")
        for name in self.names:
            _checks.choice("TableScores", "metrics", name, NAMES)
        self.bins = _checks.integer("TableScores", "bins", bins)
        self.seed = _checks.seed("TableScores", seed)
        self.failures: dict[str, str] = {}
        self.add_state("codes", default=[], dist_reduce_fx="cat")
        self.add_state("factors", default=[], dist_reduce_fx="cat")

    def update(self, codes: Tensor, factors: Tensor) -> None:
        """Collect a batch; it is checked here, so that an error points at the step that brought it."""
        checked("TableScores.update", codes, factors)
        self.codes.append(codes.detach())
        self.factors.append(factors.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return the scores of all batches, float32 scalars on the device of the codes."""
        codes, factors = dim_zero_cat(self.codes), dim_zero_cat(self.factors)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* constant and left out")
            evaluation = evaluate(codes, factors, self.names, bins=self.bins, seed=self.seed, progress=False)
        self.failures = evaluation.failures
        scores = {name: result.score for name, result in evaluation.results.items()}
        return {name: torch.tensor(scores.get(name, math.nan), device=codes.device) for name in self.names}
