"""Read tensors by name from a file that others wrote, without running anything that is in it."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

_INSIDE = ("state_dict", "model_state_dict")  # where training loops put the weights beside the rest


def read_weights(function: str, path: Path) -> dict[str, Tensor]:
    """Read a safetensors file, an npz file of arrays, or what ``torch.save`` wrote of a state dictionary.

    Of a dictionary that holds the weights under ``state_dict`` or ``model_state_dict`` those are taken.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of another kind, or holds anything but tensors and plain values.
    """
    content = _read(function, path)
    for name in _INSIDE:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        kinds = {type(value).__name__ for value in content.values()} if isinstance(content, dict) else set()
        got = f"a dictionary of {', '.join(sorted(kinds))}" if kinds else type(content).__name__
        raise ValueError(f"{function}: {path} must hold a state dictionary of tensors, got {got}")
    return content


def _read(function: str, path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(9)
        zipped = is_zipfile(file)
    try:
        if zipped and all(name.endswith(".npy") for name in ZipFile(path).namelist()):
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays}
        if head[8:] == b"{":  # after the length of its header
            return load_safetensors(path.read_bytes())
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(
            f"{function}: {path} must hold weights alone, which are read without running code from the file; "
            "write it with torch.save(model.state_dict(), path)"
        ) from error
    except (SafetensorError, BadZipFile, EOFError, ValueError, TypeError, RuntimeError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{function}: {path} must be a complete file of safetensors, npz or torch.save ({reason})"
        ) from error
