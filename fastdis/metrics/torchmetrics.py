"""The scores of the joint table as a torchmetrics.Metric, for training loops that log across devices.

Imported by name only (``from fastdis.metrics.torchmetrics import TableScores``): torchmetrics is an extra.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from .. import _checks
from ._arguments import checked
from ._errors import NotComputable
from .evaluate import evaluate
from .metric import METRICS

_NAMES = tuple(name for name, metric in METRICS.items() if metric.needs == "table")


class TableScores(torchmetrics.Metric):
    """Compute MIG and the other scores of the joint table, over all batches and all processes.

    ``update(codes, factors)`` collects batches, (batch, codes) and (batch, factors); ``compute()`` returns a
    scalar for each score, the same to the bit as that of all samples at once: the bins depend on the range of
    all of them, so the codes are kept (40 bytes a sample of 10 codes) and gathered when they are computed.

    Args:
        metrics: the names of the scores, as the functions of ``fastdis.metrics`` are called.
        bins: how many bins a code is put into.
        options: those of torchmetrics.Metric.

    Raises:
        TypeError: metrics is one word, or bins is no integer.
        ValueError: a name is not that of a score of the joint table, or there is none.

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
    higher_is_better = True
    full_state_update = False

    codes: list[Tensor]
    factors: list[Tensor]

    def __init__(self, metrics: Iterable[str] = ("mig",), *, bins: int = 20, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(metrics, str):
            raise TypeError(f"TableScores: metrics must be a list of names, got {metrics!r}")
        self.names = tuple(metrics)
        if not self.names:
            raise ValueError("TableScores: metrics must hold at least 1 name, got none")
        for name in self.names:
            _checks.choice("TableScores", "metrics", name, _NAMES)
        self.bins = _checks.integer("TableScores", "bins", bins)
        self.add_state("codes", default=[], dist_reduce_fx="cat")
        self.add_state("factors", default=[], dist_reduce_fx="cat")

    def update(self, codes: Tensor, factors: Tensor) -> None:
        """Collect a batch; it is checked here, so that an error points at the step that brought it."""
        checked("TableScores.update", codes, factors)
        self.codes.append(codes.detach())
        self.factors.append(factors.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return the scores of all batches, float32 scalars on the device of the codes.

        Raises:
            NotComputable: a score does not exist for them; the message says why.
        """
        codes, factors = dim_zero_cat(self.codes), dim_zero_cat(self.factors)
        evaluation = evaluate(codes, factors, self.names, bins=self.bins, progress=False)
        for reason in evaluation.failures.values():
            raise NotComputable(reason)
        return {
            name: torch.tensor(result.score, device=codes.device)
            for name, result in evaluation.results.items()
        }
