"""What every GPU kernel shares: exponentials beside the hardware's own, and how tensors are handed over.

Kernels are written for sm_90; they use nothing that sm_80 or gfx942 lack, and nothing newer than Triton 3.6.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)


@triton.jit
def exp(x):
    """exp(x) by the base-2 exponential, with the rounding of x log2(e) made good."""
    product = x * LOG2_E
    power = tl.exp2(product)
    return power + power * (tl.fma(x, tl.full(x.shape, LOG2_E, x.dtype), -product) * LN_2)


@triton.jit
def expm1_parts(x):
    """expm1(x) and expm1(x) - x, the second without cancellation near 0.

    With x = n ln 2 + r: exp(r) = 1 + r + tail, tail = r^2/2 (1 + r/3 (1 + r/4 (...))), |r| <= ln(2)/2.
    """
    if x.dtype == tl.float64:
        bounded = tl.where(x < -708.5, -708.5, tl.where(x > 710.0, 710.0, x))
        n = tl.floor(bounded * LOG2_E + 0.5)
        r = (bounded - n * 0.693147180559663) - n * 2.8235290563031577e-13
        tail = _tail(r, 14)
        half_scale = ((n.to(tl.int64) + 1022) << 52).to(tl.float64, bitcast=True)
    else:
        bounded = tl.where(x < -87.6, -87.6, tl.where(x > 89.0, 89.0, x))
        n = tl.floor(bounded * LOG2_E + 0.5)
        r = (bounded - n * 0.693145751953125) - n * 1.428606765330187e-06
        tail = _tail(r, 7)
        half_scale = ((n.to(tl.int32) + 126) << 23).to(tl.float32, bitcast=True)
    e = ((r + tail) * half_scale + (half_scale - 0.5)) * 2  # 2**128 alone would overflow before the product
    return e, tl.where(n == 0, tail, e - x)


@triton.jit
def _tail(r, TERMS: tl.constexpr):
    series = tl.full(r.shape, 1, r.dtype)
    for k in tl.static_range(TERMS, 2, -1):
        series = series * (r * (1.0 / k)) + 1
    return (0.5 * r * r) * series


def with_stride(tensor: Tensor) -> tuple[Tensor, int]:
    """A (batch, latent) tensor with contiguous rows, itself if it can be, and the distance of the rows."""
    if tensor.stride(1) != 1 and tensor.shape[1] > 1:
        tensor = tensor.contiguous()
    return tensor, tensor.stride(0)


def compute_dtype(tensor: Tensor) -> tl.dtype:
    """The dtype of the arithmetic: float64 for float64, else float32."""
    return tl.float64 if tensor.dtype == torch.float64 else tl.float32


def launch_options(warps: int) -> dict[str, int | bool]:
    """Options of a launch. Products and sums are fused, which Triton 3.10 no longer does unasked."""
    return {"num_warps": max(1, min(warps, 32)), "enable_fp_fusion": True}


def power_of_two(number: int) -> int:
    """The smallest power of two that is at least number: the sizes of blocks."""
    return 1 << (number - 1).bit_length()
