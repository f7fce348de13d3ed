"""Draw the README's picture: the traversals of a run beside its scores.

fastdis demo
python docs/assets/demo_picture.py runs/demo docs/assets/demo.png
"""

import json
from pathlib import Path

import typer
from matplotlib.figure import Figure
from matplotlib.image import imread

SHOWN = {
    "mig": "MIG",
    "dci": "DCI disentanglement",
    "sap": "SAP",
    "modularity": "modularity",
    "factor_vae_score": "FactorVAE score",
    "beta_vae_score": "BetaVAE score",
    "index_code_mi": "mutual information",
    "total_correlation": "total correlation",
    "dimwise_kl": "dimension-wise KL",
}


def main(run: Path, picture: Path) -> None:
    """Read RUN/traversals.png and RUN/metrics.json; write PICTURE."""
    numbers = json.loads((run / "metrics.json").read_text())["numbers"]
    first = {number["name"]: number for number in reversed(numbers)}  # of all images, where there are two
    rows = []
    for name, title in SHOWN.items():
        number = first[name]
        value = f"{number['score']:.2f} {number.get('unit') or ''}".strip()
        rows.append([title, value, f"{number['samples']:,}"])
    image = imread(run / "traversals.png")
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    left.imshow(image)
    left.set_axis_off()
    right.set_axis_off()
    table = right.table(rows, colLabels=["", "", "images"], cellLoc="left", loc="center", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.6)
    table.auto_set_column_width([0, 1, 2])
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    typer.run(main)
