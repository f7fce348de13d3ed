"""Several VAEs of one architecture trained at once: seeds or settings, as one stack of weights."""

import copy
import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from .. import _checks
from .._memory import keep_freed_memory
from .._progress import progress_bar
from ..functional import reparameterize
from ..losses import LossTerms
from ..models import VAE
from ..models.device import device_of
from .batches import Data, batches, on_device
from .inputs import model_inputs
from .log import Log, Row
from .train_state import TrainState


def fit_many(
    models: Sequence[VAE],
    objectives: Sequence[nn.Module],
    data: Data,
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    seeds: Iterable[int] | None = None,
    log_every: int = 100,
    progress: bool = True,
) -> list[list[Row]]:
    """Train models of one architecture together on a GPU, with Adam, in place.

    Each learns what `fit` would teach it with its own objective and seed, up to rounding: the order of its
    images and its noise are the same. The weights are kept in one stack, so that a layer of all models is one
    (grouped) operation: this keeps a GPU busy where a single small model does not. On a CPU it is faster to
    call `fit` for one model after the other: 29 ms a step of Burgess's model, against 48 to 74 ms here.

    Args:
        models: VAEs whose encoders and decoders have the same layers and draw no random numbers.
        objectives: one for each model, called as those of `fastdis.losses` are, without ``turns``.
        data: as in `fit`.
        steps: optimisation steps.
        batch_size: images a step for each model.
        learning_rate: that of Adam.
        seeds: one for each model, of its images' order and its noise; 0, 1, 2, ... unless given.
        log_every: steps between two lines of the logs; the first and the last step have lines too.
        progress: show a progress bar on standard error.

    Returns:
        For each model the lines of its log, as from `fit`.

    Raises:
        TypeError: a model is not a `fastdis.models.VAE`, or an argument or the data is of another kind.
        ValueError: there are not as many objectives and seeds as models, or no model; an objective has
            turns; the architectures differ; an argument is out of range.
        FloatingPointError: a loss is no longer finite; the message names the model, the step and the term.

    Example:
        >>> import torch, fastdis
        >>> models = [fastdis.models.burgess_vae(latents=2) for _ in range(2)]
        >>> objectives = [fastdis.losses.BetaVAE(beta=beta) for beta in (1.0, 4.0)]
        >>> logs = fastdis.training.fit_many(
        ...     models, objectives, torch.rand(8, 1, 64, 64), steps=2, batch_size=4, progress=False
        ... )
        >>> len(logs), list(logs[0][0])
        (2, ['step', 'seconds', 'total', 'reconstruction', 'kl'])
    """
    seeds = range(len(models)) if seeds is None else [_checks.seed("fit_many", seed) for seed in seeds]
    steps, batch_size = (
        _checks.integer("fit_many", name, value)
        for name, value in {"steps": steps, "batch_size": batch_size}.items()
    )
    log_every = _checks.integer("fit_many", "log_every", log_every)
    learning_rate = _checks.number("fit_many", "learning_rate", learning_rate, above=0)
    _check(models, objectives, seeds)
    keep_freed_memory()
    device = device_of(models[0])
    data = on_device(data, device)  # once for all models
    streams = [
        model_inputs(
            "fit_many", batches(data, batch_size, seed, device=device, function="fit_many"), model, objectives
        )
        for seed, model in zip(seeds, models, strict=True)
    ]
    noises = [torch.Generator(device).manual_seed(seed) for seed in seeds]
    encoders, decoders = (
        _Stack([model.encoder for model in models]),
        _Stack([model.decoder for model in models]),
    )
    weights = [*encoders.weights.values(), *decoders.weights.values()]
    optimizer = torch.optim.Adam(weights, lr=learning_rate, fused=True)
    states, logs = [TrainState() for _ in models], [Log(None) for _ in models]
    try:
        with progress_bar("training", steps, "steps", shown=progress) as update:
            for step in range(steps):
                began = time.perf_counter()
                images = torch.stack([next(stream) for stream in streams])
                terms = _losses(objectives, encoders, decoders, images, noises, step)
                optimizer.zero_grad()
                torch.stack([each.total for each in terms]).sum().backward()
                optimizer.step()
                line_due = step == 0 or (step + 1) % log_every == 0 or step + 1 == steps
                for model, (state, each) in enumerate(zip(states, terms, strict=True)):
                    state.advance(each.to_dict())
                    if line_due:
                        _require_finite(state, model)
                for state, log in zip(states, logs, strict=True):
                    state.seconds += time.perf_counter() - began
                    if line_due:
                        log.append(state.row())
                        state.next_line()
                update(step + 1, logs[0].summary())
    finally:
        encoders.unstack()
        decoders.unstack()
    return [log.rows for log in logs]


class _Stack:
    """Call modules with the same layers as one function of stacked inputs, (modules, batch, ...)."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = modules
        self.weights, _ = stack_module_state(list(modules))
        self._layers = copy.deepcopy(modules[0]).to("meta")

    def __call__(self, inputs: Tensor) -> Any:
        return vmap(lambda weights, own: functional_call(self._layers, weights, (own,)))(self.weights, inputs)

    def unstack(self) -> None:
        """Give every module its weights back."""
        for index, module in enumerate(self.modules):
            module.load_state_dict({name: weight[index] for name, weight in self.weights.items()})


def _losses(
    objectives: Sequence[nn.Module],
    encoders: _Stack,
    decoders: _Stack,
    images: Tensor,
    noises: Sequence[torch.Generator],
    step: int,
) -> list[LossTerms]:
    """Compute the terms of every model; only what has weights is computed for all of them together."""
    mean, logvar = encoders(images)
    noise = torch.stack(
        [torch.randn(mean.shape[1:], generator=each, dtype=mean.dtype, device=mean.device) for each in noises]
    )
    flat = (tensor.flatten(0, 1) for tensor in (mean, logvar))
    z = reparameterize(*flat, noise=noise.flatten(0, 1)).view_as(mean)
    reconstruction = decoders(z)
    arguments = zip(objectives, reconstruction, images, z, mean, logvar, strict=True)
    return [objective(*tensors, step=step) for objective, *tensors in arguments]


def _require_finite(state: TrainState, model: int) -> None:
    if (found := state.not_finite()) is not None:
        name, step = found
        raise FloatingPointError(
            f"fit_many: {name} of model {model} is not finite at step {step}; "
            "a smaller learning_rate may help"
        )


def _check(models: Sequence[VAE], objectives: Sequence[nn.Module], seeds: Sequence[int]) -> None:
    count = len(models)
    if not count or {len(objectives), len(seeds)} != {count}:
        raise ValueError(
            f"fit_many: models, objectives and seeds must be equal in number, at least 1, "
            f"got {count}, {len(objectives)} and {len(seeds)}"
        )
    shapes = [
        {name: tuple(value.shape) for name, value in model.state_dict().items()}
        if type(model) is VAE and not list(model.buffers())
        else None
        for model in models
    ]
    if None in shapes:
        raise TypeError("fit_many: models must be instances of fastdis.models.VAE itself, without buffers")
    if any(other != shapes[0] for other in shapes):
        raise ValueError("fit_many: models must have the same architecture")
    for objective in objectives:
        if hasattr(objective, "turns"):
            raise ValueError(
                f"fit_many: objectives must be called with a batch, got {type(objective).__name__}, "
                "which takes its steps in turns"
            )
