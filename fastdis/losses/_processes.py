"""What an objective's state is computed from, where several processes share a batch."""

import torch
from torch import Tensor
from torch import distributed as torch_distributed


def over_processes(value: Tensor) -> Tensor:
    """Return the mean of a value over the processes that train together, so that all keep one state."""
    value = value.detach()
    if torch_distributed.is_available() and torch_distributed.is_initialized():
        value = value.clone()
        torch_distributed.all_reduce(value)
        value /= torch_distributed.get_world_size()
    return value


def moved(average: Tensor, value: Tensor, updates: Tensor, decay: float) -> None:
    """Advance a moving average in place and count the update; the first value is the average itself."""
    share = torch.where(updates == 0, 1.0, 1.0 - decay).to(average)
    average += share * (value.to(average) - average)
    updates += 1
