"""Folders of runs as comparisons read them: small JSON files with made-up numbers, no models."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

STRENGTHS: Mapping[str, tuple[str, Sequence[float]]] = {
    "beta-vae": ("beta", (1.0, 4.0, 16.0)),
    "beta-tcvae": ("beta", (1.0, 4.0, 10.0)),
    "factor-vae": ("gamma", (10.0, 35.0, 100.0)),
    "dip-vae": ("lambda_od", (1.0, 10.0, 50.0)),
}
# at the three strengths: what the scores of an objective rise to, and what reconstruction it pays
_HEIGHT = {"beta-vae": 0.24, "beta-tcvae": 0.38, "factor-vae": 0.36, "dip-vae": 0.2}
_COST = {"beta-vae": 70.0, "beta-tcvae": 45.0, "factor-vae": 15.0, "dip-vae": 10.0}
_LEVEL = {"beta_vae_score": 0.65, "factor_vae_score": 0.5, "modularity": 0.8, "irs": 0.45, "sap": 0.02}
_SLOPE = {"mig": 1.0, "dci": 1.2, "factor_vae_score": 0.9, "beta_vae_score": 0.6, "sap": 0.2, "irs": 0.3}


def config(
    objective: str = "beta-vae", *, seed: int = 0, steps: int = 5000, **changed: Any
) -> dict[str, Any]:
    """What `fastdis train` writes into ``config.json``; unknown names become settings of the objective."""
    settings = {"likelihood": "bernoulli", "channels": 1}
    content: dict[str, Any] = {
        "fastdis": "0.2",
        "model": "burgess",
        "objective": objective,
        "steps": steps,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "seed": seed,
        "latents": 10,
        "dataset": "dsprites",
        "warmup": {},
    }
    for name, value in changed.items():
        (content if name in content else settings)[name] = value
    return content | {"settings": settings}


def number(name: str, score: float | None, samples: int = 737_280, **parts: Any) -> dict[str, Any]:
    """One number of ``metrics.json``."""
    return {"name": name, "score": score, "samples": samples, "seed": None, "definition": f"{name}.", **parts}


def write_run(
    folder: Path,
    settings: Mapping[str, Any],
    numbers: Sequence[Mapping[str, Any]] | None = (),
    *,
    step: int | None = None,
    data: str = "dSprites, made up",
) -> Path:
    """Write the files of a run; ``metrics.json`` unless numbers is None."""
    folder.mkdir(parents=True, exist_ok=True)
    done = settings["steps"] if step is None else step
    (folder / "config.json").write_text(json.dumps(settings))
    rows = [{"step": at, "seconds": 0.03 * at, "total": 200 - 20 * at / done} for at in (1, done)]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    if numbers is not None:
        content = {
            "checkpoint": f"checkpoint-{done:08d}.safetensors",
            "data": data,
            "images": 737_280,
            "numbers": list(numbers),
        }
        (folder / "metrics.json").write_text(json.dumps(content))
    return folder


def write_study(
    folder: Path,
    *,
    seeds: int = 3,
    pictures: bool = False,
    strengths: Any = STRENGTHS,
    only: Sequence[str] | None = None,
    **changed: Any,
) -> list[Path]:
    """Write runs of several objectives at several strengths and seeds, with plausible numbers, or some."""
    runs = []
    for objective, (name, values) in strengths.items():
        for level, value in enumerate(values):
            for seed in range(seeds):
                generator = np.random.default_rng((len(runs), seed))
                settings = config(objective, seed=seed, steps=300_000, **{name: value}, **changed)
                run = folder / f"{objective}-{name}-{value:g}-seed-{seed}"
                numbers = _numbers(objective, level, generator)
                write_run(run, settings, [one for one in numbers if not only or one["name"] in only])
                _write_scores(run, 300_000, generator)
                if pictures:
                    _write_pictures(run, f"{objective}, {name} {value:g}, seed {seed}", generator)
                runs.append(run)
    return runs


def _numbers(objective: str, level: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    # between a tangled model and the best of its kind; the seed moves it as much as the objective does
    found = np.clip(
        _HEIGHT[objective] * (0.4, 1.0, 0.8)[level] + 0.06 * generator.standard_normal(), 0.01, 0.9
    )
    cost = _COST[objective] * level / 2 + 2 * generator.random() + 5 * found
    capacity = np.clip(0.3 + 0.5 * found + 0.05 * generator.standard_normal(), 0, 1)
    numbers = []
    names = ("mig", "modularity", "dci", "sap", "factor_vae_score", "beta_vae_score", "irs", "udr")
    for name in names:
        noise = 0.03 * generator.standard_normal()
        score = float(np.clip(_LEVEL.get(name, 0.02) + _SLOPE.get(name, 0.2) * found + noise, 0, 1))
        samples = 10_000 if name == "dci" else 737_280
        interval = {"low": score - 0.01, "high": score + 0.01, "confidence": 0.95, "exact": False}
        numbers.append(number(name, score, samples, interval=interval if "vae_score" in name else None))
    numbers.append(number("mig", numbers[0]["score"] + 0.01, 10_000))
    accuracy = np.clip(capacity * np.array([0.4, 0.7, 0.9, 1.0]), 0, 1)
    for name in ("downstream_gbt", "downstream_logistic"):
        own = np.clip(accuracy + 0.04 * generator.standard_normal(4), 0.05, 1).tolist()
        parts = {"labels": [10, 100, 1000, 10_000], "accuracy": own, "efficiency": own[1] / own[3]}
        numbers.append(number(name, own[3], 10_000, **parts))
    kl = 25 - 10 * level * found
    numbers += [
        number("kl", float(kl), unit="nats", per_latent=[kl / 10] * 10),
        number("index_code_mi", float(13.5 - 2 * level * found), unit="nats"),
        number("total_correlation", float(3 - 2 * found - 0.5 * level + generator.random()), unit="nats"),
        number("dimwise_kl", float(6 + generator.random()), unit="nats"),
        number("reconstruction", float(20 + cost), 10_000, unit="nats"),
        number("explicitness", None, reason="explicitness: not asked for in this study"),
    ]
    return numbers


def _write_scores(run: Path, steps: int, generator: np.random.Generator) -> None:
    content = json.loads((run / "metrics.json").read_text())["numbers"]
    last = {one["name"]: one["score"] for one in content if one["name"] in ("mig", "factor_vae_score")}
    rows = [
        {"step": step, "seconds": 0.03 * step}
        | {
            name: score * (1 - np.exp(-4 * step / steps)) + 0.03 * generator.random()
            for name, score in last.items()
        }
        for step in range(steps // 10, steps + 1, steps // 10)
    ]
    (run / "scores.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def _write_pictures(run: Path, title: str, generator: np.random.Generator) -> None:
    for name, rows in {"traversals": 6, "reconstructions": 3}.items():
        figure = Figure(figsize=(8, 0.7 * rows + 0.4))
        axes = figure.subplots()
        pixels = np.zeros((rows * 64, 9 * 64))
        for row, column in np.ndindex(rows, 9):
            x, y = 64 * column + 20 + 3 * column * (row % 2), 64 * row + 20 + int(10 * generator.random())
            pixels[y : y + 16, x : x + 16] = 1
        axes.imshow(pixels, cmap="gray")
        axes.set_axis_off()
        axes.set_title(title, loc="left")
        figure.savefig(run / f"{name}.png", dpi=120)
