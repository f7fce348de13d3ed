"""The training loop and what it leaves behind: configuration, log and checkpoints in one folder per run."""

from .checkpoint import load_weights
from .loop import fit
from .many import fit_many
from .schedules import LinearSchedule
from .signals import TrainingInterrupted

__all__ = ["LinearSchedule", "TrainingInterrupted", "fit", "fit_many", "load_weights"]
