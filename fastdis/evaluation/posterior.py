"""Decompose the KL of a run or of anybody's codes with the exact aggregated posterior."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .. import plots
from .._arrays import named_arrays
from .._files import require_writable
from ..data.protocols import Images
from ..models import VAE
from ..posterior import PosteriorDecomposition, decompose, marginal_curves
from ..posterior._arguments import check_numbers
from ..version import __version__
from .encoded_run import encoded_run
from .files import write_files
from .numbers import NOT_ASKED, Number, normal_interval, number

FILES = ("posterior.json", "aggregated_marginals.png")

_DEFINITIONS = {
    "index_code_mi": "I(x; z) = E log q(z|x) - log q(z), at most the logarithm of the number of images.",
    "total_correlation": "KL(q(z) || prod_d q(z_d)).",
    "dimwise_kl": "KL(q(z_d) || p(z_d)), summed over latents.",
}


def decompose_run(
    run_dir: str | Path,
    *,
    model: VAE | None = None,
    data: Images | Tensor | None = None,
    samples: int = 1,
    tolerance: float = 1e-4,
    seed: int = 0,
    max_pairs: float | None = None,
    progress: bool = True,
) -> PosteriorDecomposition:
    """Decompose the KL of a run's newest checkpoint with q(z) over all images of its data set.

    The run's folder gets ``posterior.json``, ``aggregated_marginals.png`` and, unless it is there from
    before, ``codes.npz`` with mean and logvar of every image. Where more than max_pairs pairs would be
    evaluated, the expectation is over as many images, drawn at random, as they allow; the result says over
    how many.

    Args:
        run_dir: the folder of a run, of `fastdis train` or of `fit`.
        model: a model of the architecture that was trained, whose weights are replaced by the checkpoint's.
            It must be given where ``config.json`` does not say how to build it.
        data: a data set with ``len()`` and ``images(indices)``, or a tensor of images. It must be given where
            ``config.json`` does not name the data set; another one may be.
        samples, tolerance, seed, max_pairs: as in `fastdis.posterior.decompose`.
        progress: show a progress bar on standard error while encoding.

    Raises:
        FileNotFoundError: the folder is no run's, or has no checkpoint yet.
        ValueError: model or data is neither given nor named by ``config.json``, the checkpoint is damaged or
            of another architecture, its codes are not finite, or a number is out of range.
        OSError: a file cannot be written; older ones are then left as they were.
    """
    # before every image is encoded, which takes minutes
    check_numbers("decompose_run", samples=samples, tolerance=tolerance, seed=seed, max_pairs=max_pairs)
    run = encoded_run(Path(run_dir), model=model, data=data, progress=progress)
    mean, logvar = run.codes
    if logvar is None:
        raise ValueError(f"decompose_run: {run_dir} must hold posteriors, its codes are points ({run.title})")
    result = decompose(
        mean, logvar, samples=samples, tolerance=tolerance, seed=seed, queries="auto", max_pairs=max_pairs
    )
    _write(Path(run_dir), result, run.about | {"seed": seed}, marginals(mean, logvar, result, run.title))
    return result


def decompose_codes(
    path: str | Path,
    *,
    folder: str | Path | None = None,
    samples: int = 1,
    tolerance: float = 1e-4,
    seed: int = 0,
    max_pairs: float | None = None,
) -> PosteriorDecomposition:
    """Decompose the KL of the arrays ``mean`` and ``logvar``, (images, latent) each, of an npz or HDF5 file.

    Args:
        path: the file.
        folder: where ``posterior.json`` and ``aggregated_marginals.png`` go; nothing is written if None.
        samples, tolerance, seed, max_pairs: as in `fastdis.posterior.decompose`.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: an array is not real.
        ValueError: the file is of another kind, is cut short or lacks an array; the arrays have different
            shapes, are no matrices, or hold what `fastdis.posterior.decompose` refuses.
        OSError: a file cannot be written; older ones are then left as they were.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", mean=np.zeros((5, 2)), logvar=np.zeros((5, 2)))
        ...     result = decompose_codes(f"{folder}/mine.npz", folder=folder)
        >>> abs(result.total_correlation) < 1e-4
        True
    """
    path = Path(path)
    if folder is not None:
        require_writable(Path(folder))
    mean, logvar = named_arrays(path, "mean", "logvar")
    result = decompose(
        mean, logvar, samples=samples, tolerance=tolerance, seed=seed, queries="auto", max_pairs=max_pairs
    )
    if folder is not None:
        about = {"codes": str(path), "seed": seed}
        _write(Path(folder), result, about, marginals(mean, logvar, result))
    return result


def posterior_numbers(
    result: PosteriorDecomposition, seed: int, *, confidence: float | None = 0.95, seconds: float = 0.0
) -> list[Number]:
    """Return mutual information, total correlation and dimension-wise KL as numbers of a report.

    They come from one computation, whose seconds stand beside each.
    """
    measured = result.to_dict()
    how = (
        f" q(z) over {result.posteriors:,} images, to {result.truncation_error:.1e} nats; the expectation "
        f"over {result.samples} z from each of {result.queries:,} images."
    )
    numbers = []
    for name, definition in _DEFINITIONS.items():
        value, error = measured[name], measured[f"{name}_error"]
        numbers.append(
            number(
                name,
                "posterior",
                value,
                unit="nats",
                samples=result.queries,
                seed=seed,
                interval=normal_interval(value, error, confidence),
                no_interval=NOT_ASKED if confidence is None else "a single image has no spread",
                seconds=seconds,
                definition=definition + how,
                standard_error=error,
            )
        )
    numbers[-1]["per_latent"] = measured["dimwise_kl_per_latent"]
    return numbers


def marginals(
    mean: NDArray[np.generic], logvar: NDArray[np.generic], result: PosteriorDecomposition, title: str = ""
) -> Figure:
    """Draw each latent's q(z_d) against the prior, with its KL."""
    z, density = marginal_curves(mean, logvar)
    return plots.aggregated_marginals(z, density, result.dimwise_kl_per_latent, title)


def _write(folder: Path, result: PosteriorDecomposition, about: dict[str, Any], picture: Figure) -> None:
    content = {"fastdis": __version__, **about, "unit": "nats", **result.to_dict()}
    write_files(folder, FILES[0], content, {Path(FILES[1]).stem: picture})
