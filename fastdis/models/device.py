"""Where a model is."""

import torch
from torch import nn


def device_of(model: nn.Module) -> torch.device:
    """Find the device of a model's parameters; the CPU for a model without parameters.

    Example:
        >>> device_of(nn.Linear(2, 2))
        device(type='cpu')
    """
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
