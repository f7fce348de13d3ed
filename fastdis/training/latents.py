"""How much information each latent carries while a model is trained."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..functional import gaussian_kl


def kl_per_latent(model: nn.Module, images: Tensor) -> dict[str, float]:
    """Compute KL(q(z_d|x) || p(z_d)) in nats, the mean over a batch, by the name of the latent.

    For a model without ``encode(images) -> (mean, logvar)`` the result is {}. The model encodes in evaluation
    mode, so that neither its buffers nor the state of any generator changes.
    """
    encode: Callable[[Tensor], tuple[Tensor, Tensor]] | None = getattr(model, "encode", None)
    if encode is None:
        return {}
    training = model.training
    if images.dim() == 5:
        images = images[:, 0]  # (batch, 2, channels, height, width): the first of each pair
    model.eval()
    try:
        with torch.no_grad():
            mean, logvar = encode(images)
    finally:
        model.train(training)
    kl = gaussian_kl(mean.float(), logvar.float())
    return {f"z{latent}": value for latent, value in enumerate(kl.tolist())}


def target_per_latent(objective: nn.Module, step: int) -> dict[str, float]:
    """Return the target that an objective has for the KL of each latent, in nats, by ``target_z0`` and so on.

    It is what ``kl_targets(step)`` of the objective returns, nan for a latent without a target; {} for an
    objective without this method.
    """
    targets: Callable[[int], Tensor] | None = getattr(objective, "kl_targets", None)
    if targets is None:
        return {}
    return {f"target_z{latent}": value for latent, value in enumerate(targets(step).tolist())}
