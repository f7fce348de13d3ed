from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import fastdis


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small batches gain nothing from a second thread and lose much to it on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def arguments() -> tuple[Tensor, ...]:
    """reconstruction, target, z, mean, logvar of five images."""
    generator = torch.Generator().manual_seed(0)
    logits, mean, logvar, noise = (
        torch.randn(shape, generator=generator) for shape in ((5, 1, 8, 8), (5, 3), (5, 3), (5, 3))
    )
    target = torch.rand(logits.shape, generator=generator).round()
    return logits, target, fastdis.reparameterize(mean, logvar, noise=noise), mean, logvar
