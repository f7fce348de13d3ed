"""The order in which images are seen: a function of the seed and of how many batches came before."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import FactorDataset
from ..kernels.packed_images import unpack
from .distributed import rank, world


@runtime_checkable
class Images(Protocol):
    """A data set whose images are fetched by index, as those of `fastdis.data` are."""

    def __len__(self) -> int: ...

    def images(self, indices: Any, /) -> Tensor: ...


def batches(
    data: Images | Tensor | Iterable[Any],
    batch_size: int,
    seed: int,
    start: int = 0,
    device: torch.device | None = None,
) -> Iterator[Tensor]:
    """Batches of images without end, beginning with batch number ``start``.

    A data set or a tensor (images, ...) is drawn without replacement, in a new permutation each epoch; the
    images beyond the last full batch of an epoch are left out of it. Any other iterable, a DataLoader say,
    is taken as it comes, over and over: it brings its own batch size, and of a tuple the first item is the
    images. Its first ``start`` batches are drawn once more to get past them.

    Of several processes each gets every so manieth image of a batch. Batches come on ``device``, and packed
    images are moved there once, all of them, to be unpacked there.

    Raises:
        TypeError: data is none of these.
        ValueError: batch_size is below 1 or above the number of images, an iterable runs dry, or the
            processes cannot share a batch evenly.
    """
    device = device or torch.device("cpu")
    if isinstance(data, Tensor | Images):
        count = len(data)
        if not 1 <= batch_size <= count:
            raise ValueError(f"fit: batch_size must be between 1 and the {count} images, got {batch_size}")
        if isinstance(data, FactorDataset) and device.type != "cpu":
            data = Resident(data, device)
        return (images.to(device) for images in _shuffled(data, count, batch_size, seed, start))
    if not isinstance(data, Iterable):
        raise TypeError(
            "fit: data must be a data set with images(indices), a tensor or an iterable of tensors, "
            f"got {type(data).__name__}"
        )
    stream = islice(_repeated(data, seed), start, None)
    return (_own_share(images).to(device, non_blocking=True) for images in stream)


class Resident:
    """The images of a data set, still packed, in the memory of a device that unpacks them itself."""

    def __init__(self, data: FactorDataset, device: torch.device) -> None:
        self._packed = torch.tensor(data.packed, device=device)
        self._rows = data.rows
        self._shape = data.image_shape

    def __len__(self) -> int:
        return len(self._rows)

    def images(self, indices: NDArray[np.int64]) -> Tensor:
        return unpack(self._packed, self._rows[indices], self._shape)


def _shuffled(data: Images | Tensor, count: int, batch_size: int, seed: int, start: int) -> Iterator[Tensor]:
    per_epoch = count // batch_size
    epoch, first = divmod(start, per_epoch)
    while True:
        order = np.random.default_rng((seed, epoch)).permutation(count)
        for batch in range(first, per_epoch):
            indices: NDArray[np.int64] = _own_share(order[batch * batch_size : (batch + 1) * batch_size])
            yield data[torch.from_numpy(indices)] if isinstance(data, Tensor) else data.images(indices)
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

    A loader that shuffles draws from it; apart from the noise of training the same batches come again when a
    resumed run passes over those it has seen.
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
            images = batch[0] if isinstance(batch, (tuple, list)) else batch
            if not isinstance(images, Tensor):
                raise TypeError(f"fit: data must yield tensors, got {type(images).__name__}")
            yield images
            batch = apart(partial(next, iterator, None))
