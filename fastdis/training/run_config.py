"""The settings of a run in plain values, as the command line takes them and ``config.json`` keeps them."""

import inspect
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from .. import _checks
from ..data import DATASETS, ImageDataset, Pairs, Simulator, load, open_data
from ..data.protocols import FactorData, Images
from ..data.registry import require_data
from ..data.registry import settings_of as settings_of_data
from ..models import VAE
from .config_file import NAME, read_config
from .registry import MODELS, OBJECTIVES, build, require_known, settings_of, suits
from .schedules import LinearSchedule, Schedule


@dataclass(frozen=True)
class RunConfig:
    """State what is trained on what, and how; `fit` explains the last eight.

    objective: one of OBJECTIVES.
    model: one of MODELS; by default Burgess's convolutions, in the form that suits the objective.
    settings: of the objective, of the model and of the data set's function (`load` for one's own), by the
        names of their arguments; the rest have their defaults. What the model has as many of as the images
        have, their channels, follows from them. An argument of the data set that has the name of one of the
        others is given as ``data.NAME``.
    warmup: over how many steps a setting of the objective, or learning_rate, rises from 0 to its value.
    latents: number of latents.
    dataset: one of `fastdis.data.DATASETS`, or the path of one's own file or folder.
    path: what a data set of that name is read from.
    every: keep one image in this many, from the first.
    split: train on that fraction of them, drawn with seed 0 whatever the run's own is, and hold out the rest.
    without: train without a combination of factors' values, as `fastdis.data.ImageDataset.without` takes it,
        and hold out the images that have it.

    Raises:
        TypeError: a value is of another type.
        ValueError: an unknown objective, model or setting (the close matches are named), a setting that is
            needed and not given, a model that does not suit the objective, a number out of range, or both
            split and without.
        FileNotFoundError: the data set is neither a name nor a file or folder; close matches are named.
    """

    objective: str = "beta-tcvae"
    model: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    warmup: dict[str, int] = field(default_factory=dict)
    latents: int = 10
    dataset: str = "dsprites"
    path: str | None = None
    every: int = 1
    split: float | None = None
    without: dict[str, Any] = field(default_factory=dict)
    steps: int = 300_000
    batch_size: int = 64
    learning_rate: float = 1e-4
    precision: str = "float32"
    compile: bool = False
    seed: int = 0
    evaluate_every: int | None = None
    keep_checkpoints: int | Literal["best", "all"] = 2

    def __post_init__(self) -> None:
        self._check_types()
        require_known("objective", self.objective, OBJECTIVES)
        require_known("model", self._model, MODELS)
        if not suits(self.objective, self._model):
            suited = OBJECTIVES[self.objective].model
            raise ValueError(
                f"model must suit objective {self.objective!r}, as {suited!r} does, got {self._model!r}"
            )
        if self.dataset not in DATASETS and not Path(self.dataset).is_absolute():
            require_data(self.dataset)  # an absolute path may be that of a run read elsewhere
            object.__setattr__(self, "dataset", str(Path(self.dataset).absolute()))
        if self.path is not None:
            object.__setattr__(self, "path", str(Path(self.path).absolute()))
        if isinstance(self.settings.get("factors"), str) and self.dataset not in DATASETS:
            labels = str(Path(self.settings["factors"]).absolute())
            object.__setattr__(self, "settings", self.settings | {"factors": labels})
        known, of_data = self.defaults(), self._of_data()
        whose = f"{self.objective} on {self._model}" + (f" and {self.dataset}" if of_data else "")
        for name in self.settings:
            require_known(f"setting of {whose}", name, known)
        for name in self.warmup:
            require_known(f"warmup of {self.objective}", name, ["learning_rate", *self._of_objective()])
        if self.split is not None and self.without:
            raise ValueError(
                f"train: split must be None where without names a combination, got {self.split:g} and "
                f"{self.without}"
            )
        missing = [
            name for name, value in (known | self.settings).items() if value is inspect.Parameter.empty
        ]
        if missing:
            of = f"data {self.dataset!r}" if missing[0] in of_data else f"objective {self.objective!r}"
            raise ValueError(f"{of} needs the setting {' and '.join(missing)}")

    def _check_types(self) -> None:
        """Require every value to be of its type; NumPy's integers and floats become Python's."""
        values: dict[str, Any] = {
            name: _checks.integer("train", name, getattr(self, name))
            for name in ("latents", "every", "steps", "batch_size")
        }
        values["learning_rate"] = _checks.number("train", "learning_rate", self.learning_rate, above=0)
        values["seed"] = _checks.seed("train", self.seed)
        if self.evaluate_every is not None:
            values["evaluate_every"] = _checks.integer("train", "evaluate_every", self.evaluate_every)
        if isinstance(self.keep_checkpoints, str):
            _checks.choice("train", "keep_checkpoints", self.keep_checkpoints, ("best", "all"))
        else:
            values["keep_checkpoints"] = _checks.integer("train", "keep_checkpoints", self.keep_checkpoints)
        if self.split is not None:
            values["split"] = _checks.number("train", "split", self.split, above=0, high=1)
        types: dict[str, tuple[type, ...]] = {
            "objective": (str,),
            "model": (str, NoneType),
            "settings": (dict,),
            "warmup": (dict,),
            "without": (dict,),
            "dataset": (str, Path),
            "path": (str, Path, NoneType),
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
        values["dataset"] = str(self.dataset)
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
        return asdict(self) | {"model": self._model, "settings": self.defaults() | self.settings}

    def defaults(self) -> dict[str, Any]:
        """Return all settings with the values that they have unless they are given."""
        of_data = {name: self._data_arguments()[ours] for name, ours in self._of_data().items()}
        return self._of_both() | of_data

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
        return "" if self.every == 1 else f" (1 image in {self.every})"

    def held_out(self) -> str:
        """Say which images the run was not trained on; empty where it was trained on all."""
        if self.split is not None:
            return f"{1 - self.split:.4g} of the images, drawn with seed 0"
        return ", ".join(f"{name} {value}" for name, value in self.without.items())

    def build_data(self) -> ImageDataset | Simulator:
        """Open the data set, or one in ``every`` of its images.

        Raises:
            FileNotFoundError: there is nothing at the path.
            TypeError, ValueError: ``every`` is above the number of images, the path is missing or
                superfluous, or the file is not what it should be.
        """
        given = {ours: self.settings[name] for name, ours in self._of_data().items() if name in self.settings}
        data = open_data(self.dataset, self.path, **given)
        _checks.integer("train", "every", self.every, high=len(data))
        return data if self.every == 1 else data.subset(np.arange(0, len(data), self.every))

    def sides(self, data: ImageDataset | Simulator) -> tuple[ImageDataset | Simulator, ...]:
        """Return the images to train on and, where some are held out, those.

        Raises:
            TypeError, ValueError: ``split`` would leave a side empty, or ``without`` names no factor, no
                class or no image of the data set.
        """
        if self.split is not None:
            return data.split(self.split)
        return (data.without(self.without), data.only(self.without)) if self.without else (data,)

    def fitted(self, data: FactorData) -> "RunConfig":
        """Return the configuration with the model's channels as the images have them.

        Raises:
            ValueError: the settings have other channels, or the model takes images of another size.
        """
        channels, *size = data.image_shape
        if self.settings.get("channels", channels) != channels:
            raise ValueError(
                f"train: channels must be the {channels} of the images of {self.dataset}, "
                f"got {self.settings['channels']}"
            )
        side = MODELS[self._model].side
        if size != [side, side]:
            scales = "size" in self._of_data() and not Path(self.dataset).is_file()
            scaled = f"; scale them with --set size={side}" if scales else ""
            raise ValueError(
                f"train: model {self._model!r} takes images of {side} x {side} pixels, but those of "
                f"{self.dataset} are {size[0]} x {size[1]}{scaled}"
            )
        return replace(self, settings=self.settings | {"channels": channels})

    def training_data(self, data: ImageDataset | Simulator) -> Images:
        """Return the data set, or pairs of its images where the objective learns from pairs.

        Raises:
            ValueError: it learns from pairs, and the data set's factors are not known, or `Pairs` finds no
                partner for an image.
        """
        if not OBJECTIVES[self.objective].pairs:
            return data
        if not data.factor_names:
            raise ValueError(
                f"train: objective {self.objective!r} learns from pairs of images that share factors, but "
                f"{self.dataset} has no known factors"
            )
        return Pairs(data, seed=self.seed)

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

    def _of_both(self) -> dict[str, Any]:
        """The settings of the model and of the objective."""
        return settings_of(MODELS[self._model]) | self._of_objective() | {"channels": 1}

    def _data_arguments(self) -> dict[str, Any]:
        entry = DATASETS.get(self.dataset)
        return settings_of_data(load) if entry is None else entry.settings

    def _of_data(self) -> dict[str, str]:
        """The arguments of the data set's function by the settings that are theirs."""
        others = self._of_both()
        return {f"data.{name}" if name in others else name: name for name in self._data_arguments()}
