"""The settings of a run under flat names, which of them differ between runs, and the names of runs."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

Settings: TypeAlias = Mapping[str, Any]
Item = TypeVar("Item")

# not settings of the model that comes out: the seed is what runs are averaged over
_NOT_COMPARED = ("fastdis", "likelihood", "seed", "evaluate_every", "keep_checkpoints")
_OF_FIT = ("architecture", "data", "schedules")  # `fastdis train` has settings of its own that say the same

# how strongly an objective presses for disentanglement, by the names of the command line
STRENGTHS = {
    "beta-vae": "beta",
    "annealed-vae": "capacity",
    "beta-tcvae": "beta",
    "factor-vae": "gamma",
    "dip-vae": "lambda_od",
    "hfvae": "beta",
    "ada-gvae": "beta",
    "ada-ml-vae": "beta",
    "sparse-ae": "weight",
}
_SUBSET = re.compile(r"\((?:1 image in|[\d,]+ of [\d,]+ images).*?\)")
_PART = re.compile(r"(\w+)=('[^']*'|\[[^\]]*\]|[^,()\s]+)")


def flat_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was trained and how, without the seed: ``config.json`` with its inner settings taken out.

    Of a run of `fit` the settings in the text of the objective, ``BetaVAE(beta=4.0)``, are settings too.

    Example:
        >>> config = {"objective": "beta-vae", "settings": {"beta": 4.0}, "warmup": {"beta": 100}, "seed": 3}
        >>> flat_settings(config)
        {'objective': 'beta-vae', 'beta': 4.0, 'warmup of beta': 100}
        >>> flat_settings({"objective": "BetaVAE(beta=4.0)", "steps": 9})
        {'objective': 'BetaVAE', 'beta': 4.0, 'steps': 9}
    """
    of_train = "settings" in config
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if name in _NOT_COMPARED or (of_train and name in _OF_FIT):
            continue
        if name == "settings":
            flat |= value
        elif name == "warmup":
            flat |= {f"warmup of {setting}": steps for setting, steps in value.items()}
        elif name == "objective" and not of_train:
            flat |= _of_text(str(value))
        elif isinstance(value, Mapping) and not of_train:
            flat |= _inner(value)
        else:
            flat[name] = value
    return flat


def _of_text(objective: str) -> dict[str, Any]:
    """The settings in the text of an objective, without its networks, which stand on lines of their own."""
    first = objective.partition("\n  (")[0]
    found: dict[str, Any] = {"objective": re.split(r"[^\w.]", first, maxsplit=1)[0]}
    for name, text in _PART.findall(first):
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text.strip("'")
    return found


