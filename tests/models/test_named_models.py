"""The named encoders and decoders: their layers, their shapes and what they refuse."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn

from fastdis import models
from fastdis.models import MLPDecoder, MLPEncoder


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def dense(*widths: int) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))


def convolved(*channels: int) -> int:
    """Weights and biases of 4 x 4 convolutions."""
    return sum((16 * inputs + 1) * outputs for inputs, outputs in pairwise(channels))


def test_the_layers_are_those_of_the_papers() -> None:
    song = models.song_vae(20, channels=3)
    assert parameters(song.encoder) == convolved(3, 32, 32, 32, 32) + dense(512, 256, 256, 40)
    assert parameters(song.decoder) == dense(20, 256, 512) + convolved(32, 32, 32, 32, 3)
    for kim, hidden, channels in ((models.kim_2d_vae(10), 128, 1), (models.kim_3d_vae(10), 256, 3)):
        assert parameters(kim.encoder) == convolved(channels, 32, 32, 64, 64) + dense(1024, hidden, 20)
        assert parameters(kim.decoder) == dense(10, hidden, 1024) + convolved(64, 64, 32, 32, channels)
    chen = models.chen_vae(10)
    assert parameters(chen.encoder) == dense(4096, 1200, 1200, 20)
    assert parameters(chen.decoder) == dense(10, 1200, 1200, 1200, 4096)
    linear = models.linear_vae(10)
    assert parameters(linear) == dense(4096, 20) + dense(10, 4096)
    assert parameters(models.Discriminator(10)) == dense(10, *[1000] * 6, 2)


def test_chen_encodes_with_relu_and_decodes_with_tanh() -> None:
    chen = models.chen_vae()
    assert [type(layer) for layer in chen.encoder.layers[1::2]] == [nn.ReLU] * 2
    assert [type(layer) for layer in chen.decoder.layers[1::2]] == [nn.Tanh] * 3


def test_the_linear_decoder_is_linear() -> None:
    decoder = MLPDecoder(3, image_shape=(1, 4, 4), hidden=())
    with torch.no_grad():
        nn.init.normal_(decoder.layers[0].bias)
        z = torch.randn(5, 3)
        torch.testing.assert_close(decoder(2 * z) - decoder(z), decoder(z) - decoder(0 * z))


@pytest.mark.parametrize("make", [models.song_vae, models.kim_2d_vae, models.infogan])
def test_convolutions_run_channels_last(make: Callable[..., models.VAE]) -> None:
    model = make()
    weights = [parameter for parameter in model.parameters() if parameter.dim() == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    assert model.encoder.layers[:3](torch.rand(2, 1, 64, 64)).is_contiguous(memory_format=torch.channels_last)


def test_dense_sizes_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"MLPEncoder: hidden\[0\] must be at least 1, got 0"):
        MLPEncoder(3, hidden=[0])
    with pytest.raises(ValueError, match=r"image_shape must be \(channels, height, width\), got \(64, 64\)"):
        MLPDecoder(3, image_shape=(64, 64))


def test_the_discriminator_refuses_images_and_other_widths() -> None:
    discriminator = models.Discriminator(10)
    for shape in ((2, 9), (2, 10, 1), (10,)):
        with pytest.raises(ValueError, match=r"Discriminator: z must have shape \(batch, 10\)"):
            discriminator(torch.zeros(shape))
    with pytest.raises(ValueError, match="Discriminator: latents must be at least 1, got 0"):
        models.Discriminator(0)


def test_the_generator_draws_noise_in_training_only() -> None:
    generator, z = models.InfoGANGenerator(4), torch.zeros(3, 4)
    assert not torch.equal(generator(z), generator(z))
    generator.eval()
    assert torch.equal(generator(z), generator(z))
    assert torch.equal(generator(z)[0], generator(z)[1])
    without = models.InfoGANGenerator(4, noise=0)
    assert torch.equal(without(z), without(z))
    with pytest.raises(ValueError, match="InfoGANGenerator: noise must be at least 0, got -1"):
        models.InfoGANGenerator(4, noise=-1)


def test_the_critic_gives_each_image_a_number_of_its_own() -> None:
    critic, images = models.InfoGANCritic(), torch.rand(4, 1, 64, 64)
    scores = critic(images)
    assert scores.shape == (4, 1)
    torch.testing.assert_close(scores[2:3], critic(images[2:3]))
    with pytest.raises(ValueError, match=r"InfoGANCritic: images must have shape \(batch, 1, 64, 64\)"):
        critic(torch.zeros(2, 3, 64, 64))
