"""What holds for every declared objective: a new one is tested here by its entry and its preset."""

import inspect
import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fastdis import losses
from fastdis.losses import OBJECTIVES
from fastdis.models import MODELS
from fastdis.training.registry import build
from fastdis.training.turns import optimizers_of, play, turns_of
from support.objectives import CALLED, FROM_A_BATCH, batch, model, numbers, objective, settings

NUMBERS = [(name, number) for name in OBJECTIVES for number in numbers(name)]
FLOATS = [(name, number) for name, number in NUMBERS if isinstance(numbers(name)[number], float)]
STEP = 3

# as config.json of version 0.1 has them: a resumed run must find the same
REPRS_OF_0_1 = {
    "vae": "VAE(likelihood='bernoulli')",
    "beta-vae": "BetaVAE(beta=4.0, likelihood='bernoulli')",
    "annealed-vae": ("AnnealedVAE(gamma=1000.0, capacity=25.0, iterations=100000, likelihood='bernoulli')"),
    "per-latent-capacity-vae": (
        "PerLatentCapacityVAE(capacities=[5.0, 5.0, 5.0, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0], gamma=100.0, "
        "iterations=100000, likelihood='bernoulli')"
    ),
    "beta-tcvae": (
        "BetaTCVAE(dataset_size=96, alpha=1.0, beta=6.0, gamma=1.0, estimator='mss', likelihood='bernoulli')"
    ),
    "dip-vae": "DIPVAE(variant='i', lambda_od=10.0, lambda_d=100.0, likelihood='bernoulli')",
    "hfvae": (
        "HFVAE(dataset_size=96, groups=[(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)], alpha=1.0, beta=6.0, gamma=1.0, "
        "estimator='mss', likelihood='bernoulli')"
    ),
    "ada-gvae": "AdaGVAE(beta=1.0, likelihood='bernoulli')",
    "ada-ml-vae": "AdaMLVAE(beta=1.0, likelihood='bernoulli')",
    "ae": "AE(likelihood='bernoulli')",
    "denoising-ae": "DenoisingAE(dropout=0.25, noise=0.0, likelihood='bernoulli')",
    "sparse-ae": "SparseAE(weight=1.0, likelihood='bernoulli')",
}


def called(name: str, *tensors: Tensor, **changes: Any) -> losses.LossTerms:
    terms: losses.LossTerms = objective(name, **changes)(*(tensors or batch()), step=STEP)
    return terms


def test_every_exported_objective_is_declared() -> None:
    exported = [value for value in map(losses.__dict__.get, losses.__all__) if inspect.isclass(value)]
    assert {entry.make for entry in OBJECTIVES.values()} == {
        value for value in exported if issubclass(value, nn.Module)
    }
    assert {entry.model for entry in OBJECTIVES.values()} <= set(MODELS)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_step_is_played_by_those_that_the_entry_names(name: str) -> None:
    entry, own, images = OBJECTIVES[name], objective(name), torch.rand(6, 1, 64, 64)
    trained = model(name)
    optimizers = optimizers_of(trained, own, 1e-4)
    assert sorted(optimizers) == sorted(entry.players)
    batches = images.view(3, 2, 1, 64, 64) if entry.pairs else images[:3]
    turns = list(turns_of(trained, own, lambda: batches, 0))
    assert {player for player, _ in turns} == set(entry.players)
    terms = play(iter(turns[-1:]), optimizers, nullcontext())
    assert all(value.isfinite() for value in terms.values())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_arguments_are_given_by_name(name: str) -> None:
    make = OBJECTIVES[name].make
    kinds = {parameter.kind for parameter in inspect.signature(make).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match=r"\.__init__\(\) takes 1 positional argument but 2 were given"):
        make(4.0)


@pytest.mark.parametrize("name", CALLED)
def test_the_step_is_given_by_name(name: str) -> None:
    with pytest.raises(TypeError, match="takes 6 positional arguments but 7 were given"):
        objective(name)(*batch(), STEP)


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_numbers_of_any_kind_become_python_s(name: str, number: str) -> None:
    """A kernel takes Python's floats and integers only."""
    plain = numbers(name)[number]
    if isinstance(plain, float):
        value = float(int(plain))  # whole, so that every kind can hold it
        kinds = [int(value), np.float32(value), np.float64(value), np.int64(value), torch.tensor(value)]
    else:
        value = plain
        kinds = [np.int64(value), np.int32(value), torch.tensor(value)]
    expected = objective(name, **{number: value})
    for kind in kinds:
        found = objective(name, **{number: kind})
        assert repr(found) == repr(expected)
        if number in vars(found):
            assert type(vars(found)[number]) is type(plain)
        if name in CALLED:
            assert found(*batch(), step=STEP).total == expected(*batch(), step=STEP).total


