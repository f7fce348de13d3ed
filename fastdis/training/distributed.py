"""Several processes that train one model, as torchrun starts them: each takes its share of every batch.

Without a process group there is one process, and nothing here has anything to do.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as torch_distributed


def world() -> int:
    """Count the processes that train together."""
    running = torch_distributed.is_available() and torch_distributed.is_initialized()
    return torch_distributed.get_world_size() if running else 1


def rank() -> int:
    """Give the number of this process among them, from 0."""
    return torch_distributed.get_rank() if world() > 1 else 0


def broadcast(*modules: nn.Module) -> None:
    """Copy the parameters and buffers of the first process to all others."""
    if world() > 1:
        for module in modules:
            for tensor in module.state_dict().values():
                torch_distributed.broadcast(tensor, 0)


def average_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Replace every gradient by its mean over the processes; all are sent in one piece."""
    if world() == 1:
        return
    gradients = [
        parameter.grad
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    flat = mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))


def mean(tensor: Tensor) -> Tensor:
    """Replace a tensor by its mean over the processes, in place."""
    if world() > 1:
        torch_distributed.all_reduce(tensor)
        tensor /= world()
    return tensor


def gathered(value: Any) -> list[Any]:
    """Collect the value of every process, in the order of their ranks; anything that can be pickled."""
    values = [value] * world()
    if world() > 1:
        torch_distributed.all_gather_object(values, value)
    return values


def any_of(flag: bool) -> bool:
    """Tell whether the flag is set in any of the processes."""
    return any(gathered(flag))


def wait() -> None:
    """Wait until every process has come here."""
    if world() > 1:
        torch_distributed.barrier()


def on_first(action: Callable[[], None]) -> None:
    """Let the first process act while the others wait; where it fails, all of them raise its error."""
    error: OSError | ValueError | RuntimeError | None = None
    if rank() == 0:
        try:
            action()
        except (OSError, ValueError, RuntimeError) as caught:
            error = caught
    error = gathered(error)[0]
    if error is not None:
        raise error


@contextmanager
def joined() -> Iterator[torch.device]:
    """Yield the device to train on; under torchrun join the other processes, each with its own device."""
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    if not torch.cuda.is_available():
        device = torch.device("cpu")
    elif torch_distributed.is_torchelastic_launched():
        torch.cuda.set_device(device)
    if not torch_distributed.is_torchelastic_launched():
        yield device
        return
    torch_distributed.init_process_group()
    try:
        yield device
    finally:
        torch_distributed.destroy_process_group()
