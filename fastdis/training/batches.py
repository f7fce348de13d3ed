"""The order in which images are seen: a function of the seed and of how many batches came before."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..data.protocols import Images
from .distributed import rank, world
from .sources import as_source, first_tensor

Data: TypeAlias = Images | Tensor | NDArray[Any] | Dataset[Any] | Iterable[Any]
Fetch: TypeAlias = Callable[[NDArray[np.int64], int], Tensor]


def batches(
    data: Data,
    batch_size: int,
    seed: int,
    start: int = 0,
    device: torch.device | None = None,
    *,
    function: str = "fit",
) -> Iterator[Tensor]:
    """Yield batches of images without end, beginning with batch number ``start``.

    A data set, a tensor or an array (images, ...) is drawn without replacement, in a new permutation each
    epoch; the images beyond the last full batch of an epoch are left out of it. Any other iterable, such as a
    DataLoader, is taken in its own order and batch size, over and over; the first item of a tuple is the
    images. Its first ``start`` batches are drawn once more to get past them.

    A data set whose ``images`` takes a ``visit`` is told the number of the epoch, from 0, so that what it
    draws each time follows from the place in the data.

    Of several processes each gets an equal share of every batch. Batches come on ``device``, to which a data
    set with a method ``to`` is moved once, as `on_device` does.

    Raises:
        TypeError: data is none of these.
        ValueError: batch_size is below 1 or above the number of images, an iterable runs dry, or the
            processes cannot share a batch evenly.
    """
    device = device or torch.device("cpu")
    source = as_source(data)
    if isinstance(source, Images):
        count = len(source)
        check_batch_size(function, batch_size, count)
        fetch = _fetch(on_device(source, device))
        return (images.to(device) for images in _shuffled(fetch, count, batch_size, seed, start))
    if not isinstance(source, Iterable):
        raise TypeError(
            f"{function}: data must be a data set with images(indices), a tensor, a NumPy array, a torch "
            f"Dataset with len() or an iterable of batches, got {type(data).__name__}"
        )
    stream = islice(_repeated(source, seed), start, None)
    return (_own_share(images).to(device, non_blocking=True) for images in stream)


def check_batch_size(function: str, batch_size: int, images: int) -> None:
    """Require a batch that a data set can fill."""
    if images == 0:
        raise ValueError(f"{function}: data must hold at least one image, got none")
    if not 1 <= batch_size <= images:
        raise ValueError(
            f"{function}: batch_size must be between 1 and the {images:,} images, got {batch_size:,}"
        )


def on_device(data: Any, device: torch.device) -> Any:
    """Move a data set that has a method ``to`` into the memory of a device other than the CPU.

    Its pixels stay as it keeps them there, as bits or bytes. Tensors and all other data stay where they are.
    """
    return (
        data.to(device) if isinstance(data, Images) and hasattr(data, "to") and device.type != "cpu" else data
    )


def _fetch(data: Images) -> Fetch:
    """How the images of some rows are fetched in an epoch."""
    if "visit" in inspect.signature(data.images).parameters:
        return lambda rows, epoch: data.images(rows, visit=epoch)  # type: ignore[call-arg]  # it was asked
    return lambda rows, epoch: data.images(rows)


def _shuffled(fetch: Fetch, count: int, batch_size: int, seed: int, start: int) -> Iterator[Tensor]:
    per_epoch = count // batch_size
    epoch, first = divmod(start, per_epoch)
    while True:
        order = np.random.default_rng((seed, epoch)).permutation(count)
        for batch in range(first, per_epoch):
            yield fetch(_own_share(order[batch * batch_size : (batch + 1) * batch_size]), epoch)
        epoch, first = epoch + 1, 0


def _own_share(batch: Any) -> Any:
    """This process's part of a batch: of 3 processes the second has items 1, 4, 7, ..."""
    if len(batch) % world():
        raise ValueError(
            f"fit: a batch must be a multiple of the {world()} processes, got {len(batch)} images"
        )
    return batch[rank() :: world()]


def _repeated(data: Iterable[Any], seed: int) -> Iterator[Tensor]:
    """One pass after the other, with torch's generator in a state that belongs to the data.

    A loader that shuffles draws from it. Kept apart from the noise of training, it gives the same batches
    again when a resumed run passes over those it has seen.
    """
    state = torch.Generator().manual_seed(seed).get_state()

    def apart(function: Callable[[], Any]) -> Any:
        nonlocal state
        with torch.random.fork_rng([]):
            torch.set_rng_state(state)
            result = function()
            state = torch.get_rng_state()
        return result

    while True:
        iterator = apart(partial(iter, data))
        batch = apart(partial(next, iterator, None))
        if batch is None:
            raise ValueError("fit: data must yield a batch each time it is iterated over, got none")
        while batch is not None:
            yield first_tensor(batch, "batches")
            batch = apart(partial(next, iterator, None))
