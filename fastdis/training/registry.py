"""Objectives and models by the names that the command line and ``config.json`` give them.

What they are is declared where they are: `fastdis.losses.OBJECTIVES` and `fastdis.models.MODELS`.
"""

import inspect
from collections.abc import Hashable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from ..losses import OBJECTIVES, Objective
from ..models import MODELS, Model

__all__ = ["MODELS", "OBJECTIVES", "build", "require_known", "settings_of", "suits"]

_GIVEN = ("dataset_size", "latents")  # not settings: they follow from the data and the run


def suits(objective: str, model: str) -> bool:
    """Tell whether a model is of the kind that an objective trains: an AE has no noise, a GAN other networks.

    Example:
        >>> suits("beta-vae", "chen"), suits("ae", "chen"), suits("ae", "mlp-ae")
        (True, False, True)
    """
    return MODELS[model].kind == MODELS[OBJECTIVES[objective].model].kind


def settings_of(entry: Objective | Model) -> dict[str, Any]:
    """Return what can be set, with the defaults; ``inspect.Parameter.empty`` for what has none.

    Example:
        >>> settings_of(OBJECTIVES["factor-vae"])
        {'gamma': 35.0, 'likelihood': 'bernoulli'}
    """
    networks = entry.players if isinstance(entry, Objective) else ()  # of the players other than the model
    return {
        name: default
        for name, default in _arguments(cast(Hashable, entry.make))  # classes and functions are
        if name not in (*_GIVEN, *networks)
    }


@cache
def _arguments(make: Any) -> tuple[tuple[str, Any], ...]:
    """The arguments of a function and their defaults: a study of 1,800 runs asks 80,000 times."""
    parameters = inspect.signature(make).parameters.values()
    return tuple((parameter.name, parameter.default) for parameter in parameters)


def build(entry: Objective | Model, available: Mapping[str, Any]) -> Any:
    """Make the objective or model with those of the available arguments that it takes."""
    names = inspect.signature(entry.make).parameters
    return entry.make(**{name: available[name] for name in names if name in available})


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raise a ValueError that names the close matches, unless the name is one of those known."""
    known = list(known)
    if name not in known:
        close = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r}{hint}")
