"""The autoencoder without noise, its sparse codes, and decoders that use the encoder's weights."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import fastdis
from fastdis.evaluation import encode
from fastdis.models import Autoencoder, MLPDecoder, MLPEncoder, TiedDecoder, burgess_vae


def small(*, tied: bool = False, k: int | None = None) -> Autoencoder:
    torch.manual_seed(0)
    encoder = MLPEncoder(4, image_shape=(1, 8, 8), hidden=[16])
    decoder = TiedDecoder(encoder) if tied else MLPDecoder(4, image_shape=(1, 8, 8), hidden=[16])
    return Autoencoder(encoder, decoder, k=k)


def test_the_decoder_sees_the_code_itself() -> None:
    model, images = small(), torch.rand(5, 1, 8, 8)
    output = model(images)
    assert torch.equal(output.z, output.mean)
    assert torch.equal(output.mean, model.encoder(images)[0])
    assert torch.equal(output.reconstruction, model.decoder(output.mean))
    assert torch.equal(model(images).z, output.z)
    assert output.logvar.unique().tolist() == [-10]
    assert not output.logvar.requires_grad


def test_any_encoder_that_gives_codes_or_a_pair() -> None:
    plain = Autoencoder(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), nn.Linear(3, 64))
    assert plain(torch.rand(2, 1, 8, 8)).logvar.shape == (2, 3)
    vae = burgess_vae(6)
    assert Autoencoder(vae.encoder, vae.decoder)(torch.rand(2, 1, 64, 64)).z.shape == (2, 6)

    class Named(nn.Module):
        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"code": images}

    with pytest.raises(TypeError, match=r"must return codes or \(mean, logvar\), got dict"):
        Autoencoder(Named(), nn.Identity())(torch.zeros(2, 3))


def test_every_image_can_be_encoded_and_scored() -> None:
    class Squares:
        def __len__(self) -> int:
            return 40

        def images(self, indices: np.ndarray) -> torch.Tensor:
            images = torch.zeros(len(indices), 1, 8, 8)
            for image, index in zip(images, indices, strict=True):
                image[0, index // 8, index % 8] = 1
            return images

    mean, logvar = encode(small(), Squares(), progress=False)
    factors = np.stack(np.unravel_index(np.arange(40), (5, 8)), axis=1)
    for name in ("mig", "modularity", "sap"):
        assert 0 <= getattr(fastdis.metrics, name)(mean, factors).score <= 1
    decomposition = fastdis.posterior.decompose(mean, logvar, seed=0)
    assert decomposition.index_code_mi == pytest.approx(np.log(40), abs=0.02)  # no two codes coincide


def test_k_sparse_keeps_the_largest_codes_and_their_gradient() -> None:
    model, images = small(k=2), torch.rand(6, 1, 8, 8)
    whole = model.encoder(images)[0]
    code, _ = model.encode(images)
    for row, dense in zip(code, whole, strict=True):
        kept = set(sorted(range(4), key=lambda d: -dense[d].item())[:2])
        assert {d for d in range(4) if row[d] != 0} == kept
        assert all(row[d] == dense[d] for d in kept)
    leaf = torch.tensor([[3.0, -1.0, 2.0, 0.5]], requires_grad=True)
    Autoencoder(nn.Identity(), nn.Identity(), k=2)(leaf).reconstruction.sum().backward()
    assert leaf.grad.tolist() == [[1, 0, 1, 0]]


def test_k_out_of_range() -> None:
    with pytest.raises(ValueError, match="Autoencoder: k must be at least 1, got 0"):
        small(k=0)
    with pytest.raises(TypeError, match="Autoencoder: k must be an integer, got float"):
        small(k=1.5)
    with pytest.raises(ValueError, match="k must be at most the 4 latents, got 5"):
        small(k=5)(torch.zeros(1, 1, 8, 8))


def test_tied_weights_are_the_encoder_s_transposed() -> None:
    model = small(tied=True)
    first, last = model.encoder.layers[0], model.encoder.layers[2]
    nn.init.normal_(model.decoder.biases[0])
    nn.init.normal_(model.decoder.biases[1])
    z = torch.randn(3, 4)
    hidden = (z @ last.weight[:4] + model.decoder.biases[0]).clamp(min=0)
    expected = (hidden @ first.weight + model.decoder.biases[1]).view(3, 1, 8, 8)
    torch.testing.assert_close(model.decode(z), expected)


def test_tied_weights_are_counted_once_and_move_together() -> None:
    model = small(tied=True)
    assert sum(p.numel() for p in model.decoder.parameters()) == 16 + 64
    assert not any("weight" in name for name in model.decoder.state_dict())
    twin = copy.deepcopy(model).double()
    with torch.no_grad():
        twin.encoder.layers[0].weight.zero_()
    assert twin(torch.rand(2, 1, 8, 8).double()).reconstruction.abs().sum() == 0
    assert model(torch.rand(2, 1, 8, 8)).reconstruction.abs().sum() > 0


def test_both_halves_train_a_tied_weight() -> None:
    model = small(tied=True)
    code = model.encoder(torch.rand(2, 1, 8, 8))[0].detach()
    model.decode(code).sum().backward()
    assert model.encoder.layers[0].weight.grad.abs().sum() > 0


def test_tied_decoder_mirrors_dense_encoders_only() -> None:
    with pytest.raises(TypeError, match="TiedDecoder: encoder must be an MLPEncoder, got Linear"):
        TiedDecoder(nn.Linear(3, 3))
    with pytest.raises(ValueError, match=r"TiedDecoder: z must have shape \(batch, 4\), got \(2, 3\)"):
        small(tied=True).decode(torch.zeros(2, 3))
