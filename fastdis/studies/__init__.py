"""Many runs that one file describes: the grid, the processes, what they leave, and the papers' studies."""

from .evaluation import Evaluate
from .folder import RunStatus, read_study, statuses
from .report import study_report
from .run import run_study
from .shipped_studies import find, names
from .study import Study, StudyRun

__all__ = [
    "Evaluate",
    "RunStatus",
    "Study",
    "StudyRun",
    "find",
    "names",
    "read_study",
    "run_study",
    "statuses",
    "study_report",
]
