"""Grouped densities on a grid: the kernel against every Gaussian at every point."""

import pytest
import torch

from fastdis.kernels.grouped_density import grouped_density


@pytest.mark.parametrize(("samples", "latent", "points"), [(1, 1, 1), (17, 3, 40), (300, 2, 999)])
def test_agrees_with_the_reference(samples: int, latent: int, points: int) -> None:
    generator = torch.Generator().manual_seed(samples)
    mean = torch.randn(samples, latent, generator=generator).double()
    deviation = torch.rand(samples, latent, generator=generator).double() + 0.02
    classes = torch.stack([torch.randint(0, n, (samples,), generator=generator) for n in (2, 5)], dim=1)
    low, step = mean.amin(0) - 1, (mean.amax(0) - mean.amin(0) + 2) / points
    found, expected = (
        grouped_density(mean, deviation, classes, [2, 5], low, step, points, backend=backend)
        for backend in ("numba", "reference")
    )
    assert found.shape == (latent, 7, points)
    # beyond 8 standard deviations: at most 1e-14 of a peak, and no peak is above 20
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-11)


def test_bits_do_not_depend_on_threads() -> None:
    mean, deviation = torch.randn(2000, 4).double(), torch.full((2000, 4), 0.1).double()
    classes, low, step = (
        torch.zeros(2000, 1, dtype=torch.int64),
        mean.amin(0),
        torch.full((4,), 0.05).double(),
    )
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(grouped_density(mean, deviation, classes, [1], low, step, 150))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)
