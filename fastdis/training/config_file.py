"""The ``config.json`` of a run: how it is read, and which of its settings a resumed run must keep."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "config.json"
ABOUT = ("fastdis", "architecture", "data", "likelihood")  # facts to read a run by, not settings to keep
_MAY_CHANGE = (*ABOUT, "steps", "evaluate_every", "keep_checkpoints")
_OF_0_1 = {"settings", "warmup", "dataset", "every"}  # and no path: dataset was that of the official file
# settings that came later, as they were before
_LATER: dict[str, Any] = {"split": None, "without": {}, "evaluate_every": None, "keep_checkpoints": 2}
_NUMBER = re.compile(r"(?<![\w.])\d+(\.\d*)?(e[+-]?\d+)?(?![\w.])")


def read_config(run_dir: Path) -> dict[str, Any]:
    """Read the settings of a run; those of version 0.1, which knew all of dSprites alone, in today's form.

    Raises:
        FileNotFoundError: the folder has no ``config.json``.
        ValueError: it is not a JSON object.
    """
    path = run_dir / NAME
    if not path.exists():
        raise FileNotFoundError(f"{run_dir} is not the folder of a run: it has no {NAME}")
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON object ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} must be a JSON object, got {json.dumps(config)[:40]}")
    if config.keys() >= _OF_0_1 and "path" not in config:
        config |= {"dataset": "dsprites", "path": config["dataset"]}
    return _LATER | config if config.keys() >= _OF_0_1 else config


def as_json(settings: Mapping[str, Any]) -> str:
    """Write settings as JSON.

    Raises:
        TypeError: a value has no form in JSON.
        ValueError: a value is NaN or infinite, which JSON does not have.
    """
    try:
        return f"{json.dumps(settings, indent=2, allow_nan=False)}\n"
    except (TypeError, ValueError) as error:
        raise type(error)(f"fit: config must hold values that JSON has ({error})") from error


def require_same(run_dir: Path, settings: Mapping[str, Any]) -> None:
    """Require the settings of a resumed run to be those it began with.

    Raises:
        FileNotFoundError: the folder has no ``config.json``.
        ValueError: it is not a JSON object, or a setting has another value; all of those are named.
    """
    before = _flat(read_config(run_dir))
    now = _flat(json.loads(as_json(settings)))
    changed = [
        f"{name} was {_shown(before, name)}, got {_shown(now, name)}"
        for name in before | now
        if _comparable(name, before.get(name)) != _comparable(name, now.get(name))
    ]
    if changed:
        raise ValueError(
            f"fit: a resumed run must keep the settings of {run_dir / NAME}: {'; '.join(changed)}"
        )


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return repr(settings[name]) if name in settings else "absent"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings by their own names: ``settings.beta``."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if not prefix and name in _MAY_CHANGE:
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _comparable(name: str, value: object) -> object:
    """A setting as it is written today: 0.1 called LinearSchedule Linear, and kept integers as such."""
    if name != "objective" and not name.startswith("schedules."):
        return value
    renamed = re.sub(r"^Linear\(", "LinearSchedule(", str(value))
    return _NUMBER.sub(lambda number: repr(float(number[0])), renamed)
