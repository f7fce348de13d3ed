"""What is measured: each operation beside what others run, by column."""

import math
from collections.abc import Iterator

import torch
from replay import Step, columns
from torch import Tensor

N, BETA = 737_280, 6.0


def posteriors(batch: int, latent: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """mean, logvar and noise like those of a half-trained model."""
    generator = torch.Generator("cuda").manual_seed(0)
    mean, logvar, noise = torch.randn(3, batch, latent, generator=generator, device="cuda", dtype=dtype)
    return mean.requires_grad_(), (logvar - 3).requires_grad_(), noise


def usual_penalty(z: Tensor, mean: Tensor, logvar: Tensor, log_weights: Tensor) -> Tensor:
    """The β-TCVAE penalty as the reference has it, with the weights made once, on the device."""
    from fastdis.kernels.total_correlation import reference

    logits = reference.log_densities(z, mean, logvar)
    log_q = torch.logsumexp(logits.sum(2) + log_weights, dim=1)
    log_marginals = torch.logsumexp(logits + log_weights.unsqueeze(2), dim=1).sum(1)
    log_prior = (-0.5 * (math.log(2 * math.pi) + z.square())).sum(1)
    mi, tc = logits.sum(2).diagonal() - log_q, log_q - log_marginals
    return (mi + BETA * tc + log_marginals - log_prior).mean()


def penalties(batch: int, latent: int) -> Iterator[tuple[str, Step]]:
    """reparameterize_tcvae, forward and backward, by column."""
    import fastdis
    from fastdis.kernels.total_correlation import reference

    mean, logvar, noise = posteriors(batch, latent)
    log_weights = reference.log_weights(batch, N, "mss").to(mean)

    def usual(mean: Tensor, logvar: Tensor) -> Tensor:
        z = mean + torch.exp(0.5 * logvar) * noise
        return usual_penalty(z, mean, logvar, log_weights)

    def ours(mean: Tensor, logvar: Tensor) -> Tensor:
        return fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=N, beta=BETA)[1]

    return columns(usual, ours, (mean, logvar))


def samples(batch: int, latent: int) -> Iterator[tuple[str, Step]]:
    """reparameterize_kl, the noise given, forward and backward, by column."""
    import baselines
    import fastdis

    mean, logvar, noise = posteriors(batch, latent)
    grad_z, grad_kl = torch.randn_like(mean), torch.randn_like(mean[0])

    def usual(mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        return baselines.reparameterize_kl(mean, logvar, noise)

    def ours(mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        return fastdis.reparameterize_kl(mean, logvar, noise=noise)

    return columns(usual, ours, (mean, logvar), (grad_z, grad_kl))


def samples_forward(batch: int, latent: int) -> Iterator[tuple[str, Step]]:
    """reparameterize_kl, the noise given, forward alone, by column."""
    import baselines
    import fastdis

    arguments = [tensor.detach() for tensor in posteriors(batch, latent)]
    compiled = torch.compile(baselines.reparameterize_kl, dynamic=False)
    mean, logvar, noise = arguments
    yield "eager", lambda: baselines.reparameterize_kl(*arguments)
    yield "torch.compile", lambda: compiled(*arguments)
    yield "fastdis", lambda: fastdis.reparameterize_kl(mean, logvar, noise=noise)


def permutations(batch: int, latent: int) -> Iterator[tuple[str, Step]]:
    """permute_dims against the usual loop."""
    import fastdis

    z = posteriors(batch, latent)[2]

    def usual() -> Tensor:
        shuffled = [column[torch.randperm(batch, device="cuda")] for column in z.unbind(1)]
        return torch.stack(shuffled, dim=1)

    yield "eager", usual
    yield "fastdis", lambda: fastdis.permute_dims(z)


def mixture(count: int, latent: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z, mean and logvar like those of a trained model, and log q(z|x), below which log sum_j cannot lie."""
    from toy_posteriors import posteriors as toy

    mean, logvar = (torch.from_numpy(array).cuda() for array in toy(count, latent, "trained"))
    noise = posteriors(count, latent)[2]
    z = mean + torch.exp(0.5 * logvar) * noise
    squares = (z.double() - mean.double()).square() * torch.exp(-logvar.double())
    return z, mean, logvar, -0.5 * (squares + logvar.double() + math.log(2 * math.pi)).sum(1)


def every_pair(count: int, latent: int) -> Iterator[tuple[str, Step]]:
    """log q(z) over all pairs; eager PyTorch where it is done within a second or two."""
    from fastdis.kernels.aggregated_posterior import log_density

    z, mean, logvar, _ = mixture(count, latent)

    def usual() -> Tensor:
        precision, parts = torch.exp(-logvar), []
        for part in z.split(2**28 // (count * latent)):  # 1 GiB at a time
            squares = (part[:, None] - mean).square() * precision
            parts.append(torch.logsumexp(-0.5 * (squares + logvar).sum(2), dim=1))
        return torch.cat(parts)

    if count <= 100_000:
        yield "eager", usual
    yield "fastdis", lambda: log_density(z, mean, logvar)


def skip_list(count: int, latent: int) -> Iterator[tuple[str, Step]]:
    """log q(z) to 1e-4 nats over the tiles that matter; ordering and choosing them is part of it."""
    from fastdis.kernels.aggregated_posterior import log_density

    z, mean, logvar, floor = mixture(count, latent)
    yield "fastdis", lambda: log_density(z, mean, logvar, floor=floor)


def table_arguments(
    samples: int, codes: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor, list[int]]:
    """Codes, classes like those of dSprites, edges over the range of each code, sizes."""
    z, sizes = posteriors(samples, codes, dtype)[2], [3, 6, 40, 32, 32]
    classes = (torch.rand(samples, 5, device="cuda") * torch.tensor(sizes, device="cuda")).long()
    ends = zip(z.amin(0).tolist(), z.amax(0).tolist(), strict=True)
    edges = torch.stack([torch.linspace(low, high, 21, device="cuda", dtype=dtype) for low, high in ends])
    return z, classes, edges, sizes


def tables(samples: int, codes: int) -> Iterator[tuple[str, Step]]:
    """The joint table of codes and the five factors of dSprites, bins found and counted, by column."""
    from fastdis.kernels.joint_histogram import joint_histogram

    arguments = table_arguments(samples, codes)
    yield "eager", lambda: joint_histogram(*arguments, backend="reference")
    yield "fastdis", lambda: joint_histogram(*arguments)
