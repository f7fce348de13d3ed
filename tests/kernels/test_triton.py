"""The Triton kernels without a GPU: their numbers, and what they compile to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")

PROGRAMS = Path(__file__).parents[1] / "support"
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


@pytest.mark.parametrize("target", ["sm_90", "sm_80", "gfx942"])
def test_kernels_compile_and_nothing_spills(target: str) -> None:
    kernels = [json.loads(line) for line in run(str(PROGRAMS / "triton_compile.py"), target).splitlines()]
    for kernel in kernels:
        print(target, kernel)
        assert kernel["stack"] == 0, kernel
        assert kernel["shared"] <= SHARED_MEMORY, kernel
    assert {kernel["kernel"] for kernel in kernels} == {
        *(
            "_forward",
            "_backward",
            "_sum_of_means",
            "_permute",
            "_unpack",
            "_scale",
            "total_alone",
            "_total_derivatives",
        ),
        *("prepare", "rows", "finish_rows", "columns", "finish_columns"),
        *("_bins", "_count", "_add"),
        *("_convert", "_noise", "_tint", "_draw_shapes", "_draw_solids"),
    }
