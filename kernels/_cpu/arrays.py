"""Tensors as the arrays that Numba reads, and back."""

import numpy as np
import torch

_HALF = (torch.float16, torch.bfloat16)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return the memory of a CPU tensor as a C-contiguous array; half types are widened to float32."""
    if tensor.dtype in _HALF:
        tensor = tensor.float()
    return tensor.contiguous().numpy(force=True)


def as_tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """Return an array as a tensor of that dtype, in the same memory unless it must be narrowed."""
    made = torch.from_numpy(array)
    return made if made.dtype == dtype else made.to(dtype)
