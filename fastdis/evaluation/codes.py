"""Scores of anybody's representation, from a file of arrays."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, plots
from .._arrays import named_arrays
from .._files import require_writable
from ..data.factors import table
from ..metrics import read_arrays
from ..metrics.binning import BINNINGS
from ..training.labels import labels
from ..version import __version__
from .commands import evaluate_command
from .files import Picture
from .notes import notes
from .report import Report, information_of, write
from .scores import chosen_metrics, score

_DEFAULT = {
    "factors": None,
    "codes_key": "codes",
    "factors_key": "factors",
    "logvar_key": None,
    "out": None,
    "metrics": "all",
    "factor_bins": 20,
    "binning": "width",
    "seed": 0,
}


def evaluate_codes(
    path: str | Path,
    factors: str | Path | None = None,
    *,
    codes_key: str = "codes",
    factors_key: str = "factors",
    logvar_key: str | None = None,
    folder: str | Path | None = None,
    metrics: str | Iterable[str] = "all",
    confidence: float | None = 0.95,
    factor_bins: int = 20,
    binning: str = "width",
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """Score the codes (samples, codes) and factors (samples, factors) of a file.

    Args:
        path: an npz or HDF5 file with both arrays, or an npy file of the codes; codes are real. Factors are
            classes; one with fractions is continuous and cut into bins for the scores that need classes, and
            rows with NaN, a missing label, are left out. The report's ``notes`` say so.
        factors: an npy file of the factors, beside an npy file of the codes.
        codes_key, factors_key: the names of the arrays in an npz or HDF5 file.
        logvar_key: the name of the log variances (samples, codes), where the file has them: the codes are
            then the means of posteriors, whose scores are computed too.
        folder: where ``metrics.json``, the page ``report.html`` and ``mutual_information.png`` go; nothing is
            written if None.
        metrics: "all", or the names of some of `fastdis.metrics.METRICS`.
        confidence: of the intervals; None for none.
        factor_bins, binning: as for `evaluate`.
        seed: of the draws of samples and votes, and of the predictors.
        progress: show a progress bar on standard error.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: codes or factors hold no real numbers, or the second file is missing or superfluous.
        ValueError: a file is of another kind, is damaged or lacks an array, the arrays do not fit together,
            or a name, confidence, factor_bins, binning or seed is out of range.
        OSError: a file cannot be written; an older report is then left as it was.
    """
    chosen_metrics("evaluate_codes", metrics, logvar=logvar_key is not None)
    factor_bins = _checks.integer("evaluate_codes", "factor_bins", factor_bins, low=2)
    _checks.choice("evaluate_codes", "binning", binning, BINNINGS)
    codes, classes = read_arrays(path, factors, codes_key=codes_key, factors_key=factors_key)
    logvar = named_arrays(Path(path), logvar_key)[0] if logvar_key is not None else None
    if folder is not None:
        require_writable(Path(folder))
    said: list[str] = []
    continuous = None
    if len(codes) == len(classes) and _needs_bins(classes):
        columns = _Columns(classes)
        found = labels(columns, factor_bins, binning)
        rows, _ = found.scored()
        if not len(rows):
            raise ValueError(
                f"evaluate_codes: factors must have a row without NaN, got none of {len(codes):,} rows"
            )
        said, classes = notes(columns, found), np.maximum(found.classes[rows], 0)  # -1 only where constant
        continuous = found.numbers(rows)
        codes, logvar = codes[rows], None if logvar is None else logvar[rows]
    numbers = score(
        codes,
        classes,
        logvar=logvar,
        numbers=continuous,
        metrics=metrics,
        confidence=confidence,
        seed=seed,
        progress=progress,
    )
    options = {
        "factors": factors and str(factors),
        "codes_key": codes_key,
        "factors_key": factors_key,
        "logvar_key": logvar_key,
        "out": folder and str(folder),
        "metrics": metrics,
        "factor_bins": factor_bins,
        "binning": binning,
        "seed": seed,
    }
    content = {
        "fastdis": __version__,
        "codes": str(path),
        "commands": [evaluate_command(["--codes", str(path)], options, _DEFAULT)],
        "images": len(codes),
        "notes": said,
        "numbers": numbers,
    }
    if folder is None:
        return Report(content)
    knowing, information = information_of(codes, classes)
    pictures: dict[str, Picture] = {}
    if information is not None:
        names = [f"factor {k}" for k in knowing]
        pictures["mutual_information"] = plots.mutual_information(information, names)
    return write(Path(folder), content, pictures)


def _needs_bins(factors: NDArray[Any]) -> bool:
    """Whether factors are floats, some of which are no classes: they have a fraction, or are NaN."""
    return factors.dtype.kind == "f" and factors.ndim == 2 and bool((factors != np.rint(factors)).any())


class _Columns:
    """The factors of a file, as `labels` takes those of a data set."""

    def __init__(self, factors: NDArray[Any]) -> None:
        self.factor_names = tuple(f"factor {k}" for k in range(factors.shape[1]))
        self._table = table("evaluate_codes", factors, len(factors), self.factor_names)
        self.factor_values = self._table.values

    def __len__(self) -> int:
        return len(self._table)

    def factors(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        return self._table.read(indices)
