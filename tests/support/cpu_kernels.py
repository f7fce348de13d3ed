"""A call of each CPU kernel that is worth several threads, whose number changes no bit of the results."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

import fastdis
from fastdis.kernels import (
    aggregated_posterior,
    boosted_trees,
    counter_random,
    grouped_density,
    image_batch,
    joint_histogram,
    marginal_density,
    nuisances,
    packed_images,
    room,
    scenes_2d,
    scenes_3d,
    sprites,
)
from fastdis.kernels.strided_convolution import convolutions

from .scenes import flat_scenes, solid_scenes

Results = Sequence[Tensor]
CLASSES = [3, 6, 8]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _codes() -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((20_011, 4), np.float32)), torch.from_numpy(
        rng.integers(0, CLASSES, (20_011, 3))
    )


def _images(count: int = 200) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 1, 64, 64), np.uint8)


def _tensors(*arrays: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def _with_gradients(outputs: Results, leaves: Results) -> Results:
    cotangents = [normal(*output.shape, seed=9) for output in outputs]
    return [*outputs, *torch.autograd.grad(outputs, leaves, cotangents)]


def _leaves(count: int, *shape: int) -> list[Tensor]:
    return [(0.3 * normal(*shape, seed=k)).requires_grad_() for k in range(count)]


def tcvae_penalty(batch: int = 301) -> Results:
    leaves = _leaves(3, batch, 7)
    return _with_gradients([fastdis.tcvae_penalty(*leaves, dataset_size=5000)[0]], leaves)


def reparameterize_tcvae() -> Results:
    mean, logvar, noise = _leaves(3, 301, 7)
    call = fastdis.reparameterize_tcvae(mean, logvar, dataset_size=5000, noise=noise.detach())
    return _with_gradients(call[:2], [mean, logvar])


def reparameterize_kl() -> Results:
    mean, logvar, noise = _leaves(3, 20_000, 5)
    return _with_gradients(fastdis.reparameterize_kl(mean, logvar, noise=noise.detach()), [mean, logvar])


def permute_dims() -> Results:
    (z,) = _leaves(1, 5000, 6)
    return _with_gradients([fastdis.permute_dims(z, generator=torch.Generator().manual_seed(2))], [z])


def _convolutions(transposed: bool) -> Results:
    weights = [0.1 * normal(32, 1, 4, 4), 0.1 * normal(32, 32, 4, 4, seed=1)]
    images, biases = normal(37, 1, 32, 32), [normal(32), normal(32)]
    if transposed:
        images, biases = normal(37, 32, 8, 8), [normal(32), normal(1)]
        weights.reverse()
    slopes = [0.0, 1.0] if transposed else [0.0, 0.0]
    leaves = [tensor.requires_grad_() for tensor in (images, *weights, *biases)]
    return _with_gradients([convolutions(images, weights, biases, slopes, transposed=transposed)], leaves)


def convolutions_down() -> Results:
    return _convolutions(False)


def convolutions_up() -> Results:
    return _convolutions(True)


def histogram() -> Results:
    codes, factors = _codes()
    low, high = joint_histogram.code_range(codes)
    classes, largest = joint_histogram.narrow_classes(factors)
    edges = low[:, None] + (high - low)[:, None] * torch.linspace(0, 1, 21)
    edges[:, -1] = high
    counts = joint_histogram.joint_histogram(codes, classes, edges, CLASSES)
    return [low, high, classes.to(torch.int64), largest, counts]


def resampled_sums() -> Results:
    rng = np.random.default_rng(4)
    bins, classes = rng.integers(0, 20, (3, 600), np.int32), rng.integers(0, 3, (3, 600), np.int32)
    weights = rng.poisson(size=(20, 600)).astype(np.uint8)
    return joint_histogram.resampled_sums(*_tensors(bins, classes, weights), CLASSES)


def log_density() -> Results:
    mean = normal(6000, 4)
    logvar = 0.5 * normal(6000, 4, seed=1) - 4
    z = mean + torch.exp(0.5 * logvar) * normal(6000, 4, seed=2)
    log_q, error, pairs = aggregated_posterior.log_density(z, mean, logvar)
    return [log_q, error, torch.tensor(pairs)]


def marginal_log_density() -> Results:
    mean, logvar = normal(6000, 4), 0.5 * normal(6000, 4, seed=1) - 4
    return marginal_density.marginal_log_density(mean, mean, logvar)


def _trees(bins: int | None) -> Results:
    codes, factors = _codes()
    order = torch.arange(4).expand(2, 8, 3, -1)
    start = torch.linspace(-1, 1, 8).double()
    trees = boosted_trees.boost(codes[:3000], factors[:3000, 2], start, order, 0.1, bins=bins)
    return [*trees, boosted_trees.raw_scores(codes[:3000], start, trees)]


def exact_trees() -> Results:
    return _trees(None)


def binned_trees() -> Results:
    return _trees(64)


def densities_by_group() -> Results:
    _, factors = _codes()
    mean, deviation = normal(1000, 4).double(), torch.full((1000, 4), 0.1).double()
    low, step = torch.full((4,), -5.0).double(), torch.full((4,), 0.1).double()
    return [grouped_density.grouped_density(mean, deviation, factors[:1000], CLASSES, low, step, 100)]


def uint8_batch() -> Results:
    return [image_batch.image_batch(_images(), np.arange(200)[::-1].copy())]


def unpacked_images() -> Results:
    packed = packed_images.pack(_images() % 2)
    return [packed_images.unpack(packed, np.arange(200)[::-1].copy())]


def _nuisance(name: str) -> Results:
    packed = packed_images.pack(_images() % 2)
    background = np.random.default_rng(0).random((80, 90, 3), np.float32)
    return [nuisances.nuisance_images(name, packed, np.arange(200), seed=3, background=background)]


def drawn_sprites() -> Results:
    return _tensors(sprites.render(0, 3000))


def words() -> Results:
    return _tensors(counter_random.random_words(0, np.arange(3000), 8).astype(np.int64))


def flat() -> Results:
    return [scenes_2d.draw(*_tensors(*flat_scenes(64, 64)), 64)]


def solid() -> Results:
    return [scenes_3d.draw(*_tensors(*solid_scenes(16)), 32)]


def rooms() -> Results:
    rng = np.random.default_rng(0)
    colours, scales, angles = rng.random((16, 3, 3)), rng.uniform(0.75, 1.25, 16), rng.uniform(-0.5, 0.5, 16)
    return [room.draw(*_tensors(colours, np.arange(16) % 4, scales, angles), 32)]


_CALLS: list[Callable[[], Results]] = [
    *(tcvae_penalty, reparameterize_tcvae, reparameterize_kl, permute_dims),
    *(convolutions_down, convolutions_up),
    *(histogram, resampled_sums, log_density, marginal_log_density, densities_by_group),
    *(exact_trees, binned_trees),
    *(uint8_batch, unpacked_images, drawn_sprites, words, flat, solid, rooms),
]
CALLS: dict[str, Callable[[], Results]] = {call.__name__: call for call in _CALLS} | {
    name: partial(_nuisance, name) for name in ("color", "noise", "scream")
}
