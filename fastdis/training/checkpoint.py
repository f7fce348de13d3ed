"""Checkpoints: all that a run needs to go on to the same bits, in one safetensors file.

Tensors are named ``model.<name>``, ``objective.<name>``, ``optimizer.<parameter>.<name>``, ``sums.<term>``
(the log's running sums) and ``generator.<device>``; the rest is JSON in the file's metadata.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..data.atomic import atomic_write

_KEPT = 2


@dataclass
class Position:
    """How far a run has come."""

    step: int = 0  # optimisation steps done, and batches drawn
    seconds: float = 0.0  # spent in them
    logged: int = 0  # the step of the log's last line
    sums: dict[str, Tensor] = field(default_factory=dict)  # of each loss term in the steps since

    def advance(self, terms: dict[str, Tensor], seconds: float) -> None:
        """Count one step with its loss terms."""
        self.step += 1
        self.seconds += seconds
        for name, value in terms.items():
            value = value.double()
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def means(self) -> dict[str, float]:
        """A line of the log: the means of the terms since the line before."""
        count = self.step - self.logged
        row = {"step": self.step, "seconds": round(self.seconds, 3)}
        row |= {name: value.item() / count for name, value in self.sums.items()}
        self.logged = self.step
        self.sums = {}
        return row


def latest(run_dir: Path) -> Path | None:
    """The newest checkpoint of a run, if there is one."""
    return max(run_dir.glob("checkpoint-*.safetensors"), default=None)


def write_checkpoint(
    run_dir: Path,
    position: Position,
    model: nn.Module,
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> Path:
    """Write a checkpoint, then drop all but the newest two.

    Raises:
        OSError: it cannot be written; the ones before it are untouched.
    """
    state = optimizer.state_dict()
    tensors = _named("model", model.state_dict()) | _named("objective", objective.state_dict())
    for index, values in state["state"].items():
        tensors |= _named(f"optimizer.{index}", values)
    tensors |= _named("sums", position.sums) | _named("generator", _generators(model))
    # each in memory of its own: safetensors refuses tensors that share it, as tied weights do
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    metadata = {
        "step": json.dumps(position.step),
        "seconds": json.dumps(position.seconds),
        "logged": json.dumps(position.logged),
        "param_groups": json.dumps(state["param_groups"]),
    }
    path = run_dir / f"checkpoint-{position.step:08d}.safetensors"
    before = latest(run_dir)
    try:
        with atomic_write(path) as file:
            file.write(save(tensors, metadata))
    except OSError as error:
        kept = f"the last good checkpoint is {before}" if before else "there is no earlier checkpoint"
        raise OSError(error.errno, f"{error.strerror}; {kept}", str(path)) from error
    for old in sorted(run_dir.glob("checkpoint-*.safetensors"))[:-_KEPT]:
        old.unlink()
    return path


def read_checkpoint(
    path: Path, model: nn.Module, objective: nn.Module, optimizer: torch.optim.Optimizer
) -> Position:
    """Put everything back to where it was when the checkpoint was written, torch's default generators too.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or was written for another architecture.
    """
    tensors, metadata = _read(path)
    _load(path, "model", model, tensors)
    _load(path, "objective", objective, tensors)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {}
    for index, parameter in enumerate(parameters):
        values = _without(f"optimizer.{index}", tensors)
        state[index] = {
            # in the parameter's own memory format, so that the arithmetic takes the same path
            name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
            for name, value in values.items()
        }
    optimizer.load_state_dict({"state": state, "param_groups": json.loads(metadata["param_groups"])})
    _set_generators(model, _without("generator", tensors))
    return Position(
        step=json.loads(metadata["step"]),
        seconds=json.loads(metadata["seconds"]),
        logged=json.loads(metadata["logged"]),
        sums={name: value.to(device_of(model)) for name, value in _without("sums", tensors).items()},
    )


def load_weights(run_dir: str | Path, model: nn.Module) -> Path:
    """Load the weights of a run's newest checkpoint into a model of the same architecture.

    Returns:
        The checkpoint's path.

    Raises:
        FileNotFoundError: the folder holds no checkpoint.
        ValueError: the checkpoint is damaged, or was written for another architecture.
    """
    path = latest(Path(run_dir))
    if path is None:
        raise FileNotFoundError(f"load_weights: run_dir must hold a checkpoint, got {run_dir} with none")
    tensors, _ = _read(path)
    _load(path, "model", model, tensors)
    return path


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _without(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a complete safetensors file ({error}); remove it to fall back on the one before"
        ) from error
    if "param_groups" not in metadata:
        raise ValueError(f"{path} is not a checkpoint of fastdis: its metadata has no param_groups")
    return tensors, metadata


def _load(path: Path, name: str, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    there, here = _without(name, tensors), module.state_dict()
    for key in sorted(there.keys() | here.keys()):
        shapes = [str(tuple(state[key].shape)) if key in state else "absent" for state in (there, here)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{path} holds another architecture: {name}.{key} is {shapes[0]} there and {shapes[1]} here"
            )
    module.load_state_dict(there)


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters lie."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


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
