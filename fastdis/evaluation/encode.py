"""Encode every image of a data set, and decode codes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .._memory import keep_freed_memory
from .._progress import progress_bar
from ..data.protocols import Images
from ..models import VAE
from ..models.device import device_of

Codes = NDArray[np.float32]


def encode(model: VAE, data: Images | Tensor, *, progress: bool = True) -> tuple[Codes, Codes]:
    """Compute mean and logvar of q(z|x) for every image of a data set, in its order.

    On the CPU each core encodes small batches of its own: that keeps the activations in its cache, and 64
    images a batch are twice as fast as one large batch shared by two cores.

    Args:
        model: has ``encode(images) -> (mean, logvar)``, as `fastdis.models.VAE`; used in evaluation mode.
        data: has ``len()`` and ``images(indices)``, as the data sets of `fastdis.data`; or is a tensor
            (images, channels, height, width).
        progress: show a progress bar on standard error.

    Returns:
        (mean, logvar), both float32 of shape (images, latent).

    Raises:
        TypeError: data is neither.
        ValueError: data holds no image.

    Example:
        >>> import torch, fastdis
        >>> class Blank:  # any data set with len() and images(indices)
        ...     def __len__(self):
        ...         return 100
        ...     def images(self, indices):
        ...         return torch.zeros(len(indices), 1, 64, 64)
        >>> mean, logvar = encode(fastdis.models.burgess_vae(latents=6), Blank(), progress=False)
        >>> mean.shape, logvar.dtype
        ((100, 6), dtype('float32'))
    """
    if not isinstance(data, Tensor | Images):
        raise TypeError(
            f"encode: data must have len() and images(indices), or be a tensor, got {type(data).__name__}"
        )
    if not len(data):
        raise ValueError("encode: data must hold at least 1 image, got none")
    keep_freed_memory()
    count, device = len(data), device_of(model)
    workers, size = (torch.get_num_threads(), 64) if device.type == "cpu" else (1, 4096)

    def part(first: int) -> tuple[Codes, Codes]:
        last = min(first + size, count)
        images = data[first:last] if isinstance(data, Tensor) else data.images(np.arange(first, last))
        with torch.inference_mode():
            mean, logvar = model.encode(images.to(device))
        return mean.float().cpu().numpy(), logvar.float().cpu().numpy()

    parts = []
    with (
        evaluating(model),
        _workers(workers) as pool,
        progress_bar("encoding", count, "images", shown=progress) as update,
    ):
        for codes in pool.map(part, range(0, count, size)):
            parts.append(codes)
            update(min(len(parts) * size, count), "")
    mean, logvar = (np.concatenate(values) for values in zip(*parts, strict=True))
    return mean, logvar


def decode(model: VAE, z: Codes) -> Tensor:
    """Return the decoder's output for codes (n, latent), as a float32 tensor on the CPU."""
    with torch.inference_mode():
        return model.decode(torch.from_numpy(z).to(device_of(model))).float().cpu()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation mode, and then back in the mode it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Start threads in which torch computes on one core each; an error or Ctrl-C drops what still waits."""
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
