"""The pictures of a report show this model and these images."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fastdis.data import FactorDataset
from fastdis.evaluation import pictures
from fastdis.kernels.packed_images import pack
from support.toys import squares

KL = np.array([0.5, 0.01, 2.0], np.float32)


@pytest.fixture(scope="module")
def mean() -> NDArray[np.float32]:
    """96 codes: z0 knows the row, z1 nothing, z2 the column and the size."""
    factors = squares().factors(slice(None))
    return np.stack(
        [factors[:, 2] - 2.0, np.zeros(96), factors[:, 3] + 10.0 * factors[:, 1]], axis=1, dtype="f"
    )


def stamped(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images whose first pixels are the code itself."""
    images = np.zeros((len(z), 1, 64, 64), np.float32)
    images[:, 0, 0, : z.shape[1]] = z
    return images


@pytest.fixture(scope="module")
def drawn(mean: NDArray[np.float32]) -> dict[str, pictures.Picture]:
    drawers = pictures.pictures_of_images(squares(), stamped, mean, KL, ["row", "", "column"], 0, "a title")
    return {name: draw() for name, draw in drawers.items()}


def images_of(axes, count: int) -> NDArray[np.float64]:
    strip = np.asarray(axes.images[0].get_array())
    return np.stack([strip[:, 66 * i : 66 * i + 64] for i in range(count)])


def test_reconstructions_stand_below_their_images(drawn, mean) -> None:
    everything = squares().images(slice(None)).numpy()[:, 0]
    rows = drawn["reconstructions"].axes
    for image_axes, decoded_axes in zip(rows[::2], rows[1::2], strict=True):
        shown, decoded = images_of(image_axes, 12), images_of(decoded_axes, 12)
        for image, code in zip(shown, decoded[:, 0, :3], strict=True):
            which = np.flatnonzero((everything == image).all(axis=(1, 2)))
            assert len(which) == 1
            np.testing.assert_array_equal(code, mean[which[0]])


def test_samples_of_the_prior_are_standard_normal(drawn) -> None:
    codes = np.concatenate([images_of(axes, 12)[:, 0, :3] for axes in drawn["prior_samples"].axes])
    assert codes.shape == (60, 3)
    assert abs(codes.mean()) < 0.3
    assert 0.8 < codes.std() < 1.2
    assert len(np.unique(codes)) == codes.size


def test_paths_lead_from_one_image_to_another(drawn, mean) -> None:
    everything = squares().images(slice(None)).numpy()[:, 0]
    for axes in drawn["interpolations"].axes:
        images = images_of(axes, 12)
        first, last = (mean[(everything == end).all(axis=(1, 2))][0] for end in (images[0], images[-1]))
        np.testing.assert_allclose(images[1:-1, 0, :3], np.linspace(first, last, 10), atol=1e-5)


def test_traversals_move_one_latent_at_a_time_sorted_by_kl(drawn, mean) -> None:
    rows = drawn["traversals"].axes
    assert [axes.get_ylabel() for axes in rows] == ["image", "decoded", "z2", "z0", "z1"]
    start = mean[((mean - mean.mean(0)) ** 2).sum(1).argmin()]
    for axes, latent in zip(rows[2:], (2, 0, 1), strict=True):
        expected = np.repeat(start[None], 9, axis=0)
        expected[:, latent] = np.linspace(-2, 2, 9)
        np.testing.assert_allclose(images_of(axes, 9)[:, 0, :3], expected, atol=1e-6)
    assert len(drawn["traversals_moving"]) == 24


def test_curves_are_the_means_of_the_codes(mean) -> None:
    data = squares()
    figure = pictures.latent_curves(data.factor_values, mean, data.factors(slice(None)), KL, "")
    panels = np.array(figure.axes).reshape(2, 3)  # z1 says nothing and is left out; the colour is constant
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["z2\n2.00", "z0\n0.50"]
    assert [axes.get_xlabel() for axes in panels[1]] == ["size", "row", "column"]
    (of_row,) = panels[1, 1].get_lines()
    np.testing.assert_allclose(of_row.get_ydata(), np.arange(6) - 2.0)
    (of_size,) = panels[0, 0].get_lines()
    np.testing.assert_allclose(of_size.get_ydata(), [3.5, 13.5])


def test_each_shape_has_its_line_and_absent_values_are_left_out() -> None:
    images = pack(np.zeros((12, 1, 8, 8), np.uint8))
    values = {"shape": np.array([1.0, 2.0]), "scale": np.array([0.5, 0.6, 0.7]), "side": np.array([0.0, 9.0])}
    data = FactorDataset(images, values, (1, 8, 8), "by hand").subset([0, 1, 4, 5, 6, 7, 10, 11])
    factors = data.factors(slice(None))
    mean = (factors[:, :1] * 10 + factors[:, 1:2]).astype(np.float32)
    figure = pictures.latent_curves(data.factor_values, mean, factors, np.ones(1, np.float32), "")
    first, second = figure.axes[0].get_lines()
    np.testing.assert_allclose(first.get_xdata(), [0.5, 0.7])  # nothing has scale 0.6
    np.testing.assert_allclose(first.get_ydata(), [0, 2])
    np.testing.assert_allclose(second.get_ydata(), [10, 12])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["shape 1", "shape 2"]


def test_range_and_image_of_the_traversals_can_be_chosen(mean) -> None:
    drawers = pictures.pictures_of_images(
        squares(), stamped, mean, KL, [""] * 3, 0, "", traverse=(-3.0, 1.0), image=17
    )
    first = images_of(drawers["traversals"]().axes[2], 9)[:, 0, :3]
    np.testing.assert_allclose(first[:, 2], np.linspace(-3, 1, 9), atol=1e-6)
    np.testing.assert_allclose(first[:, :2], np.repeat(mean[None, 17, :2], 9, axis=0), atol=1e-6)


def test_the_plane_is_decoded_from_the_two_largest_latents(mean) -> None:
    drawers = pictures.pictures_of_images(squares(), stamped, mean, KL, [""] * 3, 0, "", image=17)
    axes = drawers["latent_plane"]().axes[0]
    shown = np.asarray(axes.images[0].get_array()).reshape(11, 64, 11, 64)[:, 0, :, :3]
    values = np.linspace(-2, 2, 11)
    np.testing.assert_allclose(shown[..., 2], np.tile(values, (11, 1)), atol=1e-6)  # z2 across
    np.testing.assert_allclose(shown[..., 0], np.tile(values[::-1, None], (1, 11)), atol=1e-6)  # z0 up
    np.testing.assert_allclose(shown[..., 1], mean[17, 1], atol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("z2", "z0")


def test_ellipses_and_histogram_are_of_the_same_latents(mean) -> None:
    logvar = np.tile(np.array([0.0, 2.0, -2.0], np.float32), (96, 1))
    drawers = pictures.pictures_of_codes(mean, logvar, KL, 0, "a title")
    ellipses = drawers["posterior_ellipses"]().axes[0]
    assert (ellipses.get_xlabel(), ellipses.get_ylabel()) == ("z2", "z0")
    sizes = {(round(patch.width, 4), round(patch.height, 4)) for patch in ellipses.patches[2:]}
    assert sizes == {(round(2 * np.exp(-1), 4), 2.0)}
    histogram = drawers["joint_histogram"]().axes[0]
    assert np.nansum(np.asarray(histogram.collections[0].get_array())) == 96
