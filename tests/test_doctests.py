"""Every example in a docstring is run, and every public function has one."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import fastdis
import fastdis.kernels

MODULES = sorted(
    module.name
    for package in (fastdis, fastdis.kernels)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith(("numba_cpu", "triton_gpu", "_numba", "_triton"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


def test_public_functions_have_an_example() -> None:
    functions = [value for name, value in vars(fastdis).items() if name in fastdis.__all__]
    without = [f.__name__ for f in functions if inspect.isfunction(f) and ">>>" not in (f.__doc__ or "")]
    assert without == []
