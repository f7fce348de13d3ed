"""Posteriors of a batch and a sample of each."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def posteriors(batch: int, latent: int, seed: int = 0) -> list[Tensor]:
    """z, mean, logvar in float64: some latents informative, some near the prior."""
    torch.manual_seed(seed)
    mean = torch.randn(batch, latent, dtype=torch.float64)
    logvar = torch.randn_like(mean) - 3 * torch.rand(latent, dtype=torch.float64)
    return [mean + torch.exp(logvar / 2) * torch.randn_like(mean), mean, logvar]


def extreme_posteriors(kind: str, logvar: float, batch: int, dtype: torch.dtype) -> list[Tensor]:
    """z, mean, logvar whose densities reach to the ends of the numbers.

    "narrow": all of one log variance, z anywhere. "mixed": every second has the opposite one, z near its own.
    """
    torch.manual_seed(0)
    mean = torch.randn(batch, 3, dtype=torch.float64)
    logvars = torch.full_like(mean, logvar)
    z = torch.randn_like(mean)
    if kind == "mixed":
        logvars[::2] *= -1
        z = mean + torch.exp(0.5 * logvars) * z
    return [tensor.to(dtype) for tensor in (z, mean, logvars)]


EXTREMES = {  # between the documented ends
    torch.float32: [("narrow", -80.0), ("narrow", -70.0), ("narrow", 80.0), ("mixed", 60.0), ("mixed", 80.0)],
    torch.float64: [("narrow", -700.0), ("narrow", -100.0), ("mixed", 700.0)],
}


def assert_finite_as_the_reference(
    function: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor]
) -> None:
    """Values and gradients of ``function(backend, *inputs)`` as those of "reference", all of them finite."""
    results = []
    for backend in ("auto", "reference"):
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        outputs = function(backend, *leaves)
        results.append([*outputs, *torch.autograd.grad(sum(outputs), leaves)])
    for k, (found, expected) in enumerate(zip(*results, strict=True)):
        assert expected.isfinite().all()
        scale = float(expected.detach().abs().max())
        tolerance = 2e-5 if found.dtype == torch.float32 else 1e-11
        if k < len(outputs):  # differences of log densities
            scale = max(scale, 1.0)
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * scale)
