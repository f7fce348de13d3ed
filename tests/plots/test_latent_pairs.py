"""Pictures of two latents show the numbers they are given."""

import numpy as np
import pytest

from fastdis import plots


def test_the_histogram_counts_every_code() -> None:
    z = np.random.default_rng(0).standard_normal((500, 2)) * [1, 3]
    figure = plots.joint_histogram(z, ["z4", "z2"], "a title")
    counts = np.asarray(figure.axes[0].collections[0].get_array())
    assert np.nansum(counts) == 500
    assert figure.get_suptitle() == "a title"
    plots.joint_histogram([[0.0, 0.0]])  # one code, no logarithm of one


def test_the_plane_has_its_first_row_below() -> None:
    images = np.zeros((2, 3, 3, 4, 4))
    images[0, 2, 1] = 1.0  # the first value up, the last across, green
    axes = plots.latent_plane(images, [-1, 0, 1], [5, 6]).axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape == (8, 12, 3)
    assert (shown[4:, 8:] == [0, 1, 0]).all()
    assert shown.sum() == 16
    assert [text.get_text() for text in axes.get_yticklabels()] == ["6.0", "5.0"]


def test_capacities_are_outlined_in_the_order_of_the_bars() -> None:
    axes = plots.kl_per_latent([0.1, 2.5, 1.0], capacities=[0.0, 3.0, 2.0]).axes[0]
    widths = [patch.get_width() for patch in axes.patches]
    assert widths == [2.5, 1.0, 0.1, 3.0, 2.0, 0.0]


def test_training_curves_have_a_panel_a_term() -> None:
    figure = plots.training_curves([1, 2, 3], {"total": [3.0, 2.0, 1.0], "kl": [0, 1, 2]}, "a title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["total", "kl"]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.joint_histogram(np.zeros((3, 3))), r"z must have shape \(n, 2\), .* got \(3, 3\)"),
        (lambda: plots.posterior_ellipses(np.zeros((0, 2)), np.zeros((0, 2))), r"mean must have shape"),
        (lambda: plots.posterior_ellipses(np.zeros((3, 2)), np.ones((2, 2))), "like mean, got"),
        (lambda: plots.latent_plane(np.zeros((2, 2, 1, 4, 4)), [0], [0, 1]), r"shape \(2, 1, channels"),
        (lambda: plots.training_curves([1], {}), "at least 1 term"),
    ],
)
def test_arrays_of_another_shape(draw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
