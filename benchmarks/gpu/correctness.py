"""Every operation on the device against its float64 reference: no time is reported where one fails."""

import math

import torch
from operations import N, mixture, posteriors, table_arguments
from replay import replayed
from torch import Tensor


def check() -> int:
    """Every operation against the float64 reference; how many comparisons passed."""
    import fastdis
    from support.agreement import assert_as_accurate

    passed = 0
    for dtype in (torch.float32, torch.float64):
        for batch, latent in (
            (2, 1),
            (7, 3),
            (64, 10),
            (257, 10),
            (512, 16),
            (1000, 10),
            (2049, 3),
            (300, 512),
        ):
            mean, logvar, noise = (tensor.detach() for tensor in posteriors(batch, latent, torch.float64))
            sample = mean + torch.exp(0.5 * logvar) * noise
            assert_as_accurate(
                lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n),
                lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n, backend="reference"),
                [mean, logvar, noise],
                [torch.randn_like(mean), torch.randn_like(mean[0])],
                dtype,
            )
            assert_as_accurate(
                lambda w, n: fastdis.reparameterize_kl(*w.chunk(2, dim=1), noise=n),
                lambda w, n: fastdis.reparameterize_kl(*w.chunk(2, dim=1), noise=n, backend="reference"),
                [torch.cat([mean, logvar], dim=1), noise],
                [torch.randn_like(mean), torch.randn_like(mean[0])],
                dtype,
            )
            passed += 2
            for estimator in ("mss", "mws"):
                settings = {"dataset_size": N, "estimator": estimator}
                assert_as_accurate(
                    lambda *a, s=settings: fastdis.kl_decomposition(*a, **s),
                    lambda *a, s=settings: fastdis.kl_decomposition(*a, **s, backend="reference"),
                    [sample, mean, logvar],
                    [torch.tensor(value, device="cuda") for value in (0.3, -2.0, 1.7)],
                    dtype,
                )
                assert_as_accurate(
                    lambda *a, s=settings: [fastdis.tcvae_penalty(*a, **s)[0]],
                    lambda *a, s=settings: [fastdis.tcvae_penalty(*a, **s, backend="reference")[0]],
                    [sample, mean, logvar],
                    [torch.tensor(-1.3, device="cuda")],
                    dtype,
                )
                assert_as_accurate(
                    lambda m, v, s=settings, n=noise: fastdis.reparameterize_tcvae(m, v, noise=n.to(m), **s)[
                        :2
                    ],
                    lambda m, v, s=settings, n=noise: fastdis.reparameterize_tcvae(
                        m, v, noise=n.to(m), **s, backend="reference"
                    )[:2],
                    [mean, logvar],
                    [torch.randn_like(mean), torch.tensor(-1.3, device="cuda")],
                    dtype,
                )
                passed += 3
    for batch in (64, 2048):
        passed += check_replay(batch)
        z = posteriors(batch, 10)[2]
        shuffled = fastdis.permute_dims(z)
        assert torch.equal(shuffled.sort(0).values, z.sort(0).values)
        assert not torch.equal(shuffled, z)
        passed += 1
    return passed + check_log_density() + check_joint_table()


def check_log_density() -> int:
    """log q(z), brute force and skip list, within its own error bound of the float64 reference."""
    from fastdis.kernels.aggregated_posterior import log_density

    passed = 0
    for count, latent in ((1, 1), (130, 3), (2000, 10), (5003, 32), (N, 10)):
        z, mean, logvar, floor = mixture(count, latent)
        some = slice(0, 300)  # so that the reference ends
        expected, _, _ = log_density(z[some], mean, logvar, backend="reference")
        for dtype in (torch.float32, torch.float64):
            arguments = [tensor.to(dtype) for tensor in (z[some], mean, logvar)]
            for bound in (None, floor[some]):
                found, error, pairs = log_density(*arguments, floor=bound)
                assert ((found - expected).abs() <= error + 1e-12 * expected.abs()).all()
                assert error.max() <= 1e-4
                assert pairs <= len(expected) * count
                passed += 1
    return passed


def check_joint_table() -> int:
    """The same integers as the reference, also of factors too large for shared memory."""
    from fastdis.kernels.joint_histogram import joint_histogram

    passed = 0
    for dtype in (torch.float32, torch.float64):
        for samples, codes in ((1, 1), (1025, 17), (N, 10)):
            z, classes, edges, sizes = table_arguments(samples, codes, dtype)
            classes[:, 4] = torch.randint(65_536, (samples,), device="cuda")
            arguments = z, classes, edges, [*sizes[:4], 65_536]
            assert torch.equal(joint_histogram(*arguments), joint_histogram(*arguments, backend="reference"))
            passed += 1
    return passed


def check_replay(batch: int) -> int:
    """A replayed graph of the penalty gives the bits of a call, twice."""
    import fastdis

    mean, logvar, noise = posteriors(batch, 10)
    results: list[Tensor] = []

    def step() -> None:
        z = fastdis.reparameterize(mean, logvar, noise=noise)
        penalty, terms = fastdis.tcvae_penalty(z, mean, logvar, dataset_size=N)
        results[:] = [penalty.detach(), *terms, *torch.autograd.grad(penalty, (mean, logvar))]

    step()
    expected = [tensor.clone() for tensor in results]
    replay = replayed(step)
    for _ in range(2):
        for tensor in results:
            tensor.fill_(math.nan)
        replay()
        assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
    return 2
