"""The operations on a CUDA device: first their numbers, then their speed beside what others run.

    python benchmarks/gpu --out benchmarks/results/gpu.json

Needs torch, triton and numpy, and no installation: it reads this checkout. The JSON has the rows of
`render.py`, and is rewritten after every operation, so that a run that is cut off leaves what it had.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import triton
from checkout import load_checkout
from correctness import check
from operations import N, every_pair, penalties, permutations, samples, samples_forward, skip_list, tables
from replay import Step
from timing import ceilings, memory_of, quantiles

Case = tuple[str, Callable[[int, int], Iterator[tuple[str, Step]]], int, int, dict[str, float]]


def cases() -> Iterator[Case]:
    """Group, columns, batch, latent, and what a call needs at least."""
    for batch in (64, 256, 1024, 2048, 4096, 8192):
        group = f"reparameterize_tcvae, forward and backward, B = {batch}"
        yield group, penalties, batch, 10, {"exponentials": batch**2 * 11}
    for batch in (64, 4096):
        group = f"reparameterize_kl, noise given, forward and backward, B = {batch}"
        yield group, samples, batch, 10, {"bytes": 40 * batch * 10}
    large = 2**26 // 16
    both = "reparameterize_kl, noise given, forward and backward, 2^26 elements"
    yield both, samples, large, 16, {"bytes": 40 * 2**26}
    forward = "reparameterize_kl, noise given, forward, 2^26 elements"
    yield forward, samples_forward, large, 16, {"bytes": 16 * 2**26}
    for batch in (64, 4096):
        yield f"permute_dims, B = {batch}", permutations, batch, 10, {"bytes": 8 * batch * 10}
    yield f"joint table of 10 codes and 5 factors, N = {N}", tables, N, 10, {"bytes": N * (4 * 10 + 8 * 5)}
    for count, latent in ((100_000, 10), (N, 10)):
        counts = {"exponentials": count**2, "instructions": count**2 * (3 * latent + 4)}
        yield f"log q(z) over every pair, N = {count:,}, D = {latent}", every_pair, count, latent, counts
        yield f"log q(z) with the skip list, N = {count:,}, D = {latent}", skip_list, count, latent, {}


def line(row: dict[str, Any], limits: dict[str, float]) -> str:
    """One row as text, with its share of the ceiling that its count meets."""
    median, low, high = (row[name] * 1e6 for name in ("median", "p20", "p80"))
    text = f"  {row['column']:42} {median:10.1f} us ({low:.1f} to {high:.1f})"
    if "memory" in row:
        text += f" {row['memory'] / 1e6:.1f} MB"
    for name, unit, ceiling in (
        ("bytes", "GB/s", "copy_bytes"),
        ("exponentials", "exponentials/ns", "exponentials_counted"),
        ("instructions", "instructions/ns", "instructions_counted"),
    ):
        if name in row:
            rate = row[name] / row["median"]
            text += f" {rate / 1e9:.1f} {unit}, {rate / limits[ceiling]:.0%} of the ceiling"
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    out = parser.parse_args().out
    if not torch.cuda.is_available():
        print("benchmarks/gpu: there is no CUDA device here", file=sys.stderr)
        return 2
    load_checkout()
    print(
        f"{torch.cuda.get_device_name()}: {check()} comparisons with the float64 reference passed", flush=True
    )
    limits = ceilings()
    print(", ".join(f"{name} {value / 1e9:.0f} G/s" for name, value in limits.items()), flush=True)
    results: dict[str, Any] = {
        "machine": torch.cuda.get_device_name(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "triton": triton.__version__,
        },
        "ceilings": limits,
        "rows": [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    for group, build, batch, latent, counts in cases():
        print(group, flush=True)
        for column, step in build(batch, latent):
            row: dict[str, Any] = {"group": group, "column": column, **counts}
            if "graphs" not in column and "replayed" not in column:  # these hold their memory all the time
                row["memory"] = memory_of(step)
            row["median"], row["p20"], row["p80"] = quantiles(step)
            results["rows"].append(row)
            print(line(row, limits), flush=True)
        out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
