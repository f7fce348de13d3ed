"""The contractive autoencoder, and denoising autoencoders stacked one on the other."""

from pathlib import Path

import pytest
import torch
from torch import nn

from fastdis.losses import AE, ContractiveAE, StackedDenoisingAE, reconstruction_loss
from fastdis.losses.contractive_ae import contraction
from fastdis.models import Autoencoder, MLPDecoder, MLPEncoder, TiedDecoder, burgess_autoencoder
from fastdis.training import fit
from support.small_training import SHAPE, bars, small_autoencoder, train


def test_of_one_sigmoid_layer_it_is_the_closed_form() -> None:
    """Rifai et al. 2011: Σ_d (h_d (1 - h_d))² Σ_i W_di²."""
    torch.manual_seed(0)
    layer = nn.Linear(64, 5).double()
    images = torch.rand(7, *SHAPE, dtype=torch.float64, requires_grad=True)
    z = layer(images.flatten(1)).sigmoid()
    expected = ((z * (1 - z)).square() * layer.weight.square().sum(1)).sum(1).mean()
    found = contraction(z, images)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(loss, layer.weight, retain_graph=True) for loss in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_it_is_the_jacobian_of_any_encoder() -> None:
    torch.manual_seed(0)
    model, images = burgess_autoencoder(latents=3), torch.rand(2, 1, 64, 64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda x: model.encode(x)[0].sum(0), images)
    found = contraction(model.encode(images)[0], images)
    torch.testing.assert_close(found, jacobian.square().sum() / 2, rtol=1e-3, atol=0)


def test_a_turn_adds_the_penalty() -> None:
    model, images, objective = small_autoencoder(), bars(16), ContractiveAE(weight=3.0)
    ((player, terms),) = objective.turns(model, lambda: images, step=0)
    assert player == "model"
    output = model(images)
    plain = AE()(output.reconstruction, images, output.z, output.mean, output.logvar)
    torch.testing.assert_close(terms.reconstruction, plain.total.detach())
    torch.testing.assert_close(terms.total, plain.total + 3 * terms.contraction)
    assert not images.requires_grad


def test_it_contracts() -> None:
    left = []
    for weight in (0.0, 1.0):
        log = train(ContractiveAE(weight=weight), small_autoencoder(), bars, steps=40)
        assert log[-1]["total"] < 0.9 * log[0]["total"]
        left.append(log[-1]["contraction"])
    assert left[1] < 0.5 * left[0]


def tied(hidden: tuple[int, ...] = (20, 12)) -> Autoencoder:
    torch.manual_seed(0)
    encoder = MLPEncoder(4, image_shape=SHAPE, hidden=hidden)
    return Autoencoder(encoder, TiedDecoder(encoder))


def test_layers_one_by_one_are_the_whole() -> None:
    model, images = tied(), bars(5)
    units = images.flatten(1)
    for layer in range(model.encoder.depth):
        units = model.encoder.hidden(layer, units)
    torch.testing.assert_close(units, model.encode(images)[0])
    for layer in reversed(range(model.encoder.depth)):
        units = model.decoder.mirrored(layer, units)
    torch.testing.assert_close(units.view(images.shape), model(images).reconstruction)


@pytest.mark.parametrize(("step", "layer"), [(0, 0), (9, 0), (10, 1), (25, 2)])
def test_a_stage_trains_its_layer_alone(step: int, layer: int) -> None:
    model, images, objective = tied(), bars(16), StackedDenoisingAE(pretraining=10, dropout=0.0)
    ((_, terms),) = objective.turns(model, lambda: images, step)
    terms.total.backward()
    trained = {name for name, value in model.named_parameters() if value.grad is not None}
    own = f"encoder.layers.dense{layer + 1}"
    assert trained == {f"{own}.weight", f"{own}.bias", f"decoder.biases.{2 - layer}"}
    assert terms.layer == layer + 1

    below = images.flatten(1)
    for index in range(layer):
        below = (below @ model.encoder.layers[2 * index].weight.T).relu()  # biases begin at 0
    weight = model.encoder.layers[2 * layer].weight
    code = below @ (weight if layer < 2 else weight[:4]).T
    answer = (code.relu() if layer < 2 else code) @ (weight if layer < 2 else weight[:4])
    if layer == 0:
        expected = reconstruction_loss(answer, below)
    else:
        expected = 0.5 * (answer.relu() - below).square().sum(1).mean()
    torch.testing.assert_close(terms.reconstruction, expected.detach())


def test_hidden_units_are_corrupted_and_compared_with_clean_ones() -> None:
    model, images, objective = tied(), bars(16), StackedDenoisingAE(pretraining=1, dropout=0.5)
    torch.manual_seed(3)
    ((_, terms),) = objective.turns(model, lambda: images, 1)
    below = model.encoder.hidden(0, images.flatten(1))
    torch.manual_seed(3)
    code = model.encoder.hidden(1, objective.corrupted(below))
    expected = 0.5 * (model.decoder.mirrored(1, code) - below).square().sum(1).mean()
    torch.testing.assert_close(terms.reconstruction, expected.detach())


def test_every_stage_lowers_its_loss_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    found = []
    for folder, parts in (("whole", (40,)), ("parts", (15, 40))):
        for steps in parts:
            model = tied()
            log = fit(
                model,
                StackedDenoisingAE(pretraining=10),
                bars(),
                steps=steps,
                batch_size=64,
                learning_rate=1e-2,
                run_dir=tmp_path / folder,
                resume=steps == 40 and len(parts) == 2,
                log_every=1,
                progress=False,
            )
        found.append(list(model.parameters()))
    for stage in range(4):
        assert log[10 * stage + 9]["total"] < log[10 * stage]["total"]
    assert [row["layer"] for row in log[::10]] == [1, 2, 3, 0]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_another_model_is_refused() -> None:
    model = Autoencoder(MLPEncoder(4, image_shape=SHAPE), MLPDecoder(4, image_shape=SHAPE))
    with pytest.raises(TypeError, match="an MLPEncoder and a TiedDecoder, got MLPEncoder and MLPDecoder"):
        next(StackedDenoisingAE().turns(model, bars, 0))
