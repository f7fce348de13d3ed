"""The settings of a run in plain values, as the command line takes them and ``config.json`` keeps them."""

import inspect
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import _checks
from ..data import FactorDataset, Pairs, dsprites
from ..models import VAE
from .batches import Images
from .config_file import NAME, read_config
from .registry import MODELS, OBJECTIVES, build, require_known, settings_of, suits
from .schedules import LinearSchedule, Schedule


@dataclass(frozen=True)
class RunConfig:
    """Say what is trained on what, and how; see `fit` for the last six.

    objective: one of OBJECTIVES.
    model: one of MODELS; by default Burgess's convolutions, in the form that suits the objective.
    settings: of the objective and of the model, by the names of their arguments; the rest have their
        defaults.
    warmup: over how many steps a setting of the objective, or learning_rate, rises from 0 to its value.
    latents: number of latents.
    dataset: the official dSprites file; None for the regenerated one.
    every: train on one image in this many, from the first.

    Raises:
        TypeError: a value is of another type.
        ValueError: an unknown objective, model or setting (the close matches are named), a setting that is
            needed and not given, a model that does not suit the objective, or a number out of range.
    """

    objective: str = "beta-tcvae"
    model: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    warmup: dict[str, int] = field(default_factory=dict)
    latents: int = 10
    dataset: str | None = None
    every: int = 1
    steps: int = 300_000
    batch_size: int = 64
    learning_rate: float = 1e-4
    precision: str = "float32"
    compile: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_types()
        require_known("objective", self.objective, OBJECTIVES)
        require_known("model", self._model, MODELS)
        if not suits(self.objective, self._model):
            suited = OBJECTIVES[self.objective].model
            raise ValueError(
                f"model must suit objective {self.objective!r}, as {suited!r} does, got {self._model!r}"
            )
        known = self._defaults()
        for name in self.settings:
            require_known(f"setting of {self.objective} on {self._model}", name, known)
        for name in self.warmup:
            require_known(f"warmup of {self.objective}", name, ["learning_rate", *self._of_objective()])
        missing = [
            name for name, value in (known | self.settings).items() if value is inspect.Parameter.empty
        ]
        if missing:
            raise ValueError(f"objective {self.objective!r} needs the setting {' and '.join(missing)}")
        if self.dataset is not None:
            object.__setattr__(self, "dataset", str(Path(self.dataset).absolute()))

    def _check_types(self) -> None:
        """Require every value to be of its type; NumPy's integers and floats become Python's."""
        values: dict[str, Any] = {
            name: _checks.integer("train", name, getattr(self, name))
            for name in ("latents", "every", "steps", "batch_size")
        }
        values["learning_rate"] = _checks.number("train", "learning_rate", self.learning_rate, above=0)
        values["seed"] = _checks.seed("train", self.seed)
        types: dict[str, tuple[type, ...]] = {
            "objective": (str,),
            "model": (str, NoneType),
            "settings": (dict,),
            "warmup": (dict,),
            "dataset": (str, Path, NoneType),
            "precision": (str,),
            "compile": (bool,),
        }
        for name, allowed in types.items():
            if not isinstance(getattr(self, name), allowed):
                words = " or ".join(kind.__name__ for kind in allowed)
                got = type(getattr(self, name)).__name__
                raise TypeError(f"train: {name} must be of type {words}, got {got}")
        values["warmup"] = {
            name: _checks.integer("train", f"warmup of {name}", steps) for name, steps in self.warmup.items()
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of_run(cls, run_dir: Path) -> "RunConfig":
        """Read the configuration in a run's ``config.json``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not JSON, was not written by `fastdis train`, or holds a value that cannot be.
        """
        config = read_config(run_dir)
        missing = [field.name for field in fields(cls) if field.name not in config]
        if missing:
            raise ValueError(
                f"{run_dir / NAME} has no {', '.join(map(repr, missing))}: only of runs started by "
                "`fastdis train` is all known"
            )
        try:
            return cls(**{field.name: config[field.name] for field in fields(cls)})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{run_dir / NAME}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return every value, those of settings that were left to their defaults too."""
        return asdict(self) | {"model": self._model, "settings": self._defaults() | self.settings}

    def title(self) -> str:
        """Name the objective and its numbers: ``beta-vae, beta 4``."""
        numbers = {
            name: value
            for name, value in (self._of_objective() | self.settings).items()
            if name in self._of_objective() and type(value) in (int, float)
        }
        return ", ".join([self.objective, *(f"{name} {value:g}" for name, value in numbers.items())])

    def subset(self) -> str:
        """Return what to add to the name of the data set, where it is not all of it."""
        return "" if self.every == 1 else f" (1 image in {self.every} of the grid)"

    def build_data(self) -> FactorDataset:
        """Build the data set: the images of all factor combinations, or one in ``every`` of them.

        Raises:
            ValueError: ``every`` is above the number of images, or the file is not what it should be.
        """
        data = dsprites(self.dataset)
        _checks.integer("train", "every", self.every, high=len(data))
        return data if self.every == 1 else data.subset(np.arange(0, len(data), self.every))

    def training_data(self, data: FactorDataset) -> Images:
        """Return the data set, or pairs of its images where the objective learns from pairs."""
        return Pairs(data, seed=self.seed) if OBJECTIVES[self.objective].pairs else data

    def build_model(self) -> VAE:
        """Build the model in the initial state that the seed gives it."""
        model: VAE = self._build(MODELS[self._model])
        return model

    def build_objective(self, dataset_size: int) -> nn.Module:
        """Build the objective for that many training images; its networks begin as the seed gives them."""
        objective: nn.Module = self._build(OBJECTIVES[self.objective], dataset_size=dataset_size)
        return objective

    def schedules(self, objective: nn.Module) -> dict[str, Schedule]:
        """Build the warm-ups, each to the value that the objective or this configuration has."""
        numbers = vars(objective) | {"learning_rate": self.learning_rate}
        return {name: LinearSchedule(0.0, numbers[name], steps) for name, steps in self.warmup.items()}

    def _build(self, entry: Any, **sizes: int) -> Any:
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            return build(entry, {"latents": self.latents, "channels": 1} | sizes | self.settings)

    @property
    def _model(self) -> str:
        return self.model or OBJECTIVES[self.objective].model

    def _of_objective(self) -> dict[str, Any]:
        return settings_of(OBJECTIVES[self.objective])

    def _defaults(self) -> dict[str, Any]:
        """All settings with the values they have unless they are given."""
        return settings_of(MODELS[self._model]) | self._of_objective() | {"channels": 1}
