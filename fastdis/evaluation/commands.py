"""The commands that make a run and its report again."""

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..training.registry import MODELS, OBJECTIVES, settings_of
from ..training.run_config import RunConfig

_OPTIONS = {"dataset": "--data"}  # where an option is not called like its field
_GIVEN = ("objective", "model", "dataset", "steps", "seed")  # said even where they have their defaults


def train_command(config: RunConfig, run_dir: str | Path) -> str:
    """Write the command that trains a run, without what has its default.

    Example:
        >>> print(train_command(RunConfig(objective="vae", steps=10, latents=5), "mine"))
        fastdis train mine --objective vae --model burgess --data dsprites --steps 10 --seed 0 --latents 5
    """
    values = config.to_dict()
    default = RunConfig()
    words = ["fastdis", "train", str(run_dir)]
    for name in (*_GIVEN, "path", "latents", "every", "batch_size", "learning_rate", "precision"):
        if name in _GIVEN or values[name] != getattr(default, name):
            words += [_OPTIONS.get(name, f"--{name.replace('_', '-')}"), str(values[name])]
    if config.compile:
        words.append("--compile")
    known = settings_of(OBJECTIVES[config.objective]) | settings_of(MODELS[values["model"]])
    for name, value in config.settings.items():
        if name not in known or known[name] != value:
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    for name, steps in config.warmup.items():
        words += ["--warmup", f"{name}={steps}"]
    return shlex.join(words)


def evaluate_command(target: Iterable[str], options: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    """Write the command that scores a run or a file, without what has its default.

    Example:
        >>> evaluate_command(["runs/mine"], {"metrics": ["mig", "sap"]}, default={"metrics": "all"})
        'fastdis evaluate runs/mine --metrics mig,sap'
        >>> evaluate_command(["runs/mine"], {"traverse": (-3.0, 3.0)}, default={"traverse": (-2.0, 2.0)})
        'fastdis evaluate runs/mine --traverse -3.0 3.0'
    """
    words = ["fastdis", "evaluate", *target]
    for name, value in options.items():
        if value != default[name]:
            words.append(f"--{name.replace('_', '-')}")
            several = not isinstance(value, str) and isinstance(value, Iterable)
            parts = [str(part) for part in value] if several else [str(value)]
            words += [",".join(parts)] if name == "metrics" else parts
    return shlex.join(words)
