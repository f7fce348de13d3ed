"""What stands in the pictures: pixels, names and the values of lines."""

import numpy as np
import pytest

from fastdis import plots

RNG = np.random.default_rng(0)


def test_rows_of_images_show_their_pixels_and_names() -> None:
    rows = RNG.random((4, 3, 1, 6, 5))
    figure = plots.image_rows(rows, ["image", "decoded"] * 2, "a title", together=2)
    assert [axes.get_ylabel() for axes in figure.axes] == ["image", "decoded"] * 2
    for axes, row in zip(figure.axes, rows, strict=True):
        shown = axes.images[0].get_array()
        assert shown.shape == (6, 3 * 5 + 2 * 2)
        for i, image in enumerate(row):
            np.testing.assert_array_equal(shown[:, 7 * i : 7 * i + 5], image[0])
    assert figure.get_suptitle() == "a title"
    figure.canvas.draw()
    tops = [axes.get_position().y0 for axes in figure.axes]
    assert tops[1] - tops[2] > 1.2 * (tops[0] - tops[1])  # pairs stand apart


def test_colour_images_keep_their_channels() -> None:
    row = RNG.random((2, 3, 4, 4))
    shown = plots.image_rows([row]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown[:, :4], np.moveaxis(row[0], 0, -1))


def test_rows_and_names_must_fit_together() -> None:
    with pytest.raises(ValueError, match="labels must name the rows, at least 1, got 1 for 2"):
        plots.image_rows(np.zeros((2, 1, 1, 4, 4)), ["one"])
    with pytest.raises(ValueError, match="got 0 for 0"):
        plots.image_rows([])


@pytest.mark.parametrize("channels", [1, 3])
def test_every_frame_holds_every_latent(channels: int) -> None:
    rows = RNG.integers(0, 2, (7, 3, channels, 64, 64)).astype(np.float32)
    frames = plots.traversal_animation(rows, [f"z{d}" for d in range(7)], "a title")
    assert len(frames) == 3
    assert {frame.size for frame in frames} == {(700, 340)}
    for t, frame in enumerate(frames):
        pixels = np.asarray(frame).reshape(340, 700, -1)
        row = 28 + (18 + 128 + 10) + 18
        panel = pixels[row : row + 128, 148 : 148 + 128]  # the seventh: second row, second column
        np.testing.assert_array_equal(panel[::2, ::2], 255 * np.moveaxis(rows[6, t], 0, -1))
    blank = np.asarray(frames[0]).reshape(340, 700, -1)[28 + 156 + 18 : 330, 148 + 138 : 690]
    assert (blank == 255).all()  # no eighth panel


def test_curves_are_drawn_as_given() -> None:
    scale = plots.Curve("scale", [0.5, 1.0], RNG.random((3, 2, 4)))
    place = plots.Curve("posX", np.arange(5), RNG.random((3, 5, 4)))
    figure = plots.latent_curves([scale, place], ["z2", "z0", "z1", "z3"], ["a", "b", "c"], "a title")
    panels = np.array(figure.axes).reshape(4, 2)
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["z2", "z0", "z1", "z3"]
    assert [axes.get_xlabel() for axes in panels[-1]] == ["scale", "posX"]
    for column, curve in enumerate((scale, place)):
        for row in range(4):
            lines = panels[row, column].get_lines()
            assert [line.get_label() for line in lines] == ["a", "b", "c"]
            for k, line in enumerate(lines):
                np.testing.assert_array_equal(line.get_ydata(), curve.means[k, :, row])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert not plots.latent_curves([plots.Curve("scale", [0, 1], np.zeros((1, 2, 1)))], ["z0"]).legends


def test_the_kl_over_training_names_what_is_active_at_the_end() -> None:
    kl = np.array([[0.0, 0.5, 0.0], [1.0, 0.3, 0.0], [2.0, 0.05, 0.0]])
    axes = plots.kl_over_training([1, 100, 200], kl, "a title").axes[0]
    np.testing.assert_array_equal([line.get_ydata() for line in axes.lines], kl.T)
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 100, 200])
    assert [text.get_text() for text in axes.texts] == ["z0"]
    assert axes.lines[0].get_color() != axes.lines[1].get_color() == axes.lines[2].get_color()


def test_names_at_the_ends_of_lines_do_not_overlap() -> None:
    axes = plots.kl_over_training([1, 2], [[0.0] * 4, [0.5, 0.51, 0.49, 3.0]]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["z2", "z0", "z1", "z3"]  # from below
    heights = [text.xy[1] for text in axes.texts]
    assert min(np.diff(heights)) > 0.15
    assert heights[0] == 0.49
    assert heights[-1] == 3.0
    assert len({line.get_color() for line in axes.lines}) == 4
