"""Compiles what the launchers of the loss operations launch, for a target that need not be here.

Run by `test_triton.py` in a process of its own, with the target as argument: sm_90, sm_80 or gfx942. Triton
is given a driver that knows only its target, and compiles where it would launch. A line of JSON a kernel.
"""

import json
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver
from triton.runtime.jit import JITFunction

from fastdis.kernels.gaussian_kl import triton_gpu as gaussian_kl
from fastdis.kernels.image_batch import triton_gpu as image_batch
from fastdis.kernels.joint_histogram import triton_gpu as joint_histogram
from fastdis.kernels.nuisances import triton_gpu as nuisances
from fastdis.kernels.packed_images import triton_gpu as packed_images
from fastdis.kernels.permute_dims import triton_gpu as permute_dims
from fastdis.kernels.reparameterize_tcvae import triton_gpu as reparameterize_tcvae
from fastdis.kernels.scenes_2d import triton_gpu as scenes_2d
from fastdis.kernels.scenes_3d import triton_gpu as scenes_3d
from fastdis.kernels.total_correlation import triton_gpu as total_correlation

TARGETS = {
    "sm_90": GPUTarget("cuda", 90, 32),
    "sm_80": GPUTarget("cuda", 80, 32),
    "gfx942": GPUTarget("hip", "gfx942", 64),
}
SHAPES = {
    "small": (64, 10, torch.float32),
    "small, widest": (512, 10, torch.float32),
    "tiles": (2048, 10, torch.float32),
    "small, float64": (64, 10, torch.float64),
    "tiles, float64": (2048, 10, torch.float64),
}


class Driver:
    """The part of Triton's driver that compilation asks."""

    def __init__(self, target: GPUTarget) -> None:
        self.target = target

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def launch(batch: int, latent: int, dtype: torch.dtype) -> None:
    z, mean, logvar = torch.zeros(3, batch, latent, dtype=dtype)
    grad = torch.zeros(3, dtype=dtype)
    total_correlation.values(z, mean, logvar, 10**6, True)
    total_correlation.penalty(z, mean, logvar, 10**6, True, [1.0, 6.0, 1.0], True)
    gaussian_kl.reparameterize_kl(mean, logvar, z)
    gaussian_kl.backward(z, grad[:1].expand(latent), mean, logvar, z)
    reparameterize_tcvae.forward(mean, logvar, z, 10**6, True, [1.0, 6.0, 1.0], True)
    reparameterize_tcvae.backward(z, grad[0], z, mean, logvar)


def launch_variants() -> None:
    """What differs by the kind of input and not by its size."""
    z, mean, logvar = torch.zeros(3, 64, 10)
    grad = torch.zeros(3)
    total_correlation.gradients(z, mean, logvar, 10**6, True, grad)
    total_correlation.scaled(grad[0], z, mean, logvar)
    gaussian_kl.gaussian_kl(mean, logvar, True)
    gaussian_kl.backward(None, z, mean, logvar, None)
    wide = torch.zeros(64, 20).chunk(2, dim=1)
    gaussian_kl.reparameterize_kl(*wide, z)
    gaussian_kl.backward(z, grad[:1].expand(10), *wide, z)
    permute_dims.permute_dims(z, torch.zeros((), dtype=torch.int64))
    permute_dims.backward(z, torch.zeros((), dtype=torch.int64))
    packed, indices = torch.zeros(9, 512, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        packed_images.unpack(packed, indices, torch.zeros(4, 4096, dtype=dtype))
    colour, images = torch.zeros(9, 64, 64, 3, dtype=torch.uint8), torch.zeros(4, 64, 64, 3)
    image_batch.image_batch(colour, indices, images)
    for nuisance, seed, visit in (("color", 0, 0), ("noise", 2**62, 2**32 - 1), ("scream", 0, 0)):
        nuisances.fill(nuisance, packed, indices, seed, visit, torch.zeros(80, 90, 3), images)
    classes = torch.zeros(64, 3, dtype=torch.int64)
    for codes in (z, z.double()):
        edges = torch.linspace(-1, 1, 21, dtype=codes.dtype).expand(10, 21)
        joint_histogram.joint_histogram(codes, classes, edges, [3, 40, 65_536])  # from least to most counters
        joint_histogram.joint_histogram(codes, classes[:, :1], edges, [204])
    shapes, colours, lights = indices, torch.zeros(4, 3).double(), torch.zeros(2, 4).double()
    images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    scenes_2d.draw(shapes, torch.ones(4, 4).double(), colours, images)
    scenes_3d.draw(shapes, torch.zeros(4, 5).double(), colours, lights, images)
    half = z.bfloat16()
    gaussian_kl.reparameterize_kl(half, half, half)
    total_correlation.penalty(half, half, half, 10**6, True, [1.0, 6.0, 1.0], True)
    reparameterize_tcvae.forward(half, half, half, 10**6, True, [1.0, 6.0, 1.0], True)
    reparameterize_tcvae.backward(None, grad[0], half, half, half)


def usage(kernel: Any, target: GPUTarget) -> dict[str, int]:
    """Registers a thread and bytes of its stack, which is where spills go, from the compiled binary."""
    if target.backend == "hip":
        registers, stack = (
            int(re.search(rf"\.{name}:\s+(\d+)", kernel.asm["amdgcn"])[1])
            for name in ("vgpr_count", "private_segment_fixed_size")
        )
    else:
        program = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(kernel.asm["cubin"])
            file.flush()
            command = [program, "--dump-resource-usage", file.name]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        registers, stack = (int(number) for number in re.search(r"REG:(\d+) STACK:(\d+)", text).groups())
    return {"registers": registers, "stack": stack, "shared": kernel.metadata.shared}


def main(name: str) -> None:
    target = TARGETS[name]
    driver.set_active(Driver(target))
    compiled: dict[str, tuple[str, Any]] = {}
    run = JITFunction.run

    def compile_only(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        kernel = run(self, *args, grid=grid, warmup=True, **kwargs)
        compiled[kernel.hash] = (self.__module__.split(".")[-2], kernel)
        return kernel

    JITFunction.run = compile_only
    cases = {case: partial(launch, *shape) for case, shape in SHAPES.items()} | {"variants": launch_variants}
    for case, launches in cases.items():
        compiled.clear()
        launches()
        for folder, kernel in compiled.values():
            found = {"case": case, "kernel": f"{folder}.{kernel.name}", "warps": kernel.metadata.num_warps}
            print(json.dumps(found | usage(kernel, target)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
