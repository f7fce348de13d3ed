"""The convolutions' tiles as on a processor without AVX-512: prints their shape, and equal for every run."""

import sys
from pathlib import Path

import llvmlite.binding
import torch

features = llvmlite.binding.get_host_cpu_features
llvmlite.binding.get_host_cpu_features = dict
from fastdis.kernels._tile import LANES, ROWS  # noqa: E402

llvmlite.binding.get_host_cpu_features = features
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from test_strided_convolution import RUNS, float_leaves, run_of, through  # noqa: E402

from fastdis.kernels.strided_convolution import convolutions, reference  # noqa: E402

print(LANES, ROWS)
for name in RUNS:
    for transposed in (False, True):
        tensors, slopes, _ = run_of(name, transposed, 2)
        ours, torchs = (
            through(function, slopes, transposed) for function in (convolutions, reference.convolutions)
        )
        leaves = float_leaves(tensors)
        found, expected = ours(*leaves)[0], torchs(*leaves)[0]
        assert torch.equal(found, expected)
        gradients = (torch.autograd.grad(output.sum(), leaves) for output in (found, expected))
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))
        print("equal")
