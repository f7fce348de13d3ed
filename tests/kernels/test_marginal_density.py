"""log q(z_d) over all posteriors: grid, direct sums and strays against every pair in float64."""

import numba
import numpy as np
import pytest
import torch

from fastdis.kernels.marginal_density import marginal_log_density
from fastdis.kernels.marginal_density.numba_cpu import _read, _tabulate
from fastdis.kernels.marginal_density.reference import marginal_log_density as every_pair


@numba.njit
def table_and_reading(mean, sigma, points, density, error):
    """What the kernel's parts give for s = 0.5, steps of 0.1 from -20 on and a reach of 9."""
    grid, cells = _tabulate(mean, sigma, 0.5, 0.1, -20.0, 400, 9.0)
    _read(points, grid, cells, 0.5, 0.1, -20.0, 0.0, density, error)
    return grid


def posteriors(count: int, lowest: float, highest: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 3 * rng.standard_normal((count, 3)), 10 ** rng.uniform(lowest, highest, (count, 3))


def check(z: np.ndarray, mean: np.ndarray, deviation: np.ndarray, tolerance: float) -> None:
    arguments = [torch.from_numpy(x) for x in (z, mean, 2 * np.log(deviation))]
    log_q, error = marginal_log_density(*arguments, tolerance=tolerance)
    exact, _ = every_pair(*arguments)
    assert ((log_q - exact).abs() <= error + 1e-12 * exact.abs().clamp(min=1)).all()
    assert (error <= (1e-12 * exact.abs()).clamp(min=tolerance)).all()


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize(("lowest", "highest"), [(-4, 1), (-1, -1), (-0.5, 0.5), (-4, -3)])
@pytest.mark.parametrize("count", [1, 2, 101, 3001])
def test_error_is_bounded_and_within_tolerance(
    count: int, lowest: float, highest: float, tolerance: float
) -> None:
    mean, deviation = posteriors(count, lowest, highest)
    z = mean + deviation * np.random.default_rng(1).standard_normal(mean.shape)
    check(z, mean, deviation, tolerance)


def test_the_grid_holds_the_density_at_its_nodes() -> None:
    mean = np.sort(posteriors(800, -1, -1)[0][:, 0])
    sigma = np.linspace(0.5, 0.99, mean.size)
    points = np.random.default_rng(1).uniform(-15, 15, 3000)
    density, error = np.zeros(3000), np.zeros(3000)
    grid = table_and_reading(mean, sigma, points, density, error)
    nodes = -20.0 + 0.1 * np.arange(400)
    terms = np.exp(-0.5 * ((nodes[:, None] - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    assert np.abs(grid - terms.sum(axis=1)).max() < 1e-12 * grid.max()
    # and the cells bound what reading it between the nodes changes
    terms = np.exp(-0.5 * ((points[:, None] - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    measured = np.abs(density - terms.sum(axis=1))
    assert (measured <= error + 1e-12 * density.max()).all()
    assert error.max() < 1e-6 * density.max()


def test_many_points_from_many_posteriors() -> None:
    mean, deviation = posteriors(2000, -0.5, 0.5)
    check(np.random.default_rng(1).uniform(-9, 9, (4000, 3)), mean, deviation, 1e-6)


def test_points_far_from_everything() -> None:
    mean, deviation = posteriors(500, -2, -1)
    check(np.array([[1e3, -1e3, 40.0], [0.0, 12.0, -15.0]]), mean, deviation, 1e-6)


def test_an_outlier_among_many() -> None:
    mean, deviation = np.zeros((5000, 1)), np.full((5000, 1), 0.3)
    mean[-1], mean[-2] = 500.0, 3.1
    z = mean + 1.3 * deviation
    check(z, mean, deviation, 1e-6)


def test_the_number_of_threads_changes_no_bit() -> None:
    mean, deviation = posteriors(3000, -2, 0)
    z = mean + deviation
    arguments = [torch.from_numpy(x).float() for x in (z, mean, 2 * np.log(deviation))]
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(marginal_log_density(*arguments))
    torch.set_num_threads(threads)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_float32_arguments_are_read_as_they_are() -> None:
    mean, deviation = posteriors(700, -2, 0)
    arguments = [torch.from_numpy(x).float() for x in (mean + deviation, mean, 2 * np.log(deviation))]
    log_q, error = marginal_log_density(*arguments, tolerance=1e-8)
    exact, _ = every_pair(*arguments)
    assert (log_q - exact).abs().max() <= 1e-8
    assert error.max() <= 1e-8
