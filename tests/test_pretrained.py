"""Data, layout and encoding together: what others' weights say of the regenerated grid."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import fastdis
from fastdis.data import dsprites
from fastdis.evaluation import encode
from fastdis.losses import reconstruction_loss
from support.pretrained import load

# from an independent run over all images of the regenerated grid
KL = {
    "VAE": [3.7917, 3.2043, 3.4509, 2.7923, 3.5922, 1.4228, 0.8370, 1.2464, 3.5135, 1.3400],
    "betaH": [3.0681, 2.0666, 2.3351, 0.6399, 2.4480, 0.3029, 1.1218, 0.4993, 2.5363, 0.2810],
}


DRAWN = 40_000  # of 737,280 images, so that the test takes seconds


@pytest.mark.parametrize("name", KL)
def test_the_kl_of_every_latent(shared: Path, name: str) -> None:
    published = json.loads((shared / "pretrained" / "published.json").read_text())[name]["kl"]
    data = dsprites()
    drawn = np.random.default_rng(0).choice(len(data), DRAWN, replace=False)
    model = load(shared / "pretrained" / f"{name}_dsprites.npz")
    mean, logvar = encode(model, data.subset(np.sort(drawn)), progress=False)
    kl = fastdis.gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar), reduction="none").numpy()
    standard_error = kl.std(axis=0) / DRAWN**0.5
    assert standard_error.max() < 0.01
    assert (np.abs(kl.mean(axis=0) - KL[name]) < 5 * standard_error + 1e-4).all()
    assert (np.abs(kl.mean(axis=0) - published) < 0.05 * np.array(published) + 5 * standard_error).all()
    few = fastdis.posterior.decompose(mean, logvar, queries=5)
    every_pair = fastdis.posterior.decompose(mean, logvar, queries=5, backend="reference")
    assert few.pairs_evaluated < 0.05
    assert np.abs(few.log_qz - every_pair.log_qz).max() <= few.truncation_error <= 1e-4
    assert abs(few.total_correlation - every_pair.total_correlation) <= few.truncation_error


@pytest.mark.parametrize("name", KL)
def test_the_decoder_reconstructs_as_well_as_published(shared: Path, name: str) -> None:
    published = json.loads((shared / "pretrained" / "published.json").read_text())[name]["recon"]
    model, data = load(shared / "pretrained" / f"{name}_dsprites.npz"), dsprites()
    images = data.images(np.random.default_rng(0).choice(len(data), 2000, replace=False))
    torch.manual_seed(0)
    with torch.inference_mode():
        loss = reconstruction_loss(model(images).reconstruction, images).item()
    assert loss == pytest.approx(published, rel=0.05)
