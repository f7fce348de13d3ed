"""Draw the pictures of a report: what the model decodes, and what its codes say of the factors."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from .. import _checks, plots
from ..data.protocols import FactorData
from ..models import VAE
from ..plots.kl import ACTIVE
from ..training.labels import MISSING
from .encode import Codes, decode
from .files import Picture
from .numbers import sampled

TRAVERSE = (-2.0, 2.0)  # from where to where a latent is moved, in standard deviations of the prior
_STEPS, _GRID = 9, 11  # images along a latent; along each side of the plane of two
_SWAY = np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False))  # there and back, in the animation
ELLIPSES = 60  # posteriors of single images
ACROSS, PAIRS, PRIOR_ROWS, PATHS = 12, 4, 5, 6  # images a row; rows of each picture

Pixels = NDArray[np.float32]
Decode = Callable[[NDArray[np.floating]], Pixels]  # codes (n, latent) to images in [0, 1]


def require_factors(function: str, data: object) -> None:
    """Require a data set that says which factors it has, even if it has none.

    Raises:
        TypeError: it lacks one of them.
    """
    if not isinstance(data, FactorData):
        names = (
            "factor_names",
            "factor_sizes",
            "factor_values",
            "image_shape",
            "source",
            "images",
            "factors",
        )
        missing = [name for name in names if not hasattr(data, name)]
        raise TypeError(
            f"{function}: data must have {', '.join(names)} and a length, as the data sets of fastdis.data, "
            f"got {type(data).__name__} without {' and '.join(missing) or 'a length'}"
        )


def checked_view(
    function: str, traverse: tuple[float, float], image: int | None, images: int
) -> tuple[tuple[float, float], int | None]:
    """Require a range whose end is above its start, and None or the number of an image.

    Raises:
        TypeError: they are no numbers.
        ValueError: they are out of range.
    """
    ends = _checks.sequence(function, "traverse", traverse)
    if len(ends) != 2:
        raise ValueError(f"{function}: traverse must be 2 numbers, got {len(ends)}")
    low = _checks.number(function, "traverse[0]", ends[0])
    high = _checks.number(function, "traverse[1]", ends[1], above=low)
    if image is not None:
        image = _checks.integer(function, "image", image, low=0, high=images - 1)
    return (low, high), image


def decoding(model: VAE, likelihood: str) -> Decode:
    """Return the decoder as a function of NumPy arrays, from codes to pixels in [0, 1]."""

    def pixels(z: NDArray[np.floating]) -> Pixels:
        output = decode(model, z.astype(np.float32))
        images: Pixels = (output.sigmoid() if likelihood == "bernoulli" else output.clamp(0, 1)).numpy()
        return visible(images)

    return pixels


def visible(images: Pixels) -> Pixels:
    """Images (n, channels, height, width) as a picture can show them: of 1 channel or 3.

    Of two channels the third is black; of more than three the first three are shown.
    """
    channels = images.shape[1]
    if channels == 2:
        return np.concatenate([images, np.zeros_like(images[:, :1])], axis=1)
    return images[:, :3] if channels > 3 else images


def pictures_of_images(
    data: FactorData,
    pixels: Decode,
    mean: Codes,
    kl: NDArray[np.float32],
    best: Sequence[str],
    seed: int,
    title: str,
    *,
    traverse: tuple[float, float] = TRAVERSE,
    image: int | None = None,
    measure: str = "nats",
) -> dict[str, Callable[[], Picture]]:
    """Return what draws traversals, the plane of two latents, reconstructions, samples and paths.

    Args:
        data: the images and their factors.
        pixels: the decoder, as `decoding` gives it.
        mean: the mean code of every image, (images, latent).
        kl: (latent,), in nats; latents are sorted by it.
        best: (latent,), the factor that each latent knows best, "" for none.
        seed: seeds the choice of the images and the samples of the prior.
        title: stands above each picture.
        traverse: from where to where a latent is moved, in standard deviations of the prior.
        image: the number of the image whose latents are moved; the one most like all others if None.
        measure: "nats", or "sd" where the codes have no posteriors: kl is then the standard deviation of
            each, and there are no samples of a prior.

    Returns:
        By the name of each picture's file, the function that draws it.
    """
    start = int(((mean - mean.mean(0)) ** 2).sum(1).argmin()) if image is None else image
    order = np.argsort(-kl, kind="stable")
    names = [f"z{latent}" for latent in order]
    notes = [f"{kl[latent]:.2f} {measure}  {best[latent]}" for latent in order]
    chosen = np.random.default_rng(seed).permutation(sampled(len(mean), seed))

    def along(values: NDArray[np.float64]) -> Pixels:
        z = np.repeat(mean[start : start + 1], len(values) * len(order), axis=0)
        z = z.reshape(len(order), len(values), -1)
        for row, latent in enumerate(order):
            z[row, :, latent] = values
        images = pixels(z.reshape(-1, z.shape[2]))
        return images.reshape(*z.shape[:2], *images.shape[1:])

    def traversals() -> Figure:
        values = np.linspace(*traverse, _STEPS)
        shown = np.array([start, *chosen[: _STEPS - 1]])
        tops = _shown(data, shown), pixels(mean[shown])
        return plots.traversals(*tops, along(values), values.tolist(), names, notes, title)

    def moving() -> list[Image.Image]:
        values = sum(traverse) / 2 + (traverse[1] - traverse[0]) / 2 * _SWAY
        labels = [f"{name}  {note}" for name, note in zip(names, notes, strict=True)]
        return plots.traversal_animation(along(values), labels, title)

    def prior_samples() -> Figure:
        z = np.random.default_rng(seed).standard_normal((PRIOR_ROWS * ACROSS, mean.shape[1]))
        heading = f"{title}\ndecoded samples of the prior".strip()
        return plots.image_rows(np.split(pixels(z), PRIOR_ROWS), None, heading)

    drawers: dict[str, Callable[[], Picture]] = {
        "traversals": traversals,
        "traversals_moving": moving,
        "reconstructions": lambda: reconstructions(data, pixels, mean, seed, title),
        "interpolations": lambda: _interpolations(data, pixels, mean, chosen[-2 * PATHS :], title),
    }
    if measure == "nats":
        drawers["prior_samples"] = prior_samples
    if len(order) > 1:
        values = np.linspace(*traverse, _GRID)
        pair = order[:2].tolist()
        drawers["latent_plane"] = lambda: _plane(pixels, mean[start], pair, values, title)
    return drawers


def _plane(
    pixels: Decode, code: NDArray[np.float32], pair: list[int], values: NDArray[np.float64], title: str
) -> Figure:
    """Decode a grid over two latents, the others as in the code (latent,)."""
    z = np.tile(code, (len(values), len(values), 1))
    z[:, :, pair[0]], z[:, :, pair[1]] = values, values[:, None]
    images = pixels(z.reshape(-1, len(code)))
    cells = images.reshape(len(values), len(values), *images.shape[1:])
    return plots.latent_plane(cells, values.tolist(), values.tolist(), [f"z{d}" for d in pair], title)


def pictures_of_codes(
    mean: Codes, logvar: Codes | None, kl: NDArray[np.float32], seed: int, title: str
) -> dict[str, Callable[[], Picture]]:
    """Return what draws the codes, and posteriors of single images, in the two latents of the largest KL.

    Codes without posteriors have no logvar, and kl is then the standard deviation of each.
    """
    if len(kl) < 2:
        return {}
    pair = np.argsort(-kl, kind="stable")[:2]
    names = [f"z{d}" for d in pair]

    def ellipses(logvar: Codes) -> Figure:
        chosen = np.random.default_rng(seed).choice(len(mean), min(ELLIPSES, len(mean)), replace=False)
        deviation = np.exp(0.5 * logvar[chosen][:, pair])
        return plots.posterior_ellipses(mean[chosen][:, pair], deviation, names, title)

    drawers: dict[str, Callable[[], Picture]] = {
        "joint_histogram": lambda: plots.joint_histogram(mean[:, pair], names, title)
    }
    if logvar is not None:
        drawers["posterior_ellipses"] = partial(ellipses, logvar)
    return drawers


def reconstructions(data: FactorData, pixels: Decode, mean: Codes, seed: int, title: str) -> Figure:
    """Draw images in rows, each row above what is decoded from their mean codes."""
    chosen = np.random.default_rng(seed).permutation(sampled(len(mean), seed))[: PAIRS * ACROSS]
    parts = [part for part in np.array_split(chosen, PAIRS) if len(part)]
    rows = [row for part in parts for row in (_shown(data, part), pixels(mean[part]))]
    return plots.image_rows(rows, ["image", "decoded"] * len(parts), title, together=2)


def _interpolations(
    data: FactorData, pixels: Decode, mean: Codes, ends: NDArray[np.int64], title: str
) -> Figure:
    """Decode straight lines between the mean codes of two images, which stand at the ends."""
    rows = []
    for first, last in ends[: len(ends) // 2 * 2].reshape(-1, 2):
        share = np.linspace(0, 1, ACROSS - 2)[:, None]
        between = pixels((1 - share) * mean[first] + share * mean[last])
        images = _shown(data, np.array([first, last]))
        rows.append(np.concatenate([images[:1], between, images[1:]]))
    heading = (
        f"{title}\ndecoded on the straight line between the mean codes of the images at both ends".strip()
    )
    return plots.image_rows(rows, None, heading)


def _shown(data: FactorData, indices: NDArray[np.int64]) -> Pixels:
    return visible(data.images(indices).numpy(force=True))


def latent_curves(
    values: Mapping[str, NDArray[Any]],
    mean: Codes,
    classes: NDArray[np.int64],
    kl: NDArray[np.float32],
    title: str,
    measure: str = "nats",
) -> Figure:
    """Draw mean codes of the active latents against each factor but the shape, with a line for each shape.

    A data set without a factor called shape has one line. If no latent is active, the one with the largest KL
    is drawn.

    Args:
        values: of each factor by name the values of its classes.
        mean: (images, latent) mean codes.
        classes: (images, factors), -1 where a label is missing.
        kl: (latent,), in nats.
        title: stands above the picture.
        measure: what kl is, as for `pictures_of_images`.
    """
    names = list(values)
    order = np.argsort(-kl, kind="stable")
    shown = order[: max(1, int((kl >= ACTIVE).sum()))]
    shape = names.index("shape") if "shape" in names else None
    varies = [k for k, column in enumerate(classes.T) if len(np.unique(column[column != MISSING])) > 1]
    if [names[k] for k in varies] == ["shape"]:
        shape = None  # the one factor that is left to draw
    line = np.zeros(len(mean), np.int64) if shape is None else classes[:, shape]
    lines = int(line.max()) + 1
    curves = []
    for k in varies:
        if k == shape:
            continue
        of_factor = np.asarray(values[names[k]])
        known = np.flatnonzero((line != MISSING) & (classes[:, k] != MISSING))
        cell = line[known] * len(of_factor) + classes[known, k]
        count = np.bincount(cell, minlength=lines * len(of_factor))
        with np.errstate(invalid="ignore"):  # a value that no image of a shape has is a gap in its line
            means = [np.bincount(cell, mean[known, d], minlength=count.size) / count for d in shown]
        stacked = np.stack(means, axis=1).reshape(lines, len(of_factor), len(shown))
        there = count.reshape(lines, -1).any(axis=0)
        curves.append(plots.Curve(names[k], of_factor[there], stacked[:, there]))
    of_shape = [""] if shape is None else [f"shape {_text(value)}" for value in values["shape"]][:lines]
    what = "KL in nats" if measure == "nats" else "standard deviation"
    return plots.latent_curves(
        curves,
        [f"z{latent}\n{kl[latent]:.2f}" for latent in shown],
        of_shape,
        "\n".join(filter(None, [title, f"mean code against each factor; below a latent its {what}"])),
    )


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
