"""A data set and a model small enough to train and score in a second."""

import numpy as np
import torch
from torch import Tensor, nn

from fastdis.data import FactorDataset
from fastdis.kernels.packed_images import pack
from fastdis.models import VAE, VAEOutput


def squares() -> FactorDataset:
    """96 images of a bright square on a dark field: one colour, 2 sizes, 6 rows and 8 columns."""
    images = np.zeros((2, 6, 8, 1, 64, 64), np.uint8)
    for size, row, column in np.ndindex(2, 6, 8):
        side = 6 + 6 * size
        images[size, row, column, 0, 8 * row : 8 * row + side, 6 * column : 6 * column + side] = 1
    sizes = {"color": 1, "size": 2, "row": 6, "column": 8}
    values = {name: np.arange(size, dtype=float) for name, size in sizes.items()}
    return FactorDataset(pack(images.reshape(96, 1, 64, 64)), values, (1, 64, 64), "squares")


class Encoder(nn.Module):
    """Somebody's own, with noise of its own and a view that needs rows in order."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 8, stride=8)
        self.head = nn.Linear(4 * 8 * 8, 6)
        self.dropout = 0.2

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        hidden = nn.functional.dropout(self.convolution(images).relu(), self.dropout, self.training)
        mean, logvar = self.head(hidden.view(len(images), -1)).chunk(2, dim=1)
        return mean, logvar


def small_vae(seed: int = 0) -> VAE:
    torch.manual_seed(seed)
    return VAE(Encoder(), nn.Sequential(nn.Linear(3, 64 * 64), nn.Unflatten(1, (1, 64, 64))))


class Noiseless(VAE):
    """z is the mean."""

    def forward(self, images: Tensor) -> VAEOutput:
        mean, logvar = self.encode(images)
        return VAEOutput(self.decode(mean), mean, mean, logvar)


def noiseless_vae(seed: int = 0) -> VAE:
    """As `small_vae`, but nothing in it is random."""
    noisy = small_vae(seed)
    model = Noiseless(noisy.encoder, noisy.decoder)
    model.encoder.dropout = 0.0
    return model
