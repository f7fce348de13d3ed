"""The kernels written in vector instructions, in a process that is told there is no AVX-512."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "support" / "short_vectors.py"


def test_kernels_for_processors_with_shorter_vectors(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, PROGRAM],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == ["8", "4", "2"]