def _inner(value: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, part in value.items():
        flat |= _inner(part) if isinstance(part, Mapping) else {name: part}
    return flat


def key_of(settings: Any) -> str:
    """Return a text that two settings, or two values of one, share exactly if they are equal."""
    return json.dumps(settings, sort_keys=True)


def differing(many: Iterable[Settings]) -> dict[str, list[Any]]:
    """Find the settings that differ between runs, with their values in rising order.

    Example:
        >>> differing([{"beta": 4.0, "steps": 9}, {"beta": 1.0, "steps": 9}, {"steps": 9}])
        {'beta': [1.0, 4.0, None]}
    """
    several = list(many)
    names = dict.fromkeys(name for settings in several for name in settings)
    values = {name: distinct(settings.get(name) for settings in several) for name in names}
    return {name: found for name, found in values.items() if len(found) > 1}


def distinct(values: Iterable[Any]) -> list[Any]:
    """Return the values, each once: numbers in rising order, then the others by their text, then None."""
    once = {json.dumps(value, sort_keys=True): value for value in values}

    def rank(value: Any) -> tuple[int, float, str]:
        if value is None:
            return 2, 0.0, ""
        return (0, float(value), "") if is_number(value) else (1, 0.0, str(value))

    return sorted(once.values(), key=rank)


def is_number(value: Any) -> bool:
    """Tell whether a setting is a number: an integer or a float, not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def strengths_of(many: Iterable[Settings]) -> dict[str, str | None]:
    """Find for each objective the setting that is its strength.

    It is the declared one, or, of an objective without, the one number of its settings that differs between
    its runs.

    Example:
        >>> strengths_of([{"objective": "beta-vae", "beta": 4.0}, {"objective": "vae", "latents": 5}])
        {'beta-vae': 'beta', 'vae': None}
    """
    return {objective: _strength(objective, group) for objective, group in by_objective(many).items()}


def by_objective(many: Iterable[Settings]) -> dict[str, list[Settings]]:
    """Put settings together that have one objective."""
    groups: dict[str, list[Settings]] = {}
    for settings in many:
        groups.setdefault(str(settings.get("objective")), []).append(settings)
    return groups


def _strength(objective: str, group: Sequence[Settings]) -> str | None:
    declared = STRENGTHS.get(objective)
    if any(declared in settings for settings in group):
        return declared
    varied = [
        name
        for name, values in differing(group).items()
        if all(is_number(value) for value in values) and name not in _GENERAL
    ]
    return varied[0] if len(varied) == 1 else None


_GENERAL = ("latents", "every", "steps", "batch_size", "learning_rate", "processes")


def in_order(items: Sequence[Item], settings_of: Callable[[Item], Settings]) -> list[Item]:
    """Sort what has settings: by objective, as they come, then by its strength, then by what else differs.

    Example:
        >>> several = [{"objective": "beta-vae", "beta": 10.0}, {"objective": "beta-vae", "beta": 4.0}]
        >>> [settings["beta"] for settings in in_order(several, lambda settings: settings)]
        [4.0, 10.0]
    """
    settings = [settings_of(item) for item in items]
    strengths = strengths_of(settings)
    objectives = list(strengths)
    values = {objective: differing(group) for objective, group in by_objective(settings).items()}
    places = {
        objective: {
            name: {key_of(value): place for place, value in enumerate(found)}
            for name, found in of_group.items()
        }
        for objective, of_group in values.items()
    }

    def place(index: int) -> list[int]:
        one = settings[index]
        objective = str(one.get("objective"))
        names = sorted(places[objective], key=lambda name: name != strengths[objective])
        return [
            objectives.index(objective),
            *(places[objective][name][key_of(one.get(name))] for name in names),
        ]

    return [items[index] for index in sorted(range(len(items)), key=place)]


def labels_of(many: Sequence[Settings]) -> list[str]:
    """Name settings by their objective, its strength and whatever else tells those of one objective apart.

    Example:
        >>> labels_of([{"objective": "beta-vae", "beta": 4.0}, {"objective": "vae"}])
        ['beta-vae, beta 4', 'vae']
        >>> labels_of([{"objective": "vae", "latents": 5}, {"objective": "vae", "latents": 10}])
        ['vae, latents 5', 'vae, latents 10']
    """
    strengths = strengths_of(many)
    varied = {objective: list(differing(group)) for objective, group in by_objective(many).items()}
    common = differing([{name: s.get(name) for name in ("dataset", "source", "model")} for s in many])
    labels = []
    for settings in many:
        objective = str(settings.get("objective"))
        names = dict.fromkeys(filter(None, [strengths[objective]]))
        names |= dict.fromkeys([*varied[objective], *(name for name in common if name != "model")])
        parts = [f"{name} {text_of(settings[name])}" for name in names if settings.get(name) is not None]
        labels.append(", ".join([objective, *parts]))
    return labels


def text_of(value: Any) -> str:
    """Write a setting: a number in its shortest form, a file without its folder.

    Example:
        >>> text_of(4.0), text_of("/data/mine.npz"), text_of(None)
        ('4', 'mine.npz', '-')
    """
    if value is None:
        return "-"
    if is_number(value):
        return f"{value:g}"
    text = str(value)
    return text.rsplit("/", 1)[-1] if text.startswith("/") else text


def short_data(source: str) -> str:
    """Name a data set in a few words: what stands before the first comma, and which part of it.

    Example:
        >>> short_data("dSprites, regenerated from its geometry (320 of 320 frames) (1 image in 60)")
        'dSprites (1 image in 60)'
    """
    return " ".join([source.partition(", ")[0].strip(), *_SUBSET.findall(source)])
