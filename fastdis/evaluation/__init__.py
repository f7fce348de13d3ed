"""Encode every image, score the codes, write the report."""

from .codes import evaluate_codes
from .encode import encode
from .numbers import score
from .report import Report, evaluate
from .run import evaluate_run

__all__ = ["Report", "encode", "evaluate", "evaluate_codes", "evaluate_run", "score"]
