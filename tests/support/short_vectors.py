"""Kernels as on a processor without AVX-512, compared with references; prints the shape of the vectors."""

import sys
from pathlib import Path
from unittest.mock import patch

import torch


def main() -> None:
    with patch("llvmlite.binding.get_host_cpu_features", dict):
        from fastdis.kernels._cpu.register_tile import TILE_ROWS
        from fastdis.kernels._cpu.simd import SIMD_WIDTH
    from test_strided_convolution import RUNS, float_leaves, run_of, through

    from fastdis.kernels.strided_convolution import convolutions, reference

    for name in RUNS:
        for transposed in (False, True):
            tensors, slopes, _ = run_of(name, transposed, 2)
            leaves = float_leaves(tensors)
            found = through(convolutions, slopes, transposed)(*leaves)[0]
            expected = through(reference.convolutions, slopes, transposed)(*leaves)[0]
            assert torch.equal(found, expected)
            gradients = (torch.autograd.grad(output.sum(), leaves) for output in (found, expected))
            for a, b in zip(*gradients, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))

    import fastdis
    from fastdis.kernels.total_correlation.posterior_loops import SAMPLES_AT_ONCE
    from support.agreement import assert_as_accurate
    from support.posteriors import posteriors

    for shape in ((3, 10), (130, 5)):
        for dtype in (torch.float32, torch.float64):
            assert_as_accurate(
                lambda *a: [fastdis.tcvae_penalty(*a, dataset_size=1000)[0]],
                lambda *a: [fastdis.tcvae_penalty(*a, dataset_size=1000, backend="reference")[0]],
                posteriors(*shape),
                [torch.tensor(1.0)],
                dtype,
            )
    print(SIMD_WIDTH, TILE_ROWS, SAMPLES_AT_ONCE)


if __name__ == "__main__":
    tests = Path(__file__).parents[1]
    sys.path[:0] = [str(tests), str(tests / "kernels")]
    main()
