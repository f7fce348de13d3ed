"""Scores of anybody's representation, from a file of arrays."""

from pathlib import Path

from .. import plots
from ..metrics import read_arrays
from .numbers import score
from .report import Report, write


def evaluate_codes(
    path: str | Path,
    factors: str | Path | None = None,
    *,
    codes_key: str = "codes",
    factors_key: str = "factors",
    folder: str | Path | None = None,
    seed: int = 0,
) -> Report:
    """Score the codes (samples, codes) and factors (samples, factors) of a file.

    Args:
        path: an npz or HDF5 file with both arrays, or an npy file of the codes; codes are real, factors
            classes.
        factors: an npy file of the factors, beside an npy file of the codes.
        codes_key, factors_key: the names of the arrays in an npz or HDF5 file.
        folder: where ``metrics.json`` and ``mutual_information.png`` go; nothing is written if None.
        seed: of the sample of 10,000.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: codes or factors hold no real numbers, or the second file is missing or one too many.
        ValueError: a file is of another kind, is damaged or lacks an array, the arrays do not fit together,
            or a score does not exist for them.
    """
    arrays = read_arrays(path, factors, codes_key=codes_key, factors_key=factors_key)
    numbers = score(*arrays, seed=seed)
    content = {"codes": str(path), "numbers": numbers}
    if folder is None:
        return Report(content)
    names = [f"factor {k}" for k in numbers[0]["factors"]]
    picture = plots.mutual_information(numbers[0]["mutual_information"], names)
    return write(Path(folder), content, {"mutual_information": picture})
