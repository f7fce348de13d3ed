"""Checkpoints: all that a run needs to go on to the same bits, in one safetensors file.

Tensors are named ``model.<name>``, ``objective.<name>``, ``optimizer.<player>.<parameter>.<name>``,
``sums.<term>`` (the log's running sums) and ``generator.<process>.<device>``; the rest is JSON in the file's
metadata.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from .._files import atomic_write
from .distributed import gathered, mean, rank, wait
from .train_state import TrainState

_KEPT = 2


def latest(run_dir: Path) -> Path | None:
    """The newest checkpoint of a run, if there is one."""
    return max(run_dir.glob("checkpoint-*.safetensors"), default=None)


def write_checkpoint(
    run_dir: Path,
    position: TrainState,
    model: nn.Module,
    objective: nn.Module,
    optimizers: Mapping[str, Optimizer],
) -> Path:
    """Write a checkpoint, then drop all but the newest two. Of several processes the first writes.

    Raises:
        OSError: it cannot be written; the ones before it are untouched.
    """
    path = run_dir / f"checkpoint-{position.step:08d}.safetensors"
    states = {player: optimizer.state_dict() for player, optimizer in optimizers.items()}
    tensors = _named("model", model.state_dict()) | _named("objective", objective.state_dict())
    for player, state in states.items():
        for index, values in state["state"].items():
            tensors |= _named(f"optimizer.{player}.{index}", values)
    if position.sums is not None:
        position.sums = mean(position.sums)
        tensors |= _named("sums", dict(zip(position.names, position.sums, strict=True)))
    for process, generators in enumerate(gathered(_generators(model))):
        tensors |= _named(f"generator.{process}", generators)
    metadata = {
        "step": position.step,
        "drawn": position.drawn,
        "seconds": position.seconds,
        "logged": position.logged,
        "terms": [] if position.sums is None else position.names,
        "param_groups": {player: state["param_groups"] for player, state in states.items()},
    }
    if rank() == 0:
        _write(path, tensors, {name: json.dumps(value) for name, value in metadata.items()})
    wait()
    return path


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    # each in memory of its own: safetensors refuses tensors that share it, as tied weights do
    apart = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    before = latest(path.parent)
    try:
        with atomic_write(path) as file:
            file.write(save(apart, metadata))
    except OSError as error:
        kept = f"the last good checkpoint is {before}" if before else "there is no earlier checkpoint"
        raise OSError(error.errno, f"{error.strerror}; {kept}; make room and resume", str(path)) from error
    for old in sorted(path.parent.glob("checkpoint-*.safetensors"))[:-_KEPT]:
        old.unlink()


def read_checkpoint(
    path: Path, model: nn.Module, objective: nn.Module, optimizers: Mapping[str, Optimizer]
) -> TrainState:
    """Put everything back to where it was when the checkpoint was written, torch's default generators too.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or was written for another architecture.
    """
    tensors, metadata = _read(path)
    _load(path, "model", model, tensors)
    _load(path, "objective", objective, tensors)
    groups = json.loads(metadata["param_groups"])
    for player, optimizer in optimizers.items():
        state = _optimizer_state(optimizer, _without(f"optimizer.{player}", tensors))
        optimizer.load_state_dict({"state": state, "param_groups": groups[player]})
    _set_generators(model, _without(f"generator.{rank()}", tensors))
    sums = {name: tensors[f"sums.{name}"] for name in json.loads(metadata["terms"])}
    return TrainState(
        step=json.loads(metadata["step"]),
        drawn=json.loads(metadata["drawn"]),
        seconds=json.loads(metadata["seconds"]),
        logged=json.loads(metadata["logged"]),
        names=tuple(sums),
        sums=torch.stack(list(sums.values())).to(device_of(model)) if sums else None,
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


def _optimizer_state(optimizer: Optimizer, tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        index: {
            # in the parameter's own memory format, so that the arithmetic takes the same path
            name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
            for name, value in _without(str(index), tensors).items()
        }
        for index, parameter in enumerate(parameters)
    }


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
