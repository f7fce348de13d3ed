"""Models trained at once against the same models trained one by one."""

import pytest
import torch
from torch import Tensor, nn

from fastdis.losses import BetaTCVAE, BetaVAE, FactorVAE, LossTerms
from fastdis.models import VAE, MLPDecoder, MLPEncoder, burgess_vae
from fastdis.training import fit, fit_many
from support.toys import small_vae, squares

SETTINGS = {"steps": 5, "batch_size": 8, "log_every": 2, "learning_rate": 1e-3, "progress": False}


def dense_vae(seed: int, latents: int = 3) -> VAE:
    torch.manual_seed(seed)
    return VAE(MLPEncoder(latents, hidden=[8]), MLPDecoder(latents, hidden=[8]))


def flat(model: VAE) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.state_dict().values()])


@pytest.mark.parametrize("make", [dense_vae, lambda seed: burgess_vae(3)], ids=["dense", "convolutions"])
def test_each_model_learns_what_it_would_learn_alone(make: type) -> None:
    data = squares()
    objectives = [BetaVAE(beta=1.0), BetaTCVAE(dataset_size=96), BetaVAE(beta=8.0)]
    seeds = [3, 0, 3]
    together = [make(seed) for seed in range(3)]
    alone = [make(seed) for seed in range(3)]
    for model, other in zip(alone, together, strict=True):
        model.load_state_dict(other.state_dict())
    starts = [flat(model) for model in together]
    logs = fit_many(together, objectives, data, seeds=seeds, **SETTINGS)
    for index, model in enumerate(alone):
        rows = fit(model, objectives[index], data, seed=seeds[index], **SETTINGS)
        for row, expected in zip(logs[index], rows, strict=True):
            assert row.keys() == expected.keys()
            assert row["total"] == pytest.approx(expected["total"], rel=1e-5)
        apart = flat(together[index]) - flat(model)
        assert apart.norm() < 1e-3 * (flat(model) - starts[index]).norm()


def test_a_model_that_diverges_is_named() -> None:
    class Broken(nn.Module):
        def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
            terms = BetaVAE()(*arguments)
            terms.total = terms.total * (torch.nan if step == 2 else 1)
            return terms

    objectives = [BetaVAE(), Broken()]
    with pytest.raises(FloatingPointError, match="total of model 1 is not finite at step 3"):
        fit_many([dense_vae(0), dense_vae(1)], objectives, squares(), **SETTINGS)


@pytest.mark.parametrize(
    ("models", "objectives", "message"),
    [
        ([], [], "must be equal in number, at least 1, got 0, 0 and 0"),
        ([dense_vae(0)], [BetaVAE(), BetaVAE()], "got 1, 2 and 1"),
        ([dense_vae(0), dense_vae(0, latents=2)], [BetaVAE()] * 2, "must have the same architecture"),
        ([dense_vae(0)], [FactorVAE(latents=3)], "got FactorVAE, which takes its steps in turns"),
    ],
)
def test_models_that_do_not_go_together(models: list[VAE], objectives: list[nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_many(models, objectives, squares(), **SETTINGS)


def test_models_that_are_more_than_a_vae() -> None:
    class Own(VAE):
        pass

    model = small_vae()
    with pytest.raises(TypeError, match=r"instances of fastdis\.models\.VAE itself"):
        fit_many([Own(model.encoder, model.decoder)], [BetaVAE()], squares(), **SETTINGS)
