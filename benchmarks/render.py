"""Turn a pytest-benchmark JSON into results/<name>.json and RESULTS.md; the documentation shows both.

python benchmarks/render.py build/benchmarks.json cpu
"""

import json
import platform
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
IN_SUMMARY = (
    "reparameterize_tcvae",
    "reparameterize_kl, noise drawn",
    "permute_dims",
    "joint table",
    "training step",
    "convolutions of",
    "decompose, trained posteriors, N = 100,000",
)


def condensed(measured: dict[str, Any]) -> dict[str, Any]:
    """What is worth keeping of a run: no host names, no paths."""
    import numba
    import torch

    rows = []
    for benchmark in measured["benchmarks"]:
        seconds = benchmark["stats"]["data"]
        low, high = np.percentile(seconds, [20, 80])
        rows.append(
            {
                "group": benchmark["group"],
                **benchmark["extra_info"],
                "median": statistics.median(seconds),
                "p20": low,
                "p80": high,
                "rounds": len(seconds),
            }
        )
    cpu = measured["machine_info"]["cpu"]
    return {
        "machine": f"{cpu.get('brand_raw', platform.processor())}, {torch.get_num_threads()} threads",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numba": numba.__version__,
        },
        "rows": rows,
    }


def time_of(seconds: float) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError


def times(ratio: float) -> str:
    return f"{ratio:.0f} x" if ratio >= 10 else f"{ratio:.1f} x"


def size_of(count: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return "under 1 kB"


def rate_of(row: dict[str, Any]) -> str:
    """What a call needs at least, over the time it took."""
    rates = [
        f"{row[name] / row['median'] / 1e9:.3g} {unit}"
        for name, unit in (("bytes", "GB/s"), ("exponentials", "exponentials/ns"), ("pairs", "pairs/ns"))
        if name in row
    ]
    return ", ".join(rates)


def groups_of(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in results["rows"]:
        groups[row["group"]].append(row)
    return groups


def ours(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in rows if row["column"] == "fastdis"), None)


def results_page(results: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        "# Benchmarks",
        "",
        f"{results['machine']}; {versions}. Written by `make bench`, which runs the correctness tests first.",
        "",
        "Medians of the rounds of one process, denormals flushed for all. The ratio is a column's time",
        "over fastdis's: above 1 fastdis is faster, below 1 it loses. Rates count what a call must do.",
        "Memory is the growth of the resident set during a call, in pages.",
    ]
    for name, rows in groups_of(results).items():
        mine = ours(rows)
        lines += [
            "",
            f"## {name}",
            "",
            "| | median | p20 to p80 | ratio | rate | memory |",
            "|---|---|---|---|---|---|",
        ]
        for row in sorted(rows, key=lambda row: -row["median"]):
            ratio = f"{row['median'] / mine['median']:.2f}" if mine else ""
            spread = f"{time_of(row['p20'])} to {time_of(row['p80'])}"
            memory = size_of(row["memory"]) if "memory" in row else ""
            cells = (row["column"], time_of(row["median"]), spread, ratio, rate_of(row), memory)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary_table(results: dict[str, Any]) -> str:
    lines = ["| | fastdis | others |", "|---|---|---|"]
    for name, rows in groups_of(results).items():
        mine = ours(rows)
        if mine is None or not name.startswith(IN_SUMMARY):
            continue
        others = ", ".join(
            f"{row['column']} {time_of(row['median'])} ({times(row['median'] / mine['median'])})"
            for row in rows
            if row is not mine
        )
        lines.append(f"| {name} | {time_of(mine['median'])} | {others} |")
    return "\n".join([*lines, "", results["machine"] + ".", ""])


def main(source: str, name: str) -> None:
    results = condensed(json.loads(Path(source).read_text()))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "RESULTS.md").write_text(results_page(results))


if __name__ == "__main__":
    main(*sys.argv[1:3])
