"""Sparse codes by unrolled iterations, against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor

from fastdis.losses import SparseAE
from fastdis.models import Autoencoder, Dictionary, ISTAEncoder, ista_autoencoder
from support.small_training import drawn, train

SHAPE = (1, 8, 8)
WEIGHT = 0.3


def problem(images: int = 20) -> tuple[Dictionary, Tensor]:
    """An overcomplete dictionary, and images of three atoms each with a little noise."""
    torch.manual_seed(0)
    dictionary = Dictionary(100, image_shape=SHAPE).double()
    codes = torch.zeros(images, 100, dtype=torch.float64)
    codes.scatter_(1, torch.rand(images, 100).topk(3).indices, torch.randn(images, 3).double() * 2)
    return dictionary, dictionary(codes).detach() + 0.05 * torch.randn(images, *SHAPE, dtype=torch.float64)


def lasso(dictionary: Dictionary, images: Tensor) -> np.ndarray:
    """scikit-learn divides the squared error by the number of pixels, so the penalty is divided too."""
    solver = Lasso(WEIGHT / 64, fit_intercept=False, tol=1e-12, max_iter=100_000)
    return solver.fit(dictionary.atoms().detach().numpy(), images.flatten(1).T.numpy()).coef_


def objective(dictionary: Dictionary, images: Tensor, z: Tensor) -> float:
    return SparseAE(weight=WEIGHT, likelihood="gaussian")(dictionary(z), images, z, z, z).total.item()


def test_the_unrolled_iterations_approach_the_lasso_solution() -> None:
    dictionary, images = problem()
    exact = lasso(dictionary, images)
    best = objective(dictionary, images, torch.from_numpy(exact))
    above = []
    for iterations in (1, 10, 100, 5000):
        z = ISTAEncoder(dictionary, weight=WEIGHT, iterations=iterations)(images).detach()
        above.append(objective(dictionary, images, z) - best)
    assert above == sorted(above, reverse=True)
    assert above[-1] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(z.numpy(), exact, atol=1e-4)
    assert ((z.numpy() == 0) == (exact == 0)).mean() > 0.99


def test_the_learned_encoder_comes_nearer_than_ista_with_as_many_iterations() -> None:
    dictionary, images = problem(600)
    dictionary.requires_grad_(False)
    learned = ISTAEncoder(dictionary, weight=WEIGHT, iterations=3, learned=True)
    unrolled = ISTAEncoder(dictionary, weight=WEIGHT, iterations=3)
    torch.testing.assert_close(learned(images), unrolled(images))  # it begins as ISTA
    best = objective(dictionary, images[500:], torch.from_numpy(lasso(dictionary, images[500:])))
    before = objective(dictionary, images[500:], unrolled(images[500:])) - best
    loss = SparseAE(weight=WEIGHT, likelihood="gaussian")
    train(loss, Autoencoder(learned, dictionary), drawn(images[:500]), steps=150)
    after = objective(dictionary, images[500:], learned(images[500:]).detach()) - best  # images not seen
    assert 0 < after < 0.5 * before


def test_the_dictionary_is_learnt_through_the_iterations() -> None:
    torch.manual_seed(0)
    _, images = problem(200)
    dictionary = Dictionary(20, image_shape=SHAPE)
    model = Autoencoder(ISTAEncoder(dictionary, weight=WEIGHT, iterations=10), dictionary)
    assert [name for name, _ in model.named_parameters()] == ["decoder.weight"]
    loss = SparseAE(weight=WEIGHT, likelihood="gaussian")
    log = train(loss, model, drawn(images.float()), steps=100)
    assert log[-1]["total"] < 0.9 * log[0]["total"]
    torch.testing.assert_close(dictionary.atoms().norm(dim=0), torch.ones(20))


def test_one_iteration_is_a_tied_encoder() -> None:
    """Lecture 15: weights tied to the decoder's, then a nonlinearity."""
    dictionary, images = problem()
    encoder = ISTAEncoder(dictionary, weight=WEIGHT, iterations=1)
    atoms = dictionary.atoms()
    bound = (atoms.T @ atoms).abs().sum(1).max()
    tied = images.flatten(1) @ atoms / bound
    expected = tied.sign() * (tied.abs() - WEIGHT / bound).clamp(min=0)
    torch.testing.assert_close(encoder(images), expected)


def test_settings_out_of_range() -> None:
    for settings, message in (
        ({"weight": -1.0}, "ista_autoencoder: weight must be finite and at least 0, got -1"),
        ({"iterations": 0}, "ista_autoencoder: iterations must be at least 1, got 0"),
        ({"latents": 0}, "ista_autoencoder: latents must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            ista_autoencoder(**settings)
