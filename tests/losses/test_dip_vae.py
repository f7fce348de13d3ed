"""DIP-VAE against loops over the entries of the covariance."""

import pytest
import torch
from torch import Tensor

import fastdis
from fastdis.losses import DIPVAE, VAE


@pytest.mark.parametrize(("variant", "ratio"), [("i", 10), ("ii", 1)])
def test_the_covariance_is_drawn_to_the_identity(
    arguments: tuple[Tensor, ...], variant: str, ratio: int
) -> None:
    mean, logvar = (argument.double() for argument in arguments[3:])
    penalty = 0.0
    for a in range(3):
        for b in range(3):
            first, second = mean[:, a] - mean[:, a].mean(), mean[:, b] - mean[:, b].mean()
            entry = (first * second).mean().item()
            if a == b:
                entry += logvar[:, a].exp().mean().item() if variant == "ii" else 0
                penalty += 2.0 * ratio * (entry - 1) ** 2
            else:
                penalty += 2.0 * entry**2
    terms = DIPVAE(variant=variant, lambda_od=2.0)(*arguments)
    assert terms.covariance.item() == pytest.approx(penalty, rel=1e-5)
    torch.testing.assert_close(terms.total, VAE()(*arguments).total + terms.covariance)


def test_the_variances_of_the_second_kind_stand_on_the_diagonal_alone(arguments: tuple[Tensor, ...]) -> None:
    """Added to every entry, as public code does, they would count in the off-diagonal ones."""
    first, second = (DIPVAE(variant=kind, lambda_od=1.0, lambda_d=0.0)(*arguments) for kind in ("i", "ii"))
    torch.testing.assert_close(first.covariance, second.covariance)
    wider = [*arguments[:4], arguments[4] + 1]
    assert DIPVAE(variant="i")(*wider).covariance == DIPVAE(variant="i")(*arguments).covariance
    assert DIPVAE(variant="ii")(*wider).covariance != DIPVAE(variant="ii")(*arguments).covariance


def test_autocast_does_not_round_the_covariance(arguments: tuple[Tensor, ...]) -> None:
    mean, logvar = arguments[3:]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = fastdis.dip_vae_penalty(mean, logvar)
    assert found.item() == fastdis.dip_vae_penalty(mean, logvar).item()
    half = fastdis.dip_vae_penalty(mean.bfloat16(), logvar.bfloat16())
    assert half.dtype == torch.float32
