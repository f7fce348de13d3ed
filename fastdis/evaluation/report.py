"""Report on a representation: its scores and its pictures in one folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import _checks, metrics, plots
from .._files import require_writable
from ..data.dsprites.nuisances import NuisancePixels
from ..data.protocols import FactorData
from ..functional import gaussian_kl
from ..models import VAE
from ..posterior import decompose
from ..version import __version__
from .encode import Codes, encode, evaluating
from .files import Picture, write_files
from .labels import Labels, labels, notes
from .numbers import Number, kl_number, reconstruction_number, score
from .pictures import decoding, latent_curves, pictures_of_images, reconstructions, require_factors
from .posterior import marginals, posterior_numbers

HELD_OUT = "held out"  # the part of numbers of images that were not trained on
PAIRS = 5e9  # pairs of a sample and a posterior: half a minute on two cores at most


@dataclass(frozen=True)
class Report:
    """Hold the content of a ``metrics.json``, its folder and the files there; print as a short table."""

    content: dict[str, Any]
    folder: Path | None = None
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = dict.fromkeys(number.get("part", "") for number in self.content["numbers"])
        lines = [line for part in parts for line in self._table(part)]
        return "\n".join([*lines, *self.content.get("notes", [])])

    def _table(self, part: str) -> list[str]:
        numbers = [number for number in self.content["numbers"] if number.get("part", "") == part]
        counts = sorted({number["samples"] for number in numbers}, reverse=True)
        cells = {
            (number["name"], number["samples"]): f"{number['score']:.4f} {number.get('unit', '')}".strip()
            for number in numbers
        }
        width = max(16, *(len(number["name"]) + 2 for number in numbers))
        header = part.ljust(width) + "".join(f"{count:,} images".rjust(18) for count in counts)
        return [
            header,
            *(
                name.ljust(width) + "".join(cells.get((name, count), "").rjust(18) for count in counts)
                for name in dict.fromkeys(number["name"] for number in numbers)
            ),
        ]


def evaluate(
    model: VAE,
    data: FactorData,
    folder: str | Path,
    *,
    codes: tuple[Codes, Codes] | None = None,
    held_out: FactorData | None = None,
    held_out_codes: tuple[Codes, Codes] | None = None,
    likelihood: str = "bernoulli",
    factor_bins: int = 20,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
    title: str = "",
    more: Mapping[str, Picture] | None = None,
    progress: bool = True,
) -> Report:
    """Encode every image of a data set, score the codes and write the report.

    The folder gets ``metrics.json`` (every number with its definition, the number of images and the seed),
    and pictures: ``traversals`` as PNG and, moving, as GIF, ``reconstructions``, ``prior_samples``,
    ``interpolations``, ``latent_curves``, ``kl_per_latent``, ``mutual_information`` and
    ``aggregated_marginals``.

    Scores need classes: a continuous factor is cut into bins of equal width, and an image that lacks a label
    is left out of them. Without known factors there are neither scores nor the pictures that show factors.
    The report's ``notes`` say so.

    The parts of the KL come from the aggregated posterior of all images. Where its posteriors are so wide
    that more than 5e9 pairs would have to be evaluated, the expectation is over fewer images, drawn at
    random; the report gives the number.

    Args:
        model: has ``encode`` and ``decode``, as `fastdis.models.VAE`.
        data: images and, where they are known, their factors, as the data sets of `fastdis.data`.
        folder: where the report goes; made if need be.
        codes: mean and logvar of every image, where `encode` has run before.
        held_out: images that the model was not trained on, with the same factors: the other side of
            ``data.split(...)``, or of ``data.without(...)``. Their scores, KL and reconstruction are numbers
            of their own, whose ``part`` is "held out"; continuous factors have the bins of data.
        held_out_codes: mean and logvar of those.
        likelihood: "bernoulli" where the decoder's outputs are logits, "gaussian" where they are the pixels.
        factor_bins: into how many bins a continuous factor is cut.
        seed: seeds the draw of the 10,000 images and the noise for the aggregated posterior.
        about: what ``metrics.json`` shall say besides; numbers, text, lists and dictionaries.
        title: stands above the pictures.
        more: other pictures to write, by the names of their files.
        progress: show a progress bar on standard error.

    Returns:
        The report: its content, its folder and the names of its files.

    Raises:
        TypeError: data lacks images or factors.
        ValueError: a code is not finite, likelihood is unknown, or factor_bins or seed is out of range.
        OSError: the folder or a file cannot be written; an older report is then left as it was.
    """
    require_factors("evaluate", data)
    if held_out is not None:
        require_factors("evaluate", held_out)
    _checks.choice("evaluate", "likelihood", likelihood, ("bernoulli", "gaussian"))
    seed = _checks.seed("evaluate", seed)
    require_writable(Path(folder))
    found = labels(data, factor_bins)
    mean, logvar = encode(model, data, progress=progress) if codes is None else codes
    kl = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    names = [data.factor_names[k] for k in found.varying]
    scores, said = _scores(mean, found, seed)
    said = [*notes(data, found), *said, *_nuisance(data)]
    parts = decompose(mean, logvar, seed=seed, queries="auto", max_pairs=PAIRS)
    best = [""] * len(kl)
    pictures: dict[str, Picture] = {}
    if found.varying:
        pictures["latent_curves"] = latent_curves(found.values, mean, found.classes, kl, title)
    if scores:
        information = np.asarray(scores[0]["mutual_information"])
        best = [names[row.argmax()] if kl[d] > 0.1 else "" for d, row in enumerate(information)]
        pictures["mutual_information"] = plots.mutual_information(information, names, title)
    with evaluating(model):
        reconstruction = reconstruction_number(model, data, mean, likelihood=likelihood, seed=seed)
        pixels = decoding(model, likelihood)
        pictures = pictures_of_images(data, pixels, mean, kl, best, seed, title) | pictures
    numbers = [*scores, kl_number(kl, len(mean)), *posterior_numbers(parts, seed), reconstruction]
    if held_out is not None:
        held_out_codes = held_out_codes or encode(model, held_out, progress=progress)
        others = labels(held_out, like=found)
        of_others, said_of_others, picture = _held_out(
            model, held_out, held_out_codes, others, likelihood, seed, title
        )
        numbers += of_others
        said += said_of_others
        pictures["reconstructions_held_out"] = picture
    pictures |= {
        "kl_per_latent": plots.kl_per_latent(kl, title),
        "aggregated_marginals": marginals(mean, logvar, parts, title),
        **(more or {}),
    }
    content = {
        "fastdis": __version__,
        **(about or {}),
        "images": len(data),
        "factors": names,
        "factor_bins": {name: bins for name, bins in found.bins.items() if name in names},
        "notes": said,
        "numbers": numbers,
    }
    return write(Path(folder), content, pictures)


def _scores(mean: Codes, found: Labels, seed: int) -> tuple[list[Number], list[str]]:
    """Score the images whose factors are known; say why where a score does not exist for them."""
    rows, classes = found.scored()
    if not found.varying or not len(rows):
        return [], ["No image has all labels, so there are no scores of factors."] if found.varying else []
    try:
        return score(mean[rows] if len(rows) < len(mean) else mean, classes, seed=seed), []
    except metrics.NotComputable as reason:
        return [], [f"There are no scores of factors: {reason}."]


def _held_out(
    model: VAE,
    data: FactorData,
    codes: tuple[Codes, Codes],
    found: Labels,
    likelihood: str,
    seed: int,
    title: str,
) -> tuple[list[Number], list[str], Picture]:
    """Score images that the model was not trained on: numbers, what is to be said of them, a picture."""
    mean, logvar = codes
    kl = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    scores, said = _scores(mean, found, seed)
    with evaluating(model):
        reconstruction = reconstruction_number(model, data, mean, likelihood=likelihood, seed=seed)
        heading = f"{title}\nheld out".strip()
        picture = reconstructions(data, decoding(model, likelihood), mean, seed, heading)
    numbers = [*scores, kl_number(kl, len(mean)), reconstruction]
    marked = [{**number, "part": HELD_OUT} for number in numbers]
    return marked, [f"Held out: {line}" for line in said], picture


def _nuisance(data: FactorData) -> list[str]:
    if not isinstance(getattr(data, "pixels", None), NuisancePixels):
        return []
    return ["Colour or noise was drawn once: each image was encoded as it is at visit 0."]


def write(folder: Path, content: dict[str, Any], pictures: Mapping[str, Picture]) -> Report:
    """Write ``metrics.json`` and the pictures, all of them or none.

    Raises:
        OSError: a file cannot be written; an older report is then left as it was.
    """
    return Report(content, folder, write_files(folder, "metrics.json", content, pictures))