@pytest.mark.parametrize(("name", "number"), FLOATS)
def test_a_flag_counts_as_a_number(name: str, number: str) -> None:
    value = vars(objective(name, **{number: False}))[number]
    assert (value, type(value)) == (0.0, float)


@pytest.mark.parametrize(("name", "number"), FLOATS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, np.float32("nan"), torch.tensor(-1.0)])
def test_numbers_out_of_range_are_refused_by_name(name: str, number: str, value: Any) -> None:
    message = (
        f"{OBJECTIVES[name].make.__name__}: {number} must be finite and at least 0, got {float(value):g}"
    )
    with pytest.raises(ValueError, match=message):
        objective(name, **{number: value})


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_what_is_no_number_is_refused_by_name(name: str, number: str) -> None:
    label = f"{OBJECTIVES[name].make.__name__}: {number} must be"
    for value in ("nan", None, [1.0], 1j, torch.ones(2), torch.ones((), requires_grad=True)):
        if value is None and settings_allow_none(name, number):
            continue
        with pytest.raises(TypeError, match=label):
            objective(name, **{number: value})
    if (name, number) not in FLOATS:
        for value in (True, 1.5, np.float64(2), torch.tensor(2.0), torch.tensor(True)):
            with pytest.raises(TypeError, match=f"{label} an integer, got"):
                objective(name, **{number: value})
        with pytest.raises(ValueError, match=f"{label} at least [12], got 0"):
            objective(name, **{number: 0})


def settings_allow_none(name: str, setting: str) -> bool:
    return inspect.signature(OBJECTIVES[name].make).parameters[setting].default is None


@pytest.mark.parametrize("name", OBJECTIVES)
def test_unknown_words_are_refused_by_name(name: str) -> None:
    words = [setting for setting, value in settings(name).items() if isinstance(value, str)]
    for word in words:
        label = f"{OBJECTIVES[name].make.__name__}: {word} must be one of '"
        with pytest.raises(ValueError, match=label):
            objective(name, **{word: "exact"})


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes(name: str, dtype: torch.dtype) -> None:
    """Half precision is read as it is and summed in float32."""
    tensors = [tensor.requires_grad_() for tensor in batch(dtype=dtype)]
    own = objective(name).to(dtype)
    terms = own(*tensors, step=STEP)
    terms.total.backward()
    expected = own.double()(*(tensor.double() for tensor in tensors), step=STEP).to_dict()
    exact = own_networks(name) == 0 or dtype == torch.float64
    for term, value in terms.to_dict().items():
        assert value.dtype == torch.promote_types(dtype, torch.float32)
        if exact:
            torch.testing.assert_close(value.double(), expected[term].double(), rtol=1e-5, atol=1e-5)
    assert tensors[0].grad.dtype == dtype
    assert all(tensor.grad is None or tensor.grad.isfinite().all() for tensor in tensors)


def own_networks(name: str) -> int:
    """How many networks the objective has: their layers compute in the dtype of their weights."""
    return len(OBJECTIVES[name].players) - 1


@pytest.mark.parametrize("name", CALLED)
def test_under_autocast_sums_keep_their_digits(name: str) -> None:
    tensors = batch()
    with torch.autocast("cpu", torch.bfloat16):
        found = called(name, *tensors)
    expected = called(name, *tensors).to_dict()
    for term, value in found.to_dict().items():
        assert value.dtype == torch.float32
        if own_networks(name) == 0:
            torch.testing.assert_close(value, expected[term], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CALLED)
def test_large_images_in_half_precision_do_not_overflow(name: str) -> None:
    """Their sum is 553,000, and half precision ends at 65,504."""
    images = torch.full((5, 3, 64, 64), 9.0, dtype=torch.float16)
    assert called(name, images, images * 0, *batch()[2:]).total.isfinite()


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("images", [1, 2, 7])
def test_sizes(name: str, images: int) -> None:
    tensors = batch(images)
    if images == 1 and name in FROM_A_BATCH:
        label = f"{OBJECTIVES[name].make.__name__}: mean must hold at least 2 samples, got 1"
        with pytest.raises(ValueError, match=label):
            called(name, *tensors)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert called(name, *tensors).total.isfinite()


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("logvar", [-30.0, 30.0])
def test_extreme_variances(name: str, logvar: float) -> None:
    leaves = [tensor.requires_grad_() for tensor in (*batch()[:4], torch.full((5, 10), logvar))]
    terms = called(name, *leaves)
    terms.total.backward()
    assert all(value.isfinite() for value in terms.to_dict().values())
    assert all(leaf.grad is None or leaf.grad.isfinite().all() for leaf in leaves)


