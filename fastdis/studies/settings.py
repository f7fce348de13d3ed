"""From the settings of one run, as a study names them, to its configuration."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..data import DATASETS, load, open_data
from ..data.registry import settings_of as settings_of_data
from ..training.presets import PRESETS
from ..training.registry import MODELS, OBJECTIVES, require_known, settings_of
from ..training.run_config import RunConfig
from .expressions import is_expression, names_in, value_of

FIELDS = tuple(field.name for field in fields(RunConfig) if field.name != "settings")
PRESET = "preset"
NUMBERS = "numbers"  # what expressions call the numbers in an image: channels x height x width


def described(settings: Mapping[str, Any]) -> str:
    """Write settings in a line: ``objective beta-vae, beta 4, seed 0``."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def configuration(
    settings: Mapping[str, Any], labels: Collection[str] = ()
) -> tuple[dict[str, Any], RunConfig]:
    """Build the configuration that settings name.

    Args:
        settings: by name, fields of `RunConfig`, "preset", labels, and settings of objective, model and data.
            Text that begins with an equals sign is computed from the other numbers.
        labels: names that say something of a run but set nothing.

    Returns:
        The settings with what was computed, and the configuration.

    Raises:
        TypeError, ValueError, FileNotFoundError: as `RunConfig`; the message begins with the settings.

    Example:
        >>> settings = {"objective": "beta-vae", "beta": "= latents / 5", "latents": 20}
        >>> configuration(settings)[0]
        {'objective': 'beta-vae', 'beta': 4, 'latents': 20}
    """
    try:
        given = _computed(dict(settings), labels)
        return given, _config({name: value for name, value in given.items() if name not in labels})
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise type(error)(f"study: run of {described(settings)}: {error}") from error


def of_data(dataset: str, names: Collection[str]) -> dict[str, str]:
    """Return those of the names that are settings of a data set, and its arguments of these names."""
    arguments = DATASETS[dataset].settings if dataset in DATASETS else settings_of_data(load)
    ours = {name: name.removeprefix("data.") for name in names}
    return {name: argument for name, argument in ours.items() if argument in arguments}


def _config(given: dict[str, Any]) -> RunConfig:
    preset = given.pop(PRESET, None)
    if preset is not None:
        require_known("preset", preset, PRESETS)
    base = RunConfig() if preset is None else PRESETS[preset]
    ours = {name: value for name, value in given.items() if name in FIELDS}
    theirs = {name: value for name, value in given.items() if name not in FIELDS}
    objective, model = ours.get("objective", base.objective), ours.get("model", base.model)
    require_known("objective", objective, OBJECTIVES)
    model = model or OBJECTIVES[objective].model
    require_known("model", model, MODELS)
    known = {*settings_of(OBJECTIVES[objective]), *settings_of(MODELS[model]), "channels"}
    known |= set(of_data(str(ours.get("dataset", base.dataset)), theirs))
    for name in theirs:
        if name not in known:
            require_known("setting", name, [PRESET, *FIELDS, *sorted(known)])
    return replace(base, **ours, settings={**base.settings, **theirs})


def _computed(given: dict[str, Any], labels: Collection[str]) -> dict[str, Any]:
    expressions = {name: value for name, value in given.items() if is_expression(value)}
    if not expressions:
        return given
    rest = {name: value for name, value in given.items() if name not in expressions}
    preset = rest.get(PRESET)
    base = PRESETS[preset] if preset in PRESETS else RunConfig()
    known = {name: getattr(base, name) for name in FIELDS} | base.settings | rest
    numbers = {name: value for name, value in known.items() if type(value) in (int, float)}
    if any(NUMBERS in names_in(expression) for expression in expressions.values()):
        numbers[NUMBERS] = _numbers_per_image(rest, labels)
    return given | {name: value_of(expression, numbers) for name, expression in expressions.items()}


def _numbers_per_image(rest: Mapping[str, Any], labels: Collection[str]) -> int:
    """Channels x height x width of the images that a run is trained on."""
    dataset, path = str(rest.get("dataset", RunConfig.dataset)), rest.get("path")
    names = of_data(dataset, [name for name in rest if name not in (*FIELDS, *labels)])
    given = {argument: rest[name] for name, argument in names.items()}
    key = repr([dataset, path, sorted(given.items())])
    if key not in _numbers:
        _numbers[key] = int(np.prod(open_data(dataset, path, **given).image_shape))
    return _numbers[key]


_numbers: dict[str, int] = {}  # by data set: opening one may take a second
