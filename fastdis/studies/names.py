"""The name of a run: its settings, readable, and a digest of all of them."""

import hashlib
import json
import re
from dataclasses import fields
from typing import Any

from ..training.registry import MODELS, OBJECTIVES, settings_of
from ..training.run_config import RunConfig

_DEFAULT = RunConfig()
_OTHERWISE = ("objective", "seed", "model", "settings", "keep_checkpoints")  # the last changes no result
_LONGEST = 120  # characters of the readable part


def run_name(config: RunConfig) -> str:
    """Name a run by the numbers of its objective, what else is not the default, its seed, and a digest.

    The name is a function of the configuration alone: it stays what it is when a study gets other axes, and
    two different configurations have different names.

    Example:
        >>> run_name(RunConfig("beta-vae", latents=5))
        'beta-vae,latents=5,beta=4,seed=0,e0cadb0c'
    """
    given = distinct(config)
    changed = given.pop("settings", {})
    objective, seed = given.pop("objective"), given.pop("seed")
    given.pop("path", None)
    numbers = {
        name: _plain(config.settings.get(name, default))
        for name, default in settings_of(OBJECTIVES[objective]).items()
        if type(config.settings.get(name, default)) in (int, float)
    }
    words = [f"{name}={_word(name, value)}" for name, value in (given | numbers | changed).items()]
    readable = ",".join([objective, *words])[:_LONGEST]
    return f"{readable},seed={seed},{digest(config)}"


def digest(config: RunConfig) -> str:
    """Return eight hexadecimal digits of the settings that are not the defaults."""
    text = json.dumps(distinct(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def distinct(config: RunConfig) -> dict[str, Any]:
    """Return objective, seed and what is not as it is by default; whole numbers as integers."""
    default, ours = _DEFAULT, config.to_dict()
    usual = OBJECTIVES[config.objective].model
    of_model = settings_of(MODELS[ours["model"]]) | settings_of(OBJECTIVES[config.objective])
    kept: dict[str, Any] = {"objective": config.objective, "seed": config.seed}
    if ours["model"] != usual:
        kept["model"] = ours["model"]
    for name in (field.name for field in fields(RunConfig) if field.name not in _OTHERWISE):
        if getattr(config, name) != getattr(default, name):
            kept[name] = getattr(config, name)
    settings = {
        name: _plain(value)
        for name, value in config.settings.items()
        if name not in of_model or _plain(value) != _plain(of_model[name])
    }
    if settings:
        kept["settings"] = settings
    return {name: _plain(value) for name, value in kept.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    return value


def _word(name: str, value: Any) -> str:
    if name == "dataset":
        value = str(value).rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    if isinstance(value, float):
        value = f"{value:g}"
    if isinstance(value, dict):
        value = "-".join(f"{key}-{part}" for key, part in value.items())
    if isinstance(value, list):
        value = "-".join(map(str, value))
    return re.sub(r"[^\w.+-]+", "-", str(value)).strip("-")
