"""The Triton kernels that make batches, bit for bit against their references.

Runs on the GPU where there is one, else in Triton's interpreter, on the CPU: `test_triton.py` starts it in a
process of its own, because TRITON_INTERPRET must be set before triton is imported.
"""

import math
import sys

import numpy as np
import pytest
import torch

from fastdis.kernels.image_batch import reference as image_batch_reference
from fastdis.kernels.image_batch import triton_gpu as image_batch
from fastdis.kernels.nuisances import NUISANCES
from fastdis.kernels.nuisances import reference as nuisances_reference
from fastdis.kernels.nuisances import triton_gpu as nuisances

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("shape", [(5, 16, 16, 3), (5, 7, 9, 1), (5, 40, 41), (5, 1), (5, 1024)])
def test_batches_are_those_of_the_reference(shape: tuple[int, ...]) -> None:
    """Rows in any order, repeated, and with other images between them; NaN shows what is not written."""
    images = torch.arange(math.prod(shape)).to(torch.uint8).reshape(shape).to(DEVICE)
    indices = torch.tensor([4, 0, 3, 3], device=DEVICE)
    expected = image_batch_reference.image_batch(images[indices])
    for rows in (images, images.repeat_interleave(3, dim=0)[::3], images.mT.contiguous().mT):
        out = torch.full(expected.shape, math.nan, device=DEVICE)
        image_batch.image_batch(rows, indices, out)
        assert torch.equal(out, expected)
    image_batch.image_batch(images, indices[:0], out[:0])


def test_each_of_the_256_bytes_is_divided_to_the_last_bit() -> None:
    images = torch.arange(256, dtype=torch.uint8, device=DEVICE)[None]
    out = torch.empty(1, 256, device=DEVICE)
    image_batch.image_batch(images, torch.zeros(1, dtype=torch.int64, device=DEVICE), out)
    assert torch.equal(out[0].cpu(), torch.arange(256) / 255)


@pytest.mark.parametrize("nuisance", NUISANCES)
@pytest.mark.parametrize(("seed", "visit"), [(0, 0), (2**62 + 12345, 2**32 - 1)])
@pytest.mark.parametrize("size", [(16, 16), (8, 3)])
def test_nuisances_are_those_of_the_reference(
    nuisance: str, seed: int, visit: int, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    packed = torch.from_numpy(rng.integers(256, size=(5, math.prod(size) // 8), dtype=np.uint8))
    background = torch.from_numpy(rng.random((size[0] + 7, size[1] + 2, 3), dtype=np.float32))
    indices = torch.tensor([4, 0, 3, 3])
    made = nuisances_reference.images(
        nuisance, packed[indices].numpy(), indices.numpy(), size, seed, visit, background.numpy()
    )
    for rows in (packed, packed.repeat_interleave(3, dim=0)[::3], packed.t().contiguous().t()):
        out = torch.full((4, *size, 3), math.nan, device=DEVICE)
        nuisances.fill(nuisance, rows.to(DEVICE), indices.to(DEVICE), seed, visit, background.to(DEVICE), out)
        assert torch.equal(out.cpu(), torch.from_numpy(made))
    nuisances.fill(nuisance, packed.to(DEVICE), indices[:0].to(DEVICE), 0, 0, background.to(DEVICE), out[:0])


def test_no_numba_kernel_ran_instead() -> None:
    assert not [name for name in sys.modules if name.endswith("numba_cpu")]
