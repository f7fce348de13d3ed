"""Train every preset for a while on this machine and write what became of it into training.md.

python benchmarks/train_presets.py build/presets --steps 2000 --minutes 4 --every 11

A preset that is done is not trained again, one that was interrupted goes on, and the page is written after
each: the same command continues where it was stopped. Rows of presets that the folder does not hold stay.
"""

import argparse
import json
import platform
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import fastdis
from fastdis import metrics, posterior
from fastdis.evaluation.encoded_run import encoded_run
from fastdis.training.checkpoint_file import latest, step_of
from fastdis.training.presets import PRESETS
from fastdis.training.run_config import RunConfig
from fastdis.training.train import train_run

PAGE = Path(__file__).resolve().parent / "training.md"
MAX_PAIRS = 4e9  # of the exact decomposition; where more are needed it samples the images
ON_DSPRITES = [name for name, config in PRESETS.items() if config.dataset == "dsprites"]
IN_STEPS = {  # settings of objectives
    "annealed-vae": ("iterations",),
    "per-latent-capacity-vae": ("iterations",),
    "adaptive-capacity-vae": ("iterations", "patience"),
    "stacked-denoising-ae": ("pretraining",),
}
POINTS = ("ae", "infogan")  # an autoencoder's codes have no density, a GAN's q(z|x) is not trained to be one


def shortened(config: RunConfig, changes: dict[str, Any]) -> RunConfig:
    """With fewer steps, of which what a setting counts in steps takes the same share."""
    whole, settings = config.to_dict()["settings"], dict(config.settings)
    for name in IN_STEPS.get(config.objective, ()):
        settings[name] = max(1, whole[name] * changes["steps"] // config.steps)
    return replace(config, settings=settings, **changes)


def judged(config: RunConfig, run: Path) -> dict[str, Any]:
    """What the page says of a trained run: the log's last line, and scores of every image's code."""
    encoded = encoded_run(run)
    mean, logvar = encoded.codes
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    result = {
        "steps": step_of(latest(run)),
        "learning_rate": config.learning_rate,
        "images": len(mean),
        "reconstruction": last.get("reconstruction"),
        "mig": metrics.mig(mean, encoded.data.factors(slice(None))).score,
    }
    if not config.to_dict()["model"].endswith(POINTS):
        parts = posterior.decompose(mean, logvar, queries="auto", max_pairs=MAX_PAIRS)
        result |= {
            "kl": parts.kl,
            "total_correlation": parts.total_correlation,
            "total_correlation_error": parts.total_correlation_error,
        }
    return result


def rows_of(page: str) -> dict[str, str]:
    """Return the rows of a page by the presets they are of."""
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line[:2] == "| "}
    return {name: rows[name] for name in PRESETS if name in rows}


def page(results: dict[str, dict[str, Any]], configs: dict[str, RunConfig], before: str = "") -> str:
    lines = [
        "# Every preset, for a while",
        "",
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
        f"PyTorch {torch.__version__}, fastdis {fastdis.__version__}. Written by "
        "`python benchmarks/train_presets.py`.",
        "",
        "Runs far shorter than the papers': they show that every objective trains, not what it reaches. All",
        "in nats. Reconstruction is the loss's own term, the mean over the log's last line; KL and total",
        "correlation (± the standard error of its samples) are exact, with q(z) over all images; MIG is of",
        "the codes of all images. Autoencoders have no densities, and a GAN reconstructs nothing. The",
        "discriminator of FactorVAE learns at 0.0001 whatever the model's rate, as in its paper. A run with",
        "fewer steps than the others ended with its minutes.",
        "",
        "| preset | objective | steps | Adam at | reconstruction | KL | total correlation | MIG |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = rows_of(before)
    for name, result in results.items():
        correlation = ""
        if "total_correlation" in result:
            correlation = f"{result['total_correlation']:.3f} ± {result['total_correlation_error']:.3f}"
        cells = (
            name,
            configs[name].title(),
            f"{result['steps']:,}",
            f"{result['learning_rate']:g}",
            "" if result["reconstruction"] is None else f"{result['reconstruction']:.1f}",
            f"{result['kl']:.2f}" if "kl" in result else "",
            correlation,
            f"{result['mig']:.3f}",
        )
        rows[name] = f"| {' | '.join(cells)} |"
    lines += [rows[name] for name in PRESETS if name in rows]
    images = {result["images"] for result in results.values()}
    lines += ["", f"{' or '.join(f'{count:,}' for count in sorted(images))} images of dSprites."]
    return "\n".join(lines) + "\n"


def main() -> None:
    warnings.filterwarnings("ignore", "mig: factors column 0 is constant")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs go")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--minutes", type=float, help="an end to each preset's training before its steps")
    parser.add_argument("--every", type=int, default=11, help="train and score on one image in so many")
    parser.add_argument("--learning-rate", type=float, help="instead of the presets' own")
    parser.add_argument("--presets", nargs="+", choices=ON_DSPRITES, default=ON_DSPRITES, metavar="NAME")
    given = parser.parse_args()

    changes = {"steps": given.steps, "every": given.every}
    if given.learning_rate is not None:
        changes["learning_rate"] = given.learning_rate
    configs = {name: shortened(config, changes) for name, config in PRESETS.items()}
    for name in given.presets:
        run = given.folder / name
        if not (run / "result.json").exists():
            train_run(configs[name], run, resume=latest(run) is not None, minutes=given.minutes)
            (run / "result.json").write_text(json.dumps(judged(configs[name], run)) + "\n")
        results = {
            name: json.loads((given.folder / name / "result.json").read_text())
            for name in PRESETS
            if (given.folder / name / "result.json").exists()
        }
        PAGE.write_text(page(results, configs, PAGE.read_text() if PAGE.exists() else ""))
        print(f"{name}: {results[name]}", flush=True)


if __name__ == "__main__":
    main()
