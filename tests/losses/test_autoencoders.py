"""The plain, the denoising and the sparse autoencoder."""

import pytest
import torch
from torch import Tensor

from fastdis.losses import AE, DenoisingAE, SparseAE, reconstruction_loss
from support.small_training import bars, small_autoencoder, train


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_reconstruction_alone(arguments: tuple[Tensor, ...], likelihood: str) -> None:
    terms = AE(likelihood=likelihood)(*arguments)
    assert terms.total == reconstruction_loss(*arguments[:2], likelihood=likelihood)
    assert list(terms.to_dict()) == ["total", "reconstruction"]


def test_sparse_codes(arguments: tuple[Tensor, ...]) -> None:
    terms = SparseAE(weight=3.0)(*arguments)
    l1 = sum(abs(value) for row in arguments[2].tolist() for value in row) / 5
    assert terms.l1.item() == pytest.approx(l1)
    torch.testing.assert_close(terms.total, AE()(*arguments).total + 3 * terms.l1)


def test_dropout_sets_to_zero_and_scales_nothing() -> None:
    """torch's dropout would leave 1.33 where 1 was."""
    torch.manual_seed(0)
    images = torch.full((50, 3, 16, 16), 0.7)
    corrupted = DenoisingAE(dropout=0.25).corrupted(images)
    assert corrupted.unique().tolist() == pytest.approx([0, 0.7])
    assert (corrupted == 0).double().mean().item() == pytest.approx(0.25, abs=0.01)
    assert len((corrupted == 0).double().mean((0, 2, 3)).unique()) == 3  # channels are dropped apart
    assert images.unique().numel() == 1


def test_gaussian_noise() -> None:
    torch.manual_seed(0)
    noise = DenoisingAE(dropout=0, noise=0.3).corrupted(torch.full((50, 1, 16, 16), 0.5)) - 0.5
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.std().item() == pytest.approx(0.3, rel=0.03)
    both = DenoisingAE(dropout=0.5, noise=0.3).corrupted(torch.ones(50, 1, 16, 16))
    assert (both == 0).double().mean().item() == pytest.approx(0.5, abs=0.02)


def test_the_model_sees_the_corrupted_image_and_the_loss_the_clean_one() -> None:
    model, images, objective = small_autoencoder(), bars(16), DenoisingAE(dropout=0.5)
    seen = []
    model.encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    torch.manual_seed(3)
    ((player, terms),) = objective.turns(model, lambda: images, step=0)
    torch.manual_seed(3)
    corrupted = objective.corrupted(images)
    assert player == "model"
    assert torch.equal(seen[0], corrupted)
    assert not torch.equal(corrupted, images)
    assert terms.total == reconstruction_loss(model.decode(model.encode(corrupted)[0]), images)


def test_l1_leaves_smaller_codes_and_k_leaves_fewer() -> None:
    images = bars()

    def codes(weight: float, k: int | None = None) -> Tensor:
        model = small_autoencoder(k)
        train(SparseAE(weight=weight), model, lambda: images, steps=40)
        return model.encode(images)[0]

    assert codes(weight=5.0).abs().mean() < 0.3 * codes(weight=0.0).abs().mean()
    assert (codes(weight=0.0, k=1).count_nonzero(dim=1) <= 1).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dropout": 1.0}, "DenoisingAE: dropout must be below 1, got 1"),
        ({"dropout": -0.1}, "DenoisingAE: dropout must be finite and at least 0, got -0.1"),
        ({"noise": float("nan")}, "DenoisingAE: noise must be finite and at least 0, got nan"),
    ],
)
def test_corruption_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DenoisingAE(**settings)
