"""Report on a representation: its scores and its pictures in one folder."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import _checks, plots
from .._files import require_writable
from ..data import Simulator
from ..data.dsprites.nuisances import NuisancePixels
from ..data.protocols import FactorData
from ..functional import gaussian_kl
from ..metrics import JointTable, NotComputable
from ..metrics._confidence import check_confidence
from ..models import VAE
from ..plots.kl import ACTIVE
from ..posterior import decompose
from ..training.labels import labels
from ..version import __version__
from .captions import ORDER
from .drawn_votes import drawn_votes
from .encode import Codes, encode, evaluating
from .files import Picture, write_files
from .held_out import held_out_numbers, held_out_picture
from .notes import notes
from .numbers import kl_number, reconstruction_number
from .page import NAME, report_page
from .pictures import (
    TRAVERSE,
    Decode,
    checked_view,
    decoding,
    latent_curves,
    pictures_of_codes,
    pictures_of_images,
    require_factors,
)
from .posterior import marginals, posterior_numbers
from .scores import NAMES, chosen_metrics, score
from .table import table

PAIRS = 5e9  # pairs of a sample and a posterior: half a minute on two cores at most
POINTS = (
    "The codes have no posteriors: no KL, none of its parts, no samples of the prior.",
    "In the pictures a code moves from 2 standard deviations below its mean to 2 above.",
)


@dataclass(frozen=True)
class Report:
    """Hold the content of a ``metrics.json``, its folder and the files there; print as a short table."""

    content: dict[str, Any]
    folder: Path | None = None
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return table(self.content["numbers"], self.content.get("notes", []))


def evaluate(
    model: VAE,
    data: FactorData,
    folder: str | Path,
    *,
    codes: tuple[Codes, Codes | None] | None = None,
    held_out: FactorData | None = None,
    held_out_codes: tuple[Codes, Codes] | None = None,
    likelihood: str = "bernoulli",
    metrics: str | Iterable[str] = "all",
    confidence: float | None = 0.95,
    factor_bins: int = 20,
    binning: str = "width",
    traverse: tuple[float, float] = TRAVERSE,
    image: int | None = None,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
    title: str = "",
    more: Mapping[str, Picture] | None = None,
    draw: bool = True,
    progress: bool = True,
) -> Report:
    """Encode every image of a data set, score the codes and write the report.

    The folder gets ``metrics.json`` (every number with its definition, the number of images and the seed),
    ``report.html``, a page that needs no other file, and pictures: ``traversals`` as PNG and, moving, as GIF,
    ``reconstructions``, ``prior_samples``, ``interpolations``, ``latent_curves``, ``kl_per_latent``,
    ``mutual_information``, ``aggregated_marginals``, ``joint_histogram``, ``posterior_ellipses`` and
    ``latent_plane``.

    Scores need classes: a continuous factor is cut into bins, and an image that lacks a label is left out of
    them. Without known factors there are neither scores nor the pictures that show factors. The report's
    ``notes`` say so. Scores by votes of a simulator are on groups that it draws, about as many
    images again, each with one factor fixed exactly.

    The parts of the KL come from the aggregated posterior of all images. Where its posteriors are so wide
    that more than 5e9 pairs would have to be evaluated, the expectation is over fewer images, drawn at
    random; the report gives the number.

    Args:
        model: has ``encode`` and ``decode``, as `fastdis.models.VAE`.
        data: images and, where they are known, their factors, as the data sets of `fastdis.data`.
        folder: where the report goes; made if need be.
        codes: mean and logvar of every image, where `encode` has run before. Of codes without posteriors
            logvar is None: the report then has no KL, none of its parts and no samples of the prior.
        held_out: images that the model was not trained on, with the same factors: the other side of
            ``data.split(...)``, or ``data.only(...)`` of what it was trained without. Their scores, KL and
            reconstruction are numbers of their own, whose ``part`` is "held out"; continuous factors have the
            bins of data. They are shown, too, in ``reconstructions_held_out``.
        held_out_codes: mean and logvar of those.
        likelihood: "bernoulli" where the decoder's outputs are logits, "gaussian" where they are the pixels.
        metrics: which scores of factors and codes to compute: "all", or the names of some of
            `fastdis.metrics.METRICS`. The KL, its parts and the reconstruction are always there.
        confidence: of the intervals; None for none.
        factor_bins, binning: into how many bins a continuous factor is cut, of equal "width" or, "quantile",
            of equal counts.
        traverse: from where to where the pictures move a latent, in standard deviations of the prior.
        image: the number of the image whose latents are moved; None: the one most like all others.
        seed: seeds the draws of images and votes, and the noise for the aggregated posterior.
        about: what ``metrics.json`` shall say besides; numbers, text, lists and dictionaries.
        title: stands above the pictures.
        more: other pictures to write, by the names of their files.
        draw: draw pictures; without, the folder gets ``metrics.json`` alone.
        progress: show a progress bar on standard error.

    Returns:
        The report: its content, its folder and the names of its files.

    Raises:
        TypeError: data lacks images or factors.
        ValueError: a code is not finite, likelihood, binning or the name of a score is unknown, or
            confidence, factor_bins or seed is out of range.
        OSError: the folder or a file cannot be written; an older report is then left as it was.
    """
    require_factors("evaluate", data)
    if held_out is not None:
        require_factors("evaluate", held_out)
    _checks.choice("evaluate", "likelihood", likelihood, ("bernoulli", "gaussian"))
    seed = _checks.seed("evaluate", seed)
    check_confidence("evaluate", confidence)
    traverse, image = checked_view("evaluate", traverse, image, len(data))
    require_writable(Path(folder))
    found = labels(data, factor_bins, binning)
    rows, classes = found.scored()
    labelled = classes.size > 0
    with_logvar = codes is None or codes[1] is not None
    # before every image is encoded
    chosen = chosen_metrics("evaluate", metrics, factors=labelled, logvar=with_logvar)
    mean, logvar = encode(model, data, progress=progress) if codes is None else codes
    points = logvar is None
    # what latents are sorted by in the pictures
    weight = spread_of(mean) if logvar is None else kl_of(mean, logvar)
    names = [data.factor_names[k] for k in found.varying]
    draws = isinstance(data, Simulator) and not points
    by_drawing = [metric.name for metric in chosen if draws and metric.needs == "votes"]
    known = rows if labelled and len(rows) < len(mean) else slice(None)
    scored = score(
        mean[known],
        classes if labelled else None,
        logvar=None if logvar is None else logvar[known],
        numbers=found.numbers(known, found.varying),
        metrics=[metric.name for metric in chosen if metric.name not in by_drawing],
        confidence=confidence,
        seed=seed,
        progress=progress,
    )
    if isinstance(data, Simulator) and by_drawing:
        scored += drawn_votes(
            model,
            data,
            mean,
            found.classes,
            metrics=by_drawing,
            confidence=confidence,
            seed=seed,
            progress=progress,
        )
        scored.sort(key=lambda number: NAMES.index(number["name"]))
    said = [*notes(data, found), *_nuisance(data), *(POINTS if points else ())]
    knowing, information = information_of(mean[known], classes) if labelled else ((), None)
    known_names = [names[k] for k in knowing]
    best = best_factors(information, known_names, weight)
    pictures: dict[str, Picture] = {}
    measure = "sd" if points else "nats"
    if draw and found.varying:
        pictures["latent_curves"] = latent_curves(found.values, mean, found.classes, weight, title, measure)
    if draw and information is not None:
        pictures["mutual_information"] = plots.mutual_information(information, known_names, title)
    with evaluating(model):
        reconstruction = reconstruction_number(
            model, data, mean, likelihood=likelihood, seed=seed, confidence=confidence
        )
        if draw:
            pixels, shown = decoding(model, likelihood), mean
            if points:
                shown, pixels = standardised(mean, pixels)
            drawers = pictures_of_images(
                *(data, pixels, shown, weight, best, seed, title),
                traverse=traverse,
                image=image,
                measure=measure,
            ) | pictures_of_codes(mean, logvar, weight, seed, title)
            pictures |= {name: drawer() for name, drawer in drawers.items()}
    numbers = [*scored]
    if logvar is not None:
        start = time.perf_counter()
        parts = decompose(mean, logvar, seed=seed, queries="auto", max_pairs=PAIRS)
        seconds = time.perf_counter() - start
        decomposed = posterior_numbers(parts, seed, confidence=confidence, seconds=seconds)
        numbers += [kl_number(weight, len(mean)), *decomposed]
        if draw:
            pictures["kl_per_latent"] = plots.kl_per_latent(weight, title)
            pictures["aggregated_marginals"] = marginals(mean, logvar, parts, title)
    numbers.append(reconstruction)
    if held_out is not None:
        held_out_codes = held_out_codes or encode(model, held_out, progress=progress)
        numbers += held_out_numbers(
            model,
            held_out,
            held_out_codes,
            labels(held_out, like=found),
            likelihood=likelihood,
            metrics=[metric.name for metric in chosen],
            confidence=confidence,
            seed=seed,
            progress=progress,
        )
        if draw:
            pictures["reconstructions_held_out"] = held_out_picture(
                model, held_out, held_out_codes[0], likelihood, seed, title
            )
    pictures |= more or {}
    content = {
        "fastdis": __version__,
        **({"title": title} if title else {}),
        **(about or {}),
        "images": len(data),
        "factors": names,
        "factor_bins": {name: bins for name, bins in found.bins.items() if name in names},
        "binning": found.binning,
        "notes": said,
        "best_factors": best,
        "numbers": numbers,
    }
    return write(Path(folder), content, pictures, page=draw)


def best_factors(information: NDArray[Any] | None, names: list[str], kl: NDArray[np.float32]) -> list[str]:
    """Name the factor that each latent knows best, "" where it carries next to nothing or none is known."""
    if information is None:
        return [""] * len(kl)
    return [names[row.argmax()] if kl[d] > ACTIVE else "" for d, row in enumerate(information)]


def information_of(codes: NDArray[Any], classes: NDArray[Any]) -> tuple[tuple[int, ...], NDArray[Any] | None]:
    """Return the factors that vary and the information of each code on them, None where it does not exist."""
    try:
        table = JointTable.of(codes, classes, function="evaluate").information(function="evaluate")
    except NotComputable:
        return (), None
    return table.factors, table.mutual_information


def kl_of(mean: Codes, logvar: Codes) -> NDArray[np.float32]:
    """Return the KL of each latent from the prior, (latent,), in nats, mean over the images."""
    kl: NDArray[np.float32] = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    return kl


def spread_of(codes: Codes) -> NDArray[np.float32]:
    """Return the standard deviation of each code over all samples."""
    spread: NDArray[np.float32] = codes.std(axis=0, dtype=np.float64).astype(np.float32)
    return spread


def standardised(codes: Codes, pixels: Decode) -> tuple[Codes, Decode]:
    """Return the codes in standard deviations from their means, and the decoder of such codes.

    The pictures move a code between -2 and 2, which is its range where the prior is a standard normal.
    """
    centre = codes.mean(axis=0, dtype=np.float64)
    spread = np.where(spread_of(codes) > 0, spread_of(codes), 1.0)
    return ((codes - centre) / spread).astype(np.float32), lambda z: pixels(z * spread + centre)


def _nuisance(data: FactorData) -> list[str]:
    if not isinstance(getattr(data, "pixels", None), NuisancePixels):
        return []
    return ["Colour or noise was drawn once: each image was encoded as it is at visit 0."]


def write(
    folder: Path, content: dict[str, Any], pictures: Mapping[str, Picture], *, page: bool = True
) -> Report:
    """Write ``metrics.json``, the pictures and the page ``report.html``, all of them or none.

    Raises:
        OSError: a file cannot be written; an older report is then left as it was.
    """
    known = [name for name in ORDER if name in pictures]
    ordered = {name: pictures[name] for name in [*known, *pictures]}
    files = write_files(folder, "metrics.json", content, ordered, (NAME, report_page) if page else None)
    return Report(content, folder, files)
