"""Encode every image, score the codes, decompose the KL, write the report."""

from .baselines import baseline
from .codes import evaluate_codes
from .comparison import compare, write_comparison
from .encode import encode
from .opened_run import Run, open_run
from .posterior import decompose_codes, decompose_run
from .report import Report, evaluate
from .run import evaluate_run
from .scores import score

__all__ = [
    "Report",
    "Run",
    "baseline",
    "compare",
    "decompose_codes",
    "decompose_run",
    "encode",
    "evaluate",
    "evaluate_codes",
    "evaluate_run",
    "open_run",
    "score",
    "write_comparison",
]
