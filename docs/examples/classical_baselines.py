"""Take PCA and ICA as baselines: runs like any other, so that one table compares them with what was trained.

python docs/examples/classical_baselines.py --folder runs/baselines --every 101
fastdis baseline pca runs/pca --every 101 && fastdis evaluate runs/pca
"""

from pathlib import Path

import typer

import fastdis
from fastdis.evaluation import baseline, evaluate_run
from fastdis.evaluation.comparison import compare_runs, terminal_table

METRICS = ["mig", "factor_vae_score", "modularity"]


def main(
    folder: Path = Path("runs/baselines"), every: int = 997, latents: int = 10, methods: str = "pca,ica"
) -> dict[str, dict[str, float]]:
    """Write a run with its report for each method; return the scores, and print them side by side."""
    data = fastdis.data.dsprites().subset(slice(0, None, every))
    scores = {}
    for method in methods.split(","):
        baseline(method, data, folder / method, latents=latents, progress=False)
        report = evaluate_run(folder / method, data=data, metrics=METRICS, confidence=None, progress=False)
        scores[method] = {number["name"]: number["score"] for number in report.content["numbers"]}
    print(terminal_table(compare_runs([folder / method for method in scores])))
    return scores


if __name__ == "__main__":
    typer.run(main)
