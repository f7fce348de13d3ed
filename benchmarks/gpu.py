"""The operations on a CUDA device: first their numbers, then their speed beside what others run.

    python benchmarks/gpu.py --out benchmarks/results/gpu.json

Needs torch, triton and numpy, and no installation: it reads this checkout. The JSON has the rows of
`render.py`, and is rewritten after every operation, so that a run that is cut off leaves what it had.
"""

import argparse
import importlib.util
import json
import math
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
N, BETA = 737_280, 6.0
Step = Callable[[], Any]


def load_checkout() -> None:
    """Make this checkout's fastdis importable: kernels/ lies at its top level and is fastdis.kernels."""
    places = [str(ROOT / "fastdis"), str(ROOT)]
    spec = importlib.util.spec_from_file_location(
        "fastdis", ROOT / "fastdis" / "__init__.py", submodule_search_locations=places
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["fastdis"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path += [str(ROOT / "tests"), str(ROOT / "benchmarks")]


# What is measured


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
    """Forward and backward with reparameterize in front, by column."""
    import fastdis
    from fastdis.kernels.total_correlation import reference

    mean, logvar, noise = posteriors(batch, latent)
    log_weights = reference.log_weights(batch, N, "mss").to(mean)

    def usual(mean: Tensor, logvar: Tensor) -> Tensor:
        z = mean + torch.exp(0.5 * logvar) * noise
        return usual_penalty(z, mean, logvar, log_weights)

    def ours(mean: Tensor, logvar: Tensor) -> Tensor:
        z = fastdis.reparameterize(mean, logvar, noise=noise)
        return fastdis.tcvae_penalty(z, mean, logvar, dataset_size=N, beta=BETA)[0]

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


def columns(
    usual: Callable[..., Any],
    ours: Callable[..., Any],
    leaves: tuple[Tensor, ...],
    cotangents: tuple[Tensor, ...] | None = None,
) -> Iterator[tuple[str, Step]]:
    """Both as they are, compiled, compiled with CUDA graphs, and replayed from a graph of the whole step."""

    def step(function: Callable[..., Any]) -> Step:
        def run() -> Any:
            torch.compiler.cudagraph_mark_step_begin()
            return torch.autograd.grad(function(*leaves), leaves, cotangents)

        return run

    def compiled(function: Callable[..., Any], **options: Any) -> Step:
        torch._dynamo.reset()
        return step(torch.compile(function, dynamic=False, fullgraph=True, **options))

    yield "eager", step(usual)
    yield "eager, replayed", replayed(step(usual))
    yield "torch.compile", compiled(usual)
    yield "torch.compile, replayed", replayed(compiled(usual))
    yield "torch.compile with CUDA graphs", compiled(usual, mode="reduce-overhead")
    yield "fastdis", step(ours)
    yield "fastdis, replayed", replayed(step(ours))
    yield "fastdis in torch.compile with CUDA graphs", compiled(ours, mode="reduce-overhead")


def replayed(step: Step) -> Step:
    """A CUDA graph of the step: its time without Python."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


# Numbers first


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
                passed += 2
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


# Then speed


@triton.jit
def _exponentials(out, rounds, BLOCK: tl.constexpr):
    x = tl.arange(0, BLOCK).to(tl.float32) / -BLOCK
    for _ in range(rounds):
        x = -tl.exp2(x)
    tl.store(out + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), x)


def quantiles(step: Step) -> tuple[float, float, float]:
    """Median, p20 and p80 in seconds, the cache emptied before every call."""
    found = triton.testing.do_bench(step, warmup=100, rep=400, quantiles=[0.5, 0.2, 0.8])
    median, low, high = (milliseconds / 1e3 for milliseconds in found)
    return median, low, high


def ceilings() -> dict[str, float]:
    """Bytes a second of a copy, read and written; exponentials a second, measured and counted."""
    source = torch.randn(2**28, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * source.nbytes / quantiles(lambda: target.copy_(source))[0]
    properties = triton.runtime.driver.active.utils.get_device_properties(torch.cuda.current_device())
    multiprocessors, clock = properties["multiprocessor_count"], properties["sm_clock_rate"] * 1e3
    programs, rounds = 16 * multiprocessors, 4096
    out = torch.empty(programs * 1024, device="cuda")
    seconds = quantiles(lambda: _exponentials[programs,](out, rounds, 1024, num_warps=4))[0]
    return {
        "copy_bytes": copy,
        "exponentials": programs * 1024 * rounds / seconds,
        "exponentials_counted": 16 * multiprocessors * clock,  # 16 units on every NVIDIA multiprocessor
        "instructions_counted": 128 * multiprocessors * clock,  # of float32
    }


def memory_of(step: Step) -> int:
    """Bytes that a call holds at most besides what was there before."""
    step()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    return torch.cuda.max_memory_allocated() - before


Case = tuple[str, Callable[[int, int], Iterator[tuple[str, Step]]], int, int, dict[str, float]]


def cases() -> Iterator[Case]:
    """Group, columns, batch, latent, and what a call needs at least."""
    for batch in (64, 256, 1024, 2048, 4096, 8192):
        group = f"tcvae_penalty with reparameterize, forward and backward, B = {batch}"
        yield group, penalties, batch, 10, {"exponentials": batch**2 * 11}
    for batch in (64, 4096):
        group = f"reparameterize_kl, noise given, forward and backward, B = {batch}"
        yield group, samples, batch, 10, {"bytes": 40 * batch * 10}
    large = 2**26 // 16
    both = "reparameterize_kl, noise given, forward and backward, 2^26 elements"
    yield both, samples, large, 16, {"bytes": 40 * 2**26}
    forward = "reparameterize_kl, noise given, forward, 2^26 elements"
    yield forward, samples_forward, large, 16, {"bytes": 16 * 2**26}
    for batch in (64, 4096):
        yield f"permute_dims, B = {batch}", permutations, batch, 10, {"bytes": 8 * batch * 10}
    yield f"joint table of 10 codes and 5 factors, N = {N}", tables, N, 10, {"bytes": N * (4 * 10 + 8 * 5)}
    for count, latent in ((100_000, 10), (N, 10)):
        counts = {"exponentials": count**2, "instructions": count**2 * (3 * latent + 4)}
        yield f"log q(z) over every pair, N = {count:,}, D = {latent}", every_pair, count, latent, counts
        yield f"log q(z) with the skip list, N = {count:,}, D = {latent}", skip_list, count, latent, {}


def line(row: dict[str, Any], limits: dict[str, float]) -> str:
    """One row as text, with its share of the ceiling that its count meets."""
    median, low, high = (row[name] * 1e6 for name in ("median", "p20", "p80"))
    text = f"  {row['column']:42} {median:10.1f} us ({low:.1f} to {high:.1f})"
    if "memory" in row:
        text += f" {row['memory'] / 1e6:.1f} MB"
    for name, unit, ceiling in (
        ("bytes", "GB/s", "copy_bytes"),
        ("exponentials", "exponentials/ns", "exponentials_counted"),
        ("instructions", "instructions/ns", "instructions_counted"),
    ):
        if name in row:
            rate = row[name] / row["median"]
            text += f" {rate / 1e9:.1f} {unit}, {rate / limits[ceiling]:.0%} of the ceiling"
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    out = parser.parse_args().out
    if not torch.cuda.is_available():
        print("benchmarks/gpu.py: there is no CUDA device here", file=sys.stderr)
        return 2
    load_checkout()
    print(
        f"{torch.cuda.get_device_name()}: {check()} comparisons with the float64 reference passed", flush=True
    )
    limits = ceilings()
    print(", ".join(f"{name} {value / 1e9:.0f} G/s" for name, value in limits.items()), flush=True)
    results: dict[str, Any] = {
        "machine": torch.cuda.get_device_name(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "triton": triton.__version__,
        },
        "ceilings": limits,
        "rows": [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    for group, build, batch, latent, counts in cases():
        print(group, flush=True)
        for column, step in build(batch, latent):
            row: dict[str, Any] = {"group": group, "column": column, **counts}
            if "graphs" not in column and "replayed" not in column:  # these hold their memory all the time
                row["memory"] = memory_of(step)
            row["median"], row["p20"], row["p80"] = quantiles(step)
            results["rows"].append(row)
            print(line(row, limits), flush=True)
        out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
