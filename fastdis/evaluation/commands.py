"""The commands that make a run and its report again."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..training.run_config import RunConfig

_OPTIONS = {"dataset": "--data"}  # where an option is not called like its field
_GIVEN = ("objective", "model", "dataset", "steps", "seed")  # said even where they have their defaults
_PAIRS = {"settings": "--set", "warmup": "--warmup", "without": "--without"}  # NAME=VALUE, repeated


def train_command(config: RunConfig, run_dir: str | Path) -> str:
    """Write the command that trains a run, without what has its default.

    Example:
        >>> print(train_command(RunConfig(objective="vae", steps=10, latents=5), "mine"))
        fastdis train mine --objective vae --model burgess --data dsprites --steps 10 --seed 0 --latents 5
        >>> print(train_command(RunConfig(objective="vae", steps=10, split=0.9), "mine"))
        fastdis train mine --objective vae --model burgess --data dsprites --steps 10 --seed 0 --split 0.9
    """
    default, known = RunConfig(), config.defaults()
    values = config.to_dict() | {
        "settings": {name: value for name, value in config.settings.items() if known[name] != value}
    }
    words = ["fastdis", "train", str(run_dir)]
    for name in (*_GIVEN, *(field.name for field in fields(RunConfig) if field.name not in _GIVEN)):
        value = values[name]
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        if name in _PAIRS:
            for key, part in value.items():
                words += [_PAIRS[name], f"{key}={part if isinstance(part, str) else json.dumps(part)}"]
        elif name in _GIVEN or value != getattr(default, name):
            words += [option] if value is True else [option, str(value)]
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
