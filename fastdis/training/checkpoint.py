"""Checkpoints: all that a run needs to continue with the same bits.

Tensors are named ``model.<name>``, ``objective.<name>``, ``optimizer.<player>.<parameter>.<name>``,
``sums.<term>`` (the log's running sums) and ``generator.<process>.<device>``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..models._layers import of_today
from ..models.device import device_of
from .checkpoint_file import damaged, latest, path_at, read_file, write_file
from .distributed import gathered, mean, on_first, rank
from .train_state import TrainState


def write_checkpoint(
    run_dir: Path,
    state: TrainState,
    model: nn.Module,
    objective: nn.Module,
    optimizers: Mapping[str, Optimizer],
    before: Path | None,
    keep: int | Literal["all"] = 2,
    best: Path | None = None,
) -> Path:
    """Write a checkpoint, and remove those that are kept no longer. Of several processes the first writes.

    before, keep, best: as for `fastdis.training.checkpoint_file.write_file`.

    Raises:
        OSError: it cannot be written; the ones before it are untouched.
    """
    states = {player: optimizer.state_dict() for player, optimizer in optimizers.items()}
    tensors = _prefixed("model", model.state_dict()) | _prefixed("objective", objective.state_dict())
    for player, of_player in states.items():
        for index, values in of_player["state"].items():
            tensors |= _prefixed(f"optimizer.{player}.{index}", values)
    if state.sums is not None:
        state.sums = mean(state.sums)
        tensors |= _prefixed("sums", dict(zip(state.names, state.sums, strict=True)))
    for process, generators in enumerate(gathered(_generators(model))):
        tensors |= _prefixed(f"generator.{process}", generators)
    values = {
        "step": state.step,
        "drawn": state.drawn,
        "seconds": state.seconds,
        "logged": state.logged,
        "terms": [] if state.sums is None else state.names,
        "param_groups": {player: of_player["param_groups"] for player, of_player in states.items()},
    }
    path = path_at(run_dir, state.step)
    on_first(lambda: write_file(path, before, tensors, values, keep, best))
    return path


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found whole, before anything is set to what it says."""

    path: Path
    state: TrainState
    tensors: dict[str, Tensor]
    param_groups: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Read a file.

        Raises:
            OSError: it cannot be read.
            ValueError: it is damaged.
        """
        tensors, values = read_file(path)
        try:
            sums = {name: tensors[f"sums.{name}"] for name in values["terms"]}
            state = TrainState(
                step=int(values["step"]),
                drawn=int(values["drawn"]),
                seconds=float(values["seconds"]),
                logged=int(values["logged"]),
                names=tuple(sums),
                sums=torch.stack(list(sums.values())) if sums else None,
            )
            return cls(path, state, tensors, dict(values["param_groups"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # possible without a checksum alone
            raise damaged(path, f"its metadata does not describe a run: {error}") from error

    def restore(
        self, model: nn.Module, objective: nn.Module, optimizers: Mapping[str, Optimizer]
    ) -> TrainState:
        """Set weights, optimisers and torch's default generators to what they were; return the run's state.

        Raises:
            ValueError: the checkpoint is of another architecture or has other optimisers; nothing is changed
                then.
        """
        _require_same(self.path, "model", model, self.tensors)
        _require_same(self.path, "objective", objective, self.tensors)
        there = {player: _sizes(groups) for player, groups in self.param_groups.items()}
        here = {player: _sizes(optimizer.param_groups) for player, optimizer in optimizers.items()}
        if there != here:
            raise ValueError(
                f"{self.path} has other optimisers: groups of parameters {there} there and {here} here"
            )
        generators = _within(f"generator.{rank()}", self.tensors)
        if "cpu" not in generators:
            raise damaged(self.path, f"it lacks the random state of process {rank()}")
        model.load_state_dict(_within("model", self.tensors))
        objective.load_state_dict(_within("objective", self.tensors))
        for player, optimizer in optimizers.items():
            state = _optimizer_state(optimizer, _within(f"optimizer.{player}", self.tensors))
            optimizer.load_state_dict({"state": state, "param_groups": self.param_groups[player]})
        _set_generators(model, generators)
        if self.state.sums is not None:
            self.state.sums = self.state.sums.to(device_of(model))
        return self.state


def load_weights(run_dir: str | Path, model: nn.Module) -> Path:
    """Load the weights of a run's newest checkpoint into a model of the same architecture.

    Returns:
        The checkpoint's path.

    Raises:
        FileNotFoundError: the folder holds no checkpoint.
        ValueError: the checkpoint is damaged, or of another architecture; the model is unchanged then.

    Example:
        >>> import tempfile, torch, fastdis
        >>> model, images = fastdis.models.burgess_vae(latents=2), torch.rand(8, 1, 64, 64)
        >>> with tempfile.TemporaryDirectory() as run_dir:
        ...     log = fastdis.training.fit(
        ...         model,
        ...         fastdis.losses.BetaVAE(),
        ...         images,
        ...         steps=1,
        ...         batch_size=4,
        ...         run_dir=run_dir,
        ...         progress=False,
        ...     )
        ...     load_weights(run_dir, fastdis.models.burgess_vae(latents=2)).name
        'checkpoint-00000001.safetensors'
    """
    path = latest(Path(run_dir))
    if path is None:
        raise FileNotFoundError(f"load_weights: run_dir must hold a checkpoint, got {run_dir} with none")
    tensors, _ = read_file(path)
    _require_same(path, "model", model, tensors)
    model.load_state_dict(_within("model", tensors))
    return path


def _optimizer_state(optimizer: Optimizer, tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        index: {
            # in the parameter's own memory format, so that the arithmetic takes the same path
            name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
            for name, value in _within(str(index), tensors).items()
        }
        for index, parameter in enumerate(parameters)
    }


def _sizes(groups: list[dict[str, Any]]) -> list[int]:
    return [len(group["params"]) for group in groups]


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _within(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, by the rest of their names."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _require_same(path: Path, name: str, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Require a checkpoint's tensors of a module to have the names and shapes of the module's."""
    there, here = of_today(module, _within(name, tensors)), module.state_dict()
    for key in sorted(there.keys() | here.keys()):
        shapes = [str(tuple(state[key].shape)) if key in state else "absent" for state in (there, here)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{path} is of another architecture: {name}.{key} is {shapes[0]} there and {shapes[1]} here"
            )


def _generators(model: nn.Module) -> dict[str, Tensor]:
    device = device_of(model)
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state(device)
    return states


def _set_generators(model: nn.Module, states: dict[str, Tensor]) -> None:
    device = device_of(model)
    torch.set_rng_state(states["cpu"])
    if device.type in states and device.type != "cpu":
        torch.get_device_module(device).set_rng_state(states[device.type], device)
