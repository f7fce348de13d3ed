import pytest
import torch
from torch import Tensor, nn

from fastdis.models import VAE, BurgessDecoder, BurgessEncoder


def test_the_layers_are_those_of_the_paper() -> None:
    convolutions = (16 + 1) * 32 + 3 * (16 * 32 + 1) * 32
    encoder = convolutions + (512 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * 20
    decoder = (10 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * 512 + 3 * (16 * 32 + 1) * 32 + 16 * 32 + 1
    assert sum(parameter.numel() for parameter in BurgessEncoder(10).parameters()) == encoder
    assert sum(parameter.numel() for parameter in BurgessDecoder(10).parameters()) == decoder


def test_mean_is_the_first_half_and_logvar_the_second() -> None:
    encoder = BurgessEncoder(3)
    with torch.no_grad():
        encoder.layers[-1].weight.zero_()
        encoder.layers[-1].bias.copy_(torch.arange(6.0))
    mean, logvar = encoder(torch.zeros(1, 1, 64, 64))
    assert mean.tolist() == [[0, 1, 2]]
    assert logvar.tolist() == [[3, 4, 5]]


def test_convolutions_run_channels_last() -> None:
    hidden = BurgessEncoder().layers[:3](torch.rand(2, 1, 64, 64))
    assert hidden.is_contiguous(memory_format=torch.channels_last)


def test_the_sample_follows_mean_and_logvar() -> None:
    class Fixed(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return torch.full((len(images), 1), 3.0), torch.full((len(images), 1), -2.0)

    torch.manual_seed(0)
    z = VAE(Fixed(), nn.Identity())(torch.zeros(20_000, 1)).z
    assert z.mean().item() == pytest.approx(3, abs=0.02)
    assert z.std().item() == pytest.approx(torch.tensor(-1.0).exp().item(), rel=0.02)


def test_an_encoder_that_returns_no_pair() -> None:
    with pytest.raises(TypeError, match=r"VAE: the encoder must return \(mean, logvar\), got Tensor"):
        VAE(nn.Identity(), nn.Identity())(torch.zeros(2, 3))
