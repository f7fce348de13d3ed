"""The settings of a run in plain values, as the command line takes them and ``config.json`` keeps them."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import losses
from ..data import FactorDataset, dsprites
from ..models import VAE, burgess_vae

OBJECTIVES = ("beta-tcvae", "beta-vae", "vae")
_BETA = {"beta-tcvae": 6.0, "beta-vae": 4.0}


@dataclass(frozen=True)
class Recipe:
    """What is trained on what, and how; see `fit` for the last four.

    objective: one of OBJECTIVES, for a VAE with the Burgess encoder and decoder.
    beta: the weight of its penalty; by default 6 for beta-tcvae and 4 for beta-vae, and vae has none.
    latents: number of latents.
    dataset: the official dSprites file; None for the regenerated one.
    every: use every so manieth image only, from the first.

    Raises:
        ValueError: an unknown objective, a beta for vae, or every below 1.
    """

    objective: str = "beta-tcvae"
    beta: float | None = None
    latents: int = 10
    dataset: str | None = None
    every: int = 1
    steps: int = 300_000
    batch_size: int = 64
    learning_rate: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {self.objective!r}")
        if self.objective not in _BETA and self.beta is not None:
            raise ValueError(f"beta must be left out for objective {self.objective!r}, got {self.beta}")
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")
        if self.beta is None:
            object.__setattr__(self, "beta", _BETA.get(self.objective))
        if self.dataset is not None:
            object.__setattr__(self, "dataset", str(Path(self.dataset).absolute()))

    @classmethod
    def of_run(cls, run_dir: Path) -> "Recipe":
        """The recipe in a run's ``config.json``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not JSON, or was not written from a recipe.
        """
        path = run_dir / "config.json"
        if not path.exists():
            raise FileNotFoundError(f"{run_dir} is not the folder of a run: it has no config.json")
        try:
            config = json.loads(path.read_text())
            return cls(**{field.name: config[field.name] for field in fields(cls)})
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} must be a JSON object ({error})") from error
        except KeyError as error:
            raise ValueError(
                f"{path} has no {error}: only of runs started by `fastdis train` is the model known"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def subset(self) -> str:
        """What to add to the name of the data set, where it is not all of it."""
        return "" if self.every == 1 else f" (1 image in {self.every} of the grid)"

    def build_data(self) -> FactorDataset:
        """The images of every factor combination, or every so manieth of them."""
        data = dsprites(self.dataset)
        return data if self.every == 1 else data.subset(np.arange(0, len(data), self.every))

    def build_model(self) -> VAE:
        """A model in the initial state that the seed gives it."""
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            return burgess_vae(self.latents)

    def build_objective(self, dataset_size: int) -> nn.Module:
        """The objective, for that many training images."""
        if self.beta is None:
            return losses.VAE()
        if self.objective == "beta-vae":
            return losses.BetaVAE(self.beta)
        return losses.BetaTCVAE(dataset_size, beta=self.beta)
