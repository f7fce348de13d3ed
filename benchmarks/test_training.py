"""A full training step of β-TCVAE at B = 64 on dSprites, against the step as public projects write it.

The two take turns, so that both meet the same machine; what the other does is not timed, and its threads are
left the time to stop waiting for more.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import baselines
import fastdis
from fastdis._memory import keep_freed_memory
from fastdis.training.batches import batches
from fastdis.training.turns import optimizers_of, play, turns_of

N, BETA, BATCH = 737_280, 6.0, 64
ROUNDS = 25
PAUSE = 0.05  # seconds: OpenMP's threads wait by spinning, for some ten milliseconds


@pytest.fixture(scope="module")
def data() -> fastdis.data.FactorDataset:
    return fastdis.data.dsprites().subset(slice(0, None, 37))


def our_step(data: fastdis.data.FactorDataset) -> Callable[[], None]:
    """What `fastdis.training.fit` does between two lines of the log."""
    keep_freed_memory()
    model, objective = fastdis.models.burgess_vae(), fastdis.losses.BetaTCVAE(dataset_size=N, beta=BETA)
    optimizers = optimizers_of(model, objective, 1e-4)
    stream = batches(data, BATCH, seed=0)
    autocast = torch.autocast("cpu", enabled=False)
    return lambda: play(turns_of(model, objective, lambda: next(stream), 0), optimizers, autocast) and None


@pytest.fixture
def usual_step(data: fastdis.data.FactorDataset) -> Iterator[Callable[[], None]]:
    """The other's step, in a process of its own: what we ask of the C library's memory would help it too."""
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    unpacked = data.images(slice(None)).squeeze(1).to(torch.uint8).numpy()
    process = context.Process(target=baselines.serve_training_steps, args=(theirs, unpacked, N, BETA))
    process.start()

    def step() -> None:
        ours.send(True)
        ours.recv()

    yield step
    ours.send(False)
    process.join()


@pytest.mark.parametrize("column", ["PyTorch as usual", "fastdis"])
def test_training_step(
    benchmark: Any, data: fastdis.data.FactorDataset, usual_step: Callable[[], None], column: str
) -> None:
    steps = {"PyTorch as usual": usual_step, "fastdis": our_step(data)}
    timed = steps.pop(column)
    (other,) = steps.values()
    benchmark.group = "training step of β-TCVAE, Burgess, dSprites, B = 64"
    benchmark.extra_info.update(column=column)

    def turn() -> None:
        other()
        time.sleep(PAUSE)

    benchmark.pedantic(timed, setup=turn, rounds=ROUNDS, warmup_rounds=3)


@pytest.mark.parametrize("column", ["eager", "fastdis"])
@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_convolutions(measure: Callable[..., None], half: str, column: str) -> None:
    """The layers of Burgess's model alone; eager as torch is fastest at them, channels last."""
    model = fastdis.models.burgess_vae()
    layers = getattr(model, half).layers
    if half == "encoder":
        run, inputs = layers[:8], torch.rand(BATCH, 1, 64, 64)
    else:
        run, inputs = layers[-7:], torch.randn(BATCH, 32, 4, 4, requires_grad=True)
    inputs = inputs.to(memory_format=torch.channels_last)
    run = run if column == "fastdis" else torch.nn.Sequential(*run)
    wanted = [*run.parameters(), *([inputs] if inputs.requires_grad else [])]
    with torch.no_grad():
        cotangent = torch.randn_like(run(inputs))
    measure(
        lambda: torch.autograd.grad(run(inputs), wanted, cotangent),
        group=f"convolutions of Burgess's {half}, forward and backward, B = {BATCH}",
        column=column,
    )


@pytest.mark.parametrize("column", ["DataLoader", "fastdis"])
def test_a_batch_of_images(
    measure: Callable[..., None], data: fastdis.data.FactorDataset, column: str
) -> None:
    """The data side of a step alone."""
    if column == "fastdis":
        stream = batches(data, BATCH, seed=0)
    else:
        unpacked = data.images(slice(None)).squeeze(1).to(torch.uint8).numpy()
        loader = torch.utils.data.DataLoader(
            baselines.UnpackedImages(unpacked), batch_size=BATCH, shuffle=True, drop_last=True
        )
        stream = (images for _ in range(1000) for images in loader)
    measure(lambda: next(stream), group="images of a batch, dSprites, B = 64", column=column)
