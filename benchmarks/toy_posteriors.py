"""Posteriors like a model's, for benchmarks that must not need weights."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["trained", "half collapsed", "untrained"]


def posteriors(images: int, latent: int, kind: Kind) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """mean and logvar, (images, latent): images are points of a grid of four factors, latents smooth in them.

    "trained" latents resolve the factors as those of a trained model do dSprites, "half collapsed" ones every
    other latent, "untrained" ones nothing: their posteriors all are nearly the prior.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [32, 32, 40, 6], (images, 4)) / np.array([32, 32, 40, 6])
    mixing = rng.standard_normal((4, latent))
    # as many sigma to a latent as in a trained beta-VAE: two see positions, the rest less and less
    resolution = 60.0 / (1 + np.arange(latent)) ** 1.2
    mean = np.sin(np.pi * factors @ mixing)
    deviation = 1 / np.sqrt(1 + resolution**2) * np.exp(0.2 * np.cos(2 * factors @ mixing))
    if kind == "half collapsed":
        mean[:, 1::2] *= 0.02
        deviation[:, 1::2] = 0.98
    elif kind == "untrained":
        mean, deviation = 0.03 * mean, 1 + 0.02 * (deviation - deviation.mean())
    return mean.astype(np.float32), (2 * np.log(deviation)).astype(np.float32)
