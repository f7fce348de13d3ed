"""Run a small study: every β with every seed, each run a folder, and one table over all.

python docs/examples/a_study.py --folder runs/study
"""

from pathlib import Path

import typer

from fastdis.evaluation.comparison import compare_runs, terminal_table
from fastdis.studies import Study, run_study


def main(
    folder: Path = Path("runs/study"), steps: int = 100, every: int = 997, seeds: int = 2
) -> list[dict[str, object]]:
    """Train and score the runs; return the rows of the table, and print it."""
    study = Study(
        title="β-VAE by β",
        base={"objective": "beta-vae", "model": "linear", "latents": 4, "steps": steps, "every": every},
        axes={"beta": [1.0, 8.0], "seed": list(range(seeds))},
        evaluate={"metrics": ["mig", "modularity"]},
    )
    statuses = run_study(study, folder, progress=False)
    table = compare_runs([folder / status.name for status in statuses])
    print(terminal_table(table))
    return list(table.rows)


if __name__ == "__main__":
    typer.run(main)
