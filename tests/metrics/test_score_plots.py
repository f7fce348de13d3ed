"""The pictures of scores show the numbers they were given."""

import numpy as np
import pytest
from matplotlib.text import Text

from fastdis import plots


def test_heat_map_shows_every_number(tmp_path) -> None:
    information = np.array([[0.0, 1.25], [0.5, 0.125], [2.0, 0.75]])
    figure = plots.mutual_information(information, ["shape", "orientation"], "a title")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.00", "1.25", "0.50", "0.12", "2.00", "0.75"]
    np.testing.assert_array_equal(axes.images[0].get_array(), information)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z0", "z1", "z2"]
    figure.savefig(tmp_path / "heat.png")
    assert (tmp_path / "heat.png").stat().st_size > 2000


@pytest.mark.parametrize("draw", [plots.mutual_information, plots.importance])
def test_a_long_title_fits_above_few_factors(draw) -> None:
    figure = draw(np.ones((10, 1)), ["colour"], "beta-tcvae, alpha 1, beta 6, gamma 1, 18,000 images")
    figure.draw_without_rendering()
    (title,) = [text for text in figure.findobj(Text) if text.get_text().startswith("beta-tcvae")]
    extent = title.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1


def test_areas_of_a_hinton_diagram_are_the_importances() -> None:
    matrix = np.array([[0.8, 0.0, 0.2], [0.1, 0.4, 0.05]])
    squares = plots.importance(matrix).axes[0].patches
    areas = {
        (round(s.get_y() + s.get_height() / 2), round(s.get_x() + s.get_width() / 2)): s for s in squares
    }
    assert len(areas) == 5
    for (d, k), square in areas.items():
        assert square.get_width() * square.get_height() == pytest.approx(matrix[d, k] / 0.8)


def test_dots_lie_at_the_scores_and_bars_span_the_intervals() -> None:
    values, intervals = {"mig": 0.3, "irs": 0.5, "sap": 0.1}, {"mig": (0.2, 0.4), "sap": (0.1, 0.1)}
    lines = plots.scores(values, intervals).axes[0].lines
    for row, (name, score) in enumerate(values.items()):
        bar, dot = lines[2 * row], lines[2 * row + 1]
        np.testing.assert_array_equal(bar.get_xdata(), intervals.get(name, (np.nan, np.nan)))
        assert (list(dot.get_xdata()), list(dot.get_ydata())) == ([score], [row])
        assert (dot.get_markerfacecolor() == "white") == (name == "sap")


def test_what_is_no_matrix_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"mutual_information: information must have shape \(codes, factors\)"
    ):
        plots.mutual_information([1.0, 2.0])
    with pytest.raises(ValueError, match="importance: factor_names must name 2 factors, got 3"):
        plots.importance(np.ones((4, 2)), ["a", "b", "c"])
    with pytest.raises(ValueError, match="scores: values must hold at least 1 score, got none"):
        plots.scores({})
