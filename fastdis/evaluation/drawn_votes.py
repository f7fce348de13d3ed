"""Scores by votes of a simulator: each group is drawn with one factor fixed, and encoded."""

import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._progress import progress_bar
from ..data import Simulator
from ..data.simulator import Values
from ..metrics import METRICS, NotComputable
from ..models import VAE
from .encode import Codes, encode
from .numbers import Number
from .scores import number_of

GROUP = 64  # images, or pairs of images, a vote
FEWEST = 300  # votes, a third of them to test on
_NOTE = "groups were drawn by the simulator, one factor held fixed"


def drawn_votes(
    model: VAE,
    data: Simulator,
    codes: Codes,
    classes: NDArray[np.int64],
    *,
    metrics: Sequence[str],
    confidence: float | None,
    seed: int,
    progress: bool,
) -> list[Number]:
    """Compute scores by votes on groups that a simulator draws.

    For each score about as many images are drawn as there are codes, at least 300 votes: two thirds of the
    votes build the classifier and the others are scored.

    Args:
        model: has ``encode``.
        data: the simulator.
        codes: (samples, codes) means of some of its images, which tell how much a code varies.
        classes: (samples, factors), their factors.
        metrics: the names of the scores.
        confidence: of the intervals; None for none.
        seed: of the factors that are held fixed. The images follow from the simulator's own.
        progress: show a progress bar on standard error.
    """
    drawn = Counter[str]()  # groups of each factor so far: every group is another
    done = Counter[str]()

    def draw(column: int, groups: int, size: int) -> Codes:
        name = data.factor_names[column]
        values = data.groups(name, np.arange(drawn[name], drawn[name] + groups), size)
        drawn[name] += groups
        mean, _ = encode(model, _Drawn(data, values.reshape(-1, values.shape[2])), progress=False)
        done["images"] += len(mean)
        update(done["images"], "")
        return mean.reshape(groups, size, -1)

    images = {name: 2 * GROUP if name == "beta_vae_score" else GROUP for name in metrics}  # in each vote
    votes = {name: max(FEWEST, len(codes) // of_vote) for name, of_vote in images.items()}
    total = sum(votes[name] * images[name] for name in metrics)
    numbers = []
    with progress_bar("encoding votes", total, "images", shown=progress) as update:
        for name in metrics:
            start, test = time.perf_counter(), votes[name] // 3
            options = {"train_votes": votes[name] - test, "test_votes": test, "group": GROUP}
            result, failure = None, None
            try:
                result = METRICS[name].function(
                    codes, classes, draw=draw, confidence=confidence, seed=seed, **options
                )
            except NotComputable as reason:
                failure = str(reason)
            seconds = time.perf_counter() - start
            found = number_of(METRICS[name], result, len(codes), seed, confidence, None, failure, seconds)
            if result is not None:
                found["samples"] = votes[name] * images[name]
                found["notes"] = [*found["notes"], _NOTE]
            numbers.append(found)
    return numbers


class _Drawn:
    """Images of a simulator with given factors, as `encode` takes them."""

    def __init__(self, data: Simulator, values: Values) -> None:
        self._data, self._values = data, values

    def __len__(self) -> int:
        return len(self._values)

    def images(self, indices: NDArray[np.int64]) -> Tensor:
        return self._data.draw(self._values[indices])
