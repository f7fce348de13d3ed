"""Draw the logs of a run."""

import numpy as np
from matplotlib.figure import Figure

from .. import plots
from ..training.log import Row


def training(log: list[Row], title: str) -> Figure:
    """Draw the terms of the loss, all in the log that is not step or time."""
    names = [name for name in log[-1] if name not in ("step", "seconds")]
    terms = {name: [row.get(name, np.nan) for row in log] for name in names}
    return plots.training_curves([row["step"] for row in log], terms, title)


def kl_over_training(log: list[Row], title: str) -> Figure:
    """Draw the KL of each latent, with its target where the objective had targets."""
    steps = np.array([row["step"] for row in log])
    kl, targets = (
        np.array([[value for name, value in row.items() if name.startswith(prefix)] for row in log])
        for prefix in ("z", "target_z")
    )
    if targets.size:
        return plots.kl_and_targets(steps, kl, targets, title)
    return plots.kl_over_training(steps, kl, title)
