"""Scores of anybody's representation, from a file of arrays."""

from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from .. import plots
from .numbers import score
from .report import Report, write


def evaluate_codes(path: str | Path, *, folder: str | Path | None = None, seed: int = 0) -> Report:
    """Score the arrays ``codes`` (samples, codes) and ``factors`` (samples, factors) of an npz file.

    Args:
        path: the file; codes are real, factors integer classes.
        folder: where ``metrics.json`` and ``mutual_information.png`` go; nothing is written if None.
        seed: of the sample of 10,000.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: codes are not real, factors not integers.
        ValueError: the file is not an npz, is cut short or lacks an array, or the arrays do not fit together.
    """
    path = Path(path)
    codes, factors = _read(path)
    numbers = score(codes, factors, seed=seed)
    content = {"codes": str(path), "numbers": numbers}
    if folder is None:
        return Report(content)
    names = [f"factor {k}" for k in numbers[0]["factors"]]
    picture = plots.mutual_information(numbers[0]["mutual_information"], names)
    return write(Path(folder), content, {"mutual_information": picture})


def _read(path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    with path.open("rb") as stream:
        if not is_zipfile(stream):
            raise ValueError(f"{path} must be a complete npz file; it is of another kind or cut short")
    try:
        with np.load(path) as file:
            if not {"codes", "factors"} <= set(file):
                raise ValueError(f"{path} must hold the arrays codes and factors, got {', '.join(file)}")
            return file["codes"], file["factors"]
    except BadZipFile as error:
        raise ValueError(f"{path} must be a complete npz file ({error})") from error
