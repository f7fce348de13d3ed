"""Without each of the private things of `_private`: right numbers still, by public means."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fastdis
from fastdis.kernels import _private
from fastdis.models import burgess_vae
from support.posteriors import posteriors

WITHOUT = {
    "transformed": _private.publicly_transformed,
    "untouched": _private.through_the_dispatcher,
    "has_global_hooks": lambda: True,
    "MODULE_HOOKS_KNOWN": False,
}


@pytest.fixture(params=WITHOUT)
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(_private, request.param, WITHOUT[request.param])
    name: str = request.param
    return name


def penalty(z: Tensor, mean: Tensor, logvar: Tensor, **options: Any) -> Tensor:
    kl = fastdis.gaussian_kl(mean, logvar, **options).sum()
    return fastdis.tcvae_penalty(z, mean, logvar, dataset_size=100, **options)[0] + kl


def test_losses(without: str) -> None:
    leaves = [tensor.requires_grad_() for tensor in posteriors(9, 3)]
    found, expected = (
        [value := penalty(*leaves, backend=backend), *torch.autograd.grad(value, leaves)]
        for backend in ("auto", "reference")
    )
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        torch.testing.assert_close(penalty(*leaves), expected[0])


def test_transforms(without: str) -> None:
    tensors = posteriors(9, 3)
    expected = torch.func.hessian(lambda mean: penalty(tensors[0], mean, tensors[2], backend="reference"))
    found = torch.func.hessian(lambda mean: penalty(tensors[0], mean, tensors[2]))
    torch.testing.assert_close(found(tensors[1]), expected(tensors[1]))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(tensors[1], torch.ones_like(tensors[1]))
        slope = torch.autograd.forward_ad.unpack_dual(penalty(tensors[0], dual, tensors[2])).tangent
    gradient = torch.func.grad(lambda mean: penalty(tensors[0], mean, tensors[2]))(tensors[1])
    torch.testing.assert_close(slope, gradient.sum())


def test_convolutions(without: str) -> None:
    model = burgess_vae(latents=3)
    images = torch.rand(5, 1, 64, 64, requires_grad=True)
    mean = model.encode(images)[0]
    truth = images
    for module in model.encoder.modules():
        if not [*module.children()]:
            truth = module(truth)
    torch.testing.assert_close(mean, truth[:, :3], rtol=1e-4, atol=1e-5)
    slopes = [torch.autograd.grad(value.sum(), images)[0] for value in (mean, truth[:, :3])]
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("active", [False, True])
def test_transforms_are_told_by_public_means(active: bool) -> None:
    told = []
    if active:
        torch.func.vmap(lambda x: (told.append(_private.publicly_transformed()), x)[1])(torch.zeros(2))
        with torch.autograd.forward_ad.dual_level():
            told.append(_private.publicly_transformed())
    else:
        told.append(_private.publicly_transformed())
    assert set(told) == {active}


COMPILED = """
import contextlib, sys, torch, fastdis
from fastdis.kernels import _private
substitutes = {
    "cache_in": lambda folder: contextlib.nullcontext(False),
    "use_wide_vectors": lambda function: None,
    "subroutines_known": lambda: False,
    "gomp_parallel": lambda: 0,
}
for name in sys.argv[1:]:
    setattr(_private, name, substitutes[name])
torch.set_num_threads(2)
mean, logvar = torch.randn(2, 300_000, 3)
found, expected = (fastdis.gaussian_kl(mean, logvar, backend=name) for name in ("numba", "reference"))
torch.testing.assert_close(found, expected)
print("right")
"""


@pytest.mark.parametrize(
    "names",
    [
        ["gomp_parallel"],
        ["cache_in", "use_wide_vectors", "subroutines_known"],  # compiled anew, or the others do nothing
    ],
)
def test_compiled_code(names: list[str]) -> None:
    command = [sys.executable, "-c", COMPILED, *names]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == "right", result.stderr


def test_what_is_missing_is_not_found() -> None:
    assert _private.found(torch, "_C._no_such_thing") is None
    assert _private.found(nn.modules.module, "no.such.thing") is None
