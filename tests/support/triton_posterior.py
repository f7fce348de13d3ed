"""Run by test_aggregated_posterior.py in processes of their own: the GPU kernel without a GPU.

``interpret`` checks numbers (TRITON_INTERPRET must be set before triton is imported), ``compile`` prints a
line of JSON for every target: registers and spills.
"""

import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch


def interpret() -> None:
    from fastdis.kernels.aggregated_posterior import reference, triton_gpu
    from support.mixtures import MIXTURES, mixture, sampled

    checked = 0
    for name in MIXTURES:
        for count, latent in ((1, 1), (130, 3), (67, 10)):
            for dtype in (torch.float32, torch.float64):
                mean, logvar = (x.to(dtype) for x in mixture(name, count, latent))
                z = sampled(mean, logvar)
                squares = (z.double() - mean.double()).square() * torch.exp(-logvar.double())
                own = -0.5 * (squares + logvar.double() + math.log(2 * math.pi)).sum(dim=1)
                exact, _, _ = reference.log_density(z, mean, logvar)
                for floor in (None, own):
                    log_q, error, pairs = triton_gpu.log_density(z, mean, logvar, 1e-4, floor)
                    measured = (log_q - exact).abs()
                    assert (measured <= error + 1e-13 * exact.abs().clamp(min=1)).all(), name
                    assert error.max() <= 1e-4, name
                    assert pairs <= count**2
                    assert triton_gpu.expected_pairs(z, mean, logvar, 1e-4, floor) == pairs
                    checked += 1
    # two clouds far apart: the tiles between them are not listed
    mean = torch.cat([torch.zeros(256, 2), torch.full((256, 2), 100.0)]) + torch.randn(512, 2)
    logvar = torch.zeros(512, 2)
    floor = torch.full((512,), -math.log(2 * math.pi), dtype=torch.float64)
    log_q, _, pairs = triton_gpu.log_density(mean, mean, logvar, 1e-4, floor)
    assert pairs == 512 * 512 // 2, pairs
    assert (log_q - reference.log_density(mean, mean, logvar)[0]).abs().max() < 1e-5
    print(checked)


def compile() -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from fastdis.kernels._triton import compute_dtype, launch_options
    from fastdis.kernels.aggregated_posterior import triton_gpu

    targets = [("cuda", 80, 32), ("cuda", 90, 32), ("hip", "gfx942", 64)]
    for backend, architecture, warp in targets:
        single, double = torch.float32, torch.float64
        for latent, listed, dtype in (
            (10, False, single),
            (10, True, single),
            (32, True, single),
            (10, False, double),
            (10, True, double),
        ):
            compute = compute_dtype(torch.empty(0, dtype=dtype))
            pointer = str(compute)
            signature = dict.fromkeys(("z", "mean", "scale", "constant"), f"*{pointer}")
            signature |= {"first": "*i64", "tiles": "*i32"} if listed else {}
            signature |= {"log2_sum": "*fp64", "queries": "i32", "posteriors": "i32"}
            queries, posteriors, warps = triton_gpu._tile(listed, dtype)
            constants = {"LATENT": latent, "QUERIES": queries, "POSTERIORS": posteriors}
            constants |= {"LISTED": listed, "dtype": compute}
            if not listed:
                constants |= {"first": None, "tiles": None}
            ordered = {name: signature.get(name, "constexpr") for name in triton_gpu._tiles.arg_names}
            source = ASTSource(
                fn=triton_gpu._tiles,
                signature=ordered,
                constexprs={(triton_gpu._tiles.arg_names.index(k),): v for k, v in constants.items()},
            )
            target = GPUTarget(backend, architecture, warp)
            kernel = triton.compile(source, target=target, options=launch_options(warps))
            registers, spilled = resources(kernel.asm, backend)
            found = {"target": architecture, "latent": latent, "listed": listed, "dtype": pointer}
            print(json.dumps(found | {"registers": registers, "spilled": spilled}))


def resources(assembly: dict[str, str], backend: str) -> tuple[int, int]:
    """Registers a thread, and bytes or registers spilled, as the assembler says."""
    if backend == "hip":
        text = assembly["amdgcn"]
        spilled = re.findall(r"\.[sv]gpr_spill_count: *(\d+)", text)
        return int(re.findall(r"\.vgpr_count: *(\d+)", text)[0]), sum(int(n) for n in spilled)
    from triton.backends.nvidia.compiler import get_ptxas

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(assembly["ptx"])
        architecture = re.findall(r"\.target (\w+)", assembly["ptx"])[0]
        assembler = [get_ptxas(int(re.findall(r"\d+", architecture)[0])).path, "-v"]
        command = [*assembler, f"--gpu-name={architecture}", str(source), "-o", f"{folder}/kernel.cubin"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    spilled = re.findall(r"(\d+) bytes spill (?:stores|loads)", text)
    return int(re.findall(r"Used (\d+) registers", text)[0]), sum(int(n) for n in spilled)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    {"interpret": interpret, "compile": compile}[sys.argv[1]]()