@pytest.mark.parametrize("name", CALLED)
def test_it_compiles_to_one_graph_for_batches_of_any_size(name: str) -> None:
    torch.compiler.reset()
    own = objective(name)
    compiled = torch.compile(
        lambda *tensors, step: own(*tensors, step=step).total, fullgraph=True, backend="aot_eager"
    )
    for step, images in enumerate((5, 5, 3, 7)):
        tensors = batch(images)
        torch.testing.assert_close(compiled(*tensors, step=step), own(*tensors, step=step).total)


@pytest.mark.parametrize("name", CALLED)
def test_images_that_do_not_fit(name: str) -> None:
    own, label = objective(name), OBJECTIVES[name].make.__name__
    images, target, *codes = batch()
    for wrong, kind, message in (
        (target[:, 0], ValueError, r"target must have shape \(5, 1, 8, 8\) like reconstruction, and not"),
        (
            (target * 255).byte(),
            TypeError,
            "target must have a floating-point dtype, got torch.uint8; div",
        ),
        (target.round().long(), TypeError, "target must have a floating-point dtype, got torch.int64"),
        (target.numpy(), TypeError, "target must be a torch.Tensor, got ndarray"),
    ):
        with pytest.raises(kind, match=f"{label}: {message}"):
            own(images, wrong, *codes, step=STEP)
    with pytest.raises(ValueError, match=f"{label}: target .* and not be empty, got"):
        own(images[:0], target[:0], *(code[:0] for code in codes), step=STEP)


@pytest.mark.parametrize("name", CALLED)
def test_codes_that_do_not_fit(name: str) -> None:
    """Objectives that do not read a code do not look at it."""
    own, label = objective(name), OBJECTIVES[name].make.__name__
    for wrong, kind in (
        (lambda code: code[:4], ValueError),
        (lambda code: code[0], ValueError),
        (lambda code: code.long(), TypeError),
        (lambda code: code.numpy(), TypeError),
    ):
        images, target, z, mean, logvar = batch()
        z, mean, logvar = wrong(z), wrong(mean), wrong(logvar)
        if name in ("ae", "denoising-ae", "contractive-ae", "stacked-denoising-ae"):
            own(images, target, z, mean, logvar, step=STEP)
            continue
        with pytest.raises(kind, match=f"{label}: (z|mean) must "):
            own(images, target, z, mean, logvar, step=STEP)
        if name != "sparse-ae":
            with pytest.raises(kind, match=f"{label}: logvar must "):
                own(*batch()[:4], logvar, step=STEP)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_repr_builds_it_again(name: str) -> None:
    own = objective(name)
    again = eval(f"{type(own).__name__}({own.extra_repr()})", vars(losses))
    assert repr(again) == repr(own)


@pytest.mark.parametrize(("name", "expected"), REPRS_OF_0_1.items())
def test_the_repr_is_that_of_runs_of_0_1(name: str, expected: str) -> None:
    assert repr(objective(name)) == expected


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_state_can_be_saved_and_loaded(name: str) -> None:
    own, other = objective(name), objective(name)
    for value in other.state_dict().values():
        value.zero_()
    other.load_state_dict(own.state_dict())
    for key, value in own.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
    if name in CALLED:
        assert other(*batch(), step=STEP).total == own(*batch(), step=STEP).total


def test_settings_reach_the_objective_by_its_entry() -> None:
    """An entry takes what it has an argument for, of all that a run knows."""
    built = build(OBJECTIVES["beta-vae"], {"beta": 2, "dataset_size": 9, "latents": 3, "channels": 1})
    assert repr(built) == "BetaVAE(beta=2.0, likelihood='bernoulli')"


@pytest.mark.parametrize("name", CALLED)
def test_shapes_are_inferred_on_the_meta_device(name: str) -> None:
    with torch.device("meta"):
        tensors = [torch.empty_like(tensor, device="meta").requires_grad_() for tensor in batch()]
        terms = objective(name)(*tensors, step=STEP)
    terms.total.backward()
    assert terms.total.shape == ()
    assert {term.device.type for term in terms.to_dict().values()} == {"meta"}
