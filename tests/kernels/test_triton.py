"""The Triton kernels without a GPU: their numbers, and what they compile to."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")

PROGRAMS = Path(__file__).parents[1] / "support"
KERNELS = Path(__file__).parents[2] / "kernels"
ELSEWHERE = {"aggregated_posterior._tiles"}  # compiled by `test_aggregated_posterior.py`
SHARED_MEMORY = 48 * 1024  # what every one of the targets gives a program without asking


def run(*command: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment | variables,
        check=False,
        cwd=PROGRAMS.parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


PROGRAM_NAMES = [f"triton_{name}.py" for name in ("numbers", "histogram", "data", "scenes")]


@pytest.mark.parametrize("name", PROGRAM_NAMES)
def test_numbers(name: str) -> None:
    variables = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    output = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(PROGRAMS / name), **variables)
    assert " passed" in output.splitlines()[-1]


def launched() -> set[str]:
    """Every kernel that a launcher starts, ``kernel[grid](...)``, with the folder of its operation."""
    return {
        f"{path.parent.name}.{ast.unparse(call.func.value).split('.')[-1]}"
        for path in KERNELS.glob("*/triton_*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Subscript)
    }


@pytest.mark.parametrize("target", ["sm_90", "sm_80", "gfx942"])
def test_kernels_compile_and_nothing_spills(target: str) -> None:
    kernels = [json.loads(line) for line in run(str(PROGRAMS / "triton_compile.py"), target).splitlines()]
    for kernel in kernels:
        print(target, kernel)
        assert kernel["stack"] == 0, kernel
        assert kernel["shared"] <= SHARED_MEMORY, kernel
    assert {kernel["kernel"] for kernel in kernels} == launched() - ELSEWHERE
