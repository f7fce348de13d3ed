"""A few steps with every objective that has one player make its loss smaller."""

import pytest
import torch
from torch import nn

from fastdis.losses import (
    AE,
    DIPVAE,
    HFVAE,
    VAE,
    AnnealedVAE,
    BetaTCVAE,
    BetaVAE,
    DenoisingAE,
    PerLatentCapacityVAE,
    SparseAE,
)
from support.small_training import bars, small_autoencoder, small_vae, train

OBJECTIVES = [
    VAE(),
    VAE(likelihood="gaussian"),
    BetaVAE(beta=0.5),
    BetaTCVAE(dataset_size=64, beta=2.0),
    AnnealedVAE(gamma=1.0, capacity=5.0, iterations=30),
    PerLatentCapacityVAE(capacities=[2.0, 2.0, 2.0], gamma=1.0, iterations=30),
    DIPVAE(variant="i", lambda_od=1.0),
    DIPVAE(variant="ii", lambda_od=1.0),
    HFVAE(dataset_size=64, groups=[(0, 1), (2,)], beta=2.0),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_of_a_vae(objective: nn.Module) -> None:
    images = bars()
    torch.manual_seed(0)
    log = train(objective, small_vae(), lambda: images, steps=40)
    assert log[-1]["total"] < 0.8 * log[0]["total"]
    assert log[-1]["reconstruction"] < 0.8 * log[0]["reconstruction"]


@pytest.mark.parametrize("objective", [AE(), DenoisingAE(), SparseAE(weight=0.1)], ids=repr)
@pytest.mark.parametrize("k", [None, 2])
def test_of_an_autoencoder(objective: nn.Module, k: int | None) -> None:
    images = bars()
    torch.manual_seed(0)
    log = train(objective, small_autoencoder(k), lambda: images, steps=40)
    assert log[-1]["total"] < 0.8 * log[0]["total"]
