"""The training loop and what it leaves behind: configuration, log and checkpoints in one folder a run."""

from .checkpoint import load_weights
from .interrupt import TrainingInterrupted
from .loop import fit

__all__ = ["TrainingInterrupted", "fit", "load_weights"]
