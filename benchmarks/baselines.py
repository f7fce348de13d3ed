"""What users run instead: the expressions of public code, written anew."""

import math
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader


def tcvae_penalty(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, beta: float) -> Tensor:
    """The usual β-TCVAE penalty: a (batch, batch, latent) tensor of log-densities and a weight matrix."""
    batch = len(z)
    own = _log_normal(z, mean, logvar).sum(1)
    logits = _log_normal(z.unsqueeze(1), mean.unsqueeze(0), logvar.unsqueeze(0))
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others)
    weights.view(-1)[:: batch + 1] = 1 / dataset_size
    weights.view(-1)[1 :: batch + 1] = (dataset_size - others) / (dataset_size * others)
    weights[-1, 0] = (dataset_size - others) / (dataset_size * others)
    weights = weights.log()
    log_q = torch.logsumexp(weights + logits.sum(2), dim=1)
    log_marginals = torch.logsumexp(weights.unsqueeze(2) + logits, dim=1).sum(1)
    log_prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return (own - log_q).mean() + beta * (log_q - log_marginals).mean() + (log_marginals - log_prior).mean()


def _log_normal(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean) ** 2 * torch.exp(-logvar))


def reparameterize_kl(mean: Tensor, logvar: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """z and the KL of each latent, as most training scripts write them."""
    std = torch.exp(0.5 * logvar)
    z = mean + std * (torch.randn_like(std) if noise is None else noise)
    kl = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp())
    return z, kl.mean(0)


def permute_dims(z: Tensor) -> Tensor:
    """A loop over the latents with one randperm and one indexing each."""
    return torch.stack([column[torch.randperm(len(z))] for column in z.unbind(1)], dim=1)


def mutual_information(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> np.ndarray:
    """The field's estimate: np.histogram, np.digitize, and scikit-learn's score for every pair."""
    from sklearn.metrics import mutual_info_score

    binned = [np.digitize(code, np.histogram(code, bins)[1][:-1]) for code in codes.T]
    return np.array([[mutual_info_score(factor, code) for factor in factors.T] for code in binned])


def table_scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, float]:
    """MIG, MIG-sup, DCIMIG, modularity and robust MIG from one such matrix."""
    from sklearn.metrics import mutual_info_score

    information = mutual_information(codes, factors)
    entropy = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    by_code, by_factor = np.sort(information / entropy, axis=1), np.sort(information, axis=0)
    gaps = np.sort(information, axis=1)[:, -1] - np.sort(information, axis=1)[:, -2]
    best = information.argmax(axis=1)
    squared = information**2
    return {
        "mig": float(((by_factor[-1] - by_factor[-2]) / entropy).mean()),
        "robust_mig": float((by_factor[-1] - by_factor[-2]).mean()),
        "mig_sup": float((by_code[:, -1] - by_code[:, -2]).mean()),
        "dcimig": sum(gaps[best == k].max(initial=0) for k in range(len(entropy))) / float(entropy.sum()),
        "modularity": float(
            (1 - (squared.sum(1) - squared.max(1)) / (squared.max(1) * (len(entropy) - 1))).mean()
        ),
    }


def irs(codes: np.ndarray, factors: np.ndarray) -> float:
    """One boolean mask a value, as the published code does."""
    largest = np.abs(codes - codes.mean(0)).max(0)
    deviations = np.zeros((codes.shape[1], factors.shape[1]))
    for k, factor in enumerate(factors.T):
        values = np.unique(factor)
        for value in values:
            group = codes[factor == value]
            deviations[:, k] += np.quantile(np.abs(group - group.mean(0)), 0.99, axis=0)
        deviations[:, k] /= len(values)
    return float(np.average((1 - deviations / largest[:, None]).max(1), weights=largest))


def factor_vae_votes(codes: np.ndarray, factors: np.ndarray, votes: int, group: int = 64) -> np.ndarray:
    """One vote after the other on a complete grid, the other factors drawn again for each sample."""
    sizes = factors.max(0) + 1
    spread = codes.var(0, ddof=1)
    generator = np.random.default_rng(0)
    table = np.zeros((codes.shape[1], len(sizes)), int)
    for _ in range(votes):
        k = generator.integers(len(sizes))
        drawn = generator.integers(sizes, size=(group, len(sizes)))
        drawn[:, k] = drawn[0, k]
        rows = np.ravel_multi_index(tuple(drawn.T), tuple(sizes))
        table[np.argmin(codes[rows].var(0, ddof=1) / spread), k] += 1
    return table


def bootstrap_mig(codes: np.ndarray, factors: np.ndarray, replicates: int) -> list[float]:
    """The score of samples drawn again and again."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(replicates):
        rows = generator.integers(len(codes), size=len(codes))
        found.append(table_scores(codes[rows], factors[rows])["mig"])
    return found


class UnpackedImages(torch.utils.data.Dataset[Tensor]):
    """The uint8 array of images with the usual transform, one image at a time."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.images[index, None].astype(np.float32))


def burgess_layers(latents: int = 10) -> tuple[nn.Sequential, nn.Sequential]:
    """Burgess's encoder and decoder, in the memory format and initialisation that torch gives them."""
    encoder: list[nn.Module] = []
    decoder: list[nn.Module] = []
    for channels in (1, 32, 32, 32):
        encoder += [nn.Conv2d(channels, 32, 4, stride=2, padding=1), nn.ReLU()]
    encoder += [nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    for inputs, outputs in ((latents, 256), (256, 256), (256, 512)):
        decoder += [nn.Linear(inputs, outputs), nn.ReLU()]
    decoder.append(nn.Unflatten(1, (32, 4, 4)))
    for channels in (32, 32, 32):
        decoder += [nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1), nn.ReLU()]
    decoder.append(nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1))
    return nn.Sequential(*encoder, nn.Linear(256, 2 * latents)), nn.Sequential(*decoder)


def training_step(images: np.ndarray, dataset_size: int, beta: float, batch: int = 64) -> Callable[[], None]:
    """A function that trains a β-TCVAE by one step, as public projects write it."""
    encoder, decoder = burgess_layers()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-4)
    loader = DataLoader(UnpackedImages(images), batch_size=batch, shuffle=True)
    stream = iter(loader)
    losses = []

    def step() -> None:
        nonlocal stream
        target = next(stream, None)
        if target is None or len(target) < batch:
            stream = iter(loader)
            target = next(stream)
        mean, logvar = encoder(target).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        error = binary_cross_entropy_with_logits(decoder(z), target, reduction="sum") / batch
        loss = error + tcvae_penalty(z, mean, logvar, dataset_size, beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return step


def dci_trees(codes: np.ndarray, factors: np.ndarray, train: int) -> np.ndarray:
    """The importances for DCI: scikit-learn's boosted trees, one factor after the other, on one core."""
    from sklearn.ensemble import GradientBoostingClassifier

    importance = []
    for labels in factors.T:
        model = GradientBoostingClassifier(random_state=0).fit(codes[:train], labels[:train])
        model.score(codes[:train], labels[:train])
        model.score(codes[train:], labels[train:])
        importance.append(model.feature_importances_)
    return np.stack(importance, axis=1)


def serve_training_steps(pipe: Connection, images: np.ndarray, dataset_size: int, beta: float) -> None:
    """Take a training step for each True that comes through the pipe, and answer when it is done."""
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    step = training_step(images, dataset_size, beta)
    while pipe.recv():
        step()
        pipe.send(True)
