"""Compare the adaptive capacity of Song 2018, section 5.2.3, with the annealed VAE at equal steps.

Both have the same network, data, seeds and rise of the capacity. A run is a folder that can be resumed,
so the comparison may be stopped and taken up again:

    python docs/examples/adaptive_capacity.py runs/capacity --steps 100000 --seeds 3
    python docs/examples/adaptive_capacity.py runs/small --steps 20 --seeds 1 --every 997

It writes a page, ``comparison.md``, and a figure of the KL of each latent for every run.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastdis import metrics, plots, posterior
from fastdis.evaluation.encoded_run import encoded_run
from fastdis.training.checkpoint_file import latest
from fastdis.training.log import read_log
from fastdis.training.run_config import RunConfig
from fastdis.training.train import train_run

SCORES = ("mig", "factor_vae_score", "sap")


def configurations(steps: int, every: int, batch_size: int = 64) -> dict[str, RunConfig]:
    """Return the two settings, whose capacity rises over all of the steps but the last fifth."""
    rising = max(1, steps * 4 // 5)
    common = RunConfig("annealed-vae", steps=steps, every=every, batch_size=batch_size, learning_rate=1e-3)
    shared = {"gamma": 1000.0, "capacity": 25.0, "iterations": rising}
    adaptive = {"patience": max(1, rising // 20), "band": 0.125, "growth": 10 / rising}
    return {
        "annealed-vae": replace(common, settings=shared),
        "adaptive-capacity-vae": replace(
            common, objective="adaptive-capacity-vae", settings=shared | adaptive
        ),
    }


def judged(run_dir: Path) -> dict[str, float]:
    """Score the mean codes of the images that a run was trained on, and draw its KL over training.

    KL and total correlation are exact, with q(z) over all those images, where they are few; of many, a sample
    of them is compared with all.
    """
    run = encoded_run(run_dir)
    rows = read_log(run_dir / "kl_per_latent.jsonl")
    kl, targets = (
        np.array([[value for name, value in row.items() if name.startswith(prefix)] for row in rows])
        for prefix in ("z", "target_z")
    )
    targets = targets if targets.size else np.full_like(kl, np.nan)
    drawn = plots.kl_and_targets([row["step"] for row in rows], kl, targets, run_dir.name)
    drawn.savefig(run_dir / "kl_and_targets.png", dpi=120)
    last = read_log(run_dir / "log.jsonl")[-1]
    mean, logvar = run.codes
    assert logvar is not None  # both are VAEs
    exact = posterior.decompose(mean, logvar, queries="auto", max_pairs=5e8)
    scores = metrics.evaluate(mean, run.data.factors(slice(None)), metrics=SCORES)
    found = {name: float(scores[name].score) for name in SCORES}
    return found | {
        "reconstruction": last["reconstruction"],
        "kl": exact.kl,
        "total_correlation": exact.total_correlation,
        "active": float((kl[-1] > 0.1).sum()),
        "held": last.get("held", 0.0),
    }


def page(results: dict[str, list[dict[str, float]]]) -> str:
    """Write a row for each objective: mean and standard deviation over the seeds."""
    columns = list(next(iter(results.values()))[0])
    lines = [f"| objective | seeds | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for objective, runs in results.items():
        values = np.array([[run[column] for column in columns] for run in runs])
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(values.mean(0), values.std(0), strict=True)]
        lines.append(f"| {objective} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs go")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="train and score on one image in so many")
    parser.add_argument("--batch-size", type=int, default=64)
    given = parser.parse_args(arguments)
    configs = configurations(given.steps, given.every, given.batch_size)
    results: dict[str, list[dict[str, float]]] = {}
    for seed in range(given.seeds):
        for objective, config in configs.items():
            run_dir = given.folder / f"{objective}-{seed}"
            kept = run_dir / "result.json"
            if not kept.exists():
                train_run(replace(config, seed=seed), run_dir, resume=latest(run_dir) is not None)
                kept.write_text(json.dumps(judged(run_dir)))
            results.setdefault(objective, []).append(json.loads(kept.read_text()))
            (given.folder / "comparison.md").write_text(page(results))
    print(page(results))


if __name__ == "__main__":
    main()
