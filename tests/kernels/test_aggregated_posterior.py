"""log q(z) over all posteriors: against every pair in float64, on the inputs that break shortcuts."""

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.kernels.aggregated_posterior import expected_pairs, kd_sort, kd_tree, log_density
from fastdis.kernels.aggregated_posterior.reference import log_density as every_pair
from support.mixtures import MIXTURES, mixture, sampled

PROGRAMS = Path(__file__).parents[1] / "support"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize(("count", "latent"), [(1, 1), (2, 3), (17, 1), (997, 5), (2000, 10)])
def test_error_is_bounded_and_within_tolerance(
    name: str, count: int, latent: int, dtype: torch.dtype
) -> None:
    mean, logvar = (x.to(dtype) for x in mixture(name, count, latent))
    z = sampled(mean, logvar)
    exact, _, _ = every_pair(z, mean, logvar)
    for tolerance in (1e-2, 1e-4):
        log_q, error, pairs = log_density(z, mean, logvar, tolerance=tolerance)
        measured = (log_q - exact).abs()
        # the yardstick itself is rounded: 1e-13 of the largest number in it
        assert (measured <= error + 1e-13 * exact.abs().clamp(min=1)).all()
        assert error.max() <= tolerance
        assert pairs > 0


@pytest.mark.parametrize("name", MIXTURES)
def test_a_floor_changes_the_work_and_not_the_result(name: str) -> None:
    mean, logvar = mixture(name, 2000, 6)
    z = sampled(mean, logvar)
    own = -0.5 * ((z - mean).square() * torch.exp(-logvar) + logvar + math.log(2 * math.pi)).sum(dim=1)
    log_q, error, _ = log_density(z, mean, logvar, floor=own)
    exact, _, _ = every_pair(z, mean, logvar)
    assert ((log_q - exact).abs() <= error + 1e-12 * exact.abs().clamp(min=1)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("below", [1, 50, 70, 1000])
@pytest.mark.parametrize("name", ["wide", "narrow"])
def test_a_floor_far_below_the_sum(name: str, below: float, dtype: torch.dtype) -> None:
    mean, logvar = (x.to(dtype) for x in mixture(name, 700, 3))
    z = sampled(mean, logvar)
    exact, _, _ = every_pair(z, mean, logvar)
    log_q, error, _ = log_density(z, mean, logvar, floor=exact + math.log(700) - below)
    assert ((log_q - exact).abs() <= error + 1e-13 * exact.abs().clamp(min=1)).all()
    assert error.max() <= 1e-4


def test_wide_and_narrow_posteriors_mixed() -> None:
    """Some chunks of queries are summed over all posteriors, some are not, and some hold both kinds."""
    wide, narrow = mixture("wide", 900, 4), mixture("narrow", 1100, 4)
    mean, logvar = (torch.cat(parts) for parts in zip(wide, narrow, strict=True))
    rows = torch.from_numpy(np.random.default_rng(3).permutation(2000))
    mean, logvar = mean[rows], logvar[rows]
    for far in (0.0, 30.0):
        z = sampled(mean, logvar) + far * torch.eye(4)[0]
        exact, _, _ = every_pair(z, mean, logvar)
        log_q, error, _ = log_density(z, mean, logvar)
        assert ((log_q - exact).abs() <= error + 1e-13 * exact.abs().clamp(min=1)).all()


def test_queries_far_from_every_posterior() -> None:
    mean, logvar = mixture("narrow", 1500, 4)
    z = torch.from_numpy(np.random.default_rng(1).standard_normal((300, 4)) * 20)
    exact, _, _ = every_pair(z, mean, logvar)
    assert exact.min() < -100_000  # 400 sigma and more
    log_q, error, _ = log_density(z.float(), mean.float(), logvar.float())
    truth, _, _ = every_pair(z.float(), mean.float(), logvar.float())
    assert ((log_q - truth).abs() <= error + 1e-13 * truth.abs()).all()
    assert error.max() <= 1e-4


def test_a_tight_tolerance_is_met_in_float64_where_float32_cannot() -> None:
    mean, logvar = (x.float() for x in mixture("narrow", 2000, 5))
    z = sampled(mean, logvar)
    log_q, error, _ = log_density(z, mean, logvar, tolerance=1e-9)
    exact, _, _ = every_pair(z, mean, logvar)
    assert error.max() <= 1e-9
    assert (log_q - exact).abs().max() <= 1e-9


def test_narrow_posteriors_leave_most_pairs_out() -> None:
    mean, logvar = mixture("narrow", 20_000, 4)
    logvar -= 4
    z = sampled(mean, logvar)
    _, _, pairs = log_density(z, mean, logvar)
    assert pairs < 0.01 * len(z) * len(mean)


def test_the_number_of_threads_changes_no_bit() -> None:
    mean, logvar = (x.float() for x in mixture("half collapsed", 5000, 7))
    z = sampled(mean, logvar)
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(log_density(z, mean, logvar))
    torch.set_num_threads(threads)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]


def test_views_give_what_copies_give() -> None:
    mean, logvar = mixture("narrow", 400, 6)
    z = sampled(mean, logvar)
    strided = [torch.stack([x, x], dim=2)[:, :, 0] for x in (z, mean, logvar)]
    assert not strided[0].is_contiguous()
    assert torch.equal(log_density(*strided)[0], log_density(z, mean, logvar)[0])


@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize("queries", [300, 3000])
def test_the_pairs_are_told_before_the_work(name: str, queries: int) -> None:
    mean, logvar = mixture(name, 3000, 5)
    z = sampled(mean, logvar)[:queries]
    for floor in (None, torch.full((queries,), -5.0, dtype=torch.float64)):
        expected = expected_pairs(z, mean, logvar, floor=floor)
        _, _, pairs = log_density(z, mean, logvar, floor=floor)
        assert expected == pytest.approx(pairs, rel=0.2)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 256, 257, 5000])
def test_every_posterior_is_in_one_leaf_and_inside_its_boxes(count: int) -> None:
    mean, logvar = (x.numpy() for x in mixture("narrow", count, 3))
    tree = kd_tree.build(mean, logvar)
    assert np.array_equal(np.sort(tree.order), np.arange(count))
    places = np.arange(count)
    leaf, lane = places // 16, places % 16
    assert np.array_equal(tree.posteriors[leaf, :3, 0, lane], mean[tree.order][:, tree.latents])
    child = leaf
    for level in range(tree.levels.size - 1):
        node, side = tree.levels[level] + child // 16, child % 16
        values, scale = tree.posteriors[leaf, :, 0, lane], tree.posteriors[leaf, :, 1, lane]
        assert (tree.boxes[node, :, 0, side] <= values).all()
        assert (tree.boxes[node, :, 1, side] >= values).all()
        assert (tree.boxes[node, :, 2, side] <= scale).all()
        assert (tree.peaks[node, side] >= tree.constants[leaf, lane]).all()
        child = child // 16


def test_wrong_arguments_are_named() -> None:
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"z must have shape \(queries, 4\) like mean, got \(3, 2\)"):
        log_density(z, torch.zeros(5, 4), torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"logvar must have shape \(3, 2\) like mean, got \(2, 2\)"):
        log_density(z, z, z[:2])
    poisoned = z.clone()
    poisoned[1, 0] = math.nan
    with pytest.raises(ValueError, match="mean must be finite, got nan in row 1, column 0"):
        log_density(z, poisoned, z)
    with pytest.raises(ValueError, match="tolerance must be between 1e-30 and 1, got 0"):
        log_density(z, z, z, tolerance=0)
    with pytest.raises(TypeError, match="mean must have a floating-point dtype"):
        log_density(z, z.long(), z)


@pytest.mark.parametrize("count", [1, 64, 65, 1000, 4096])
def test_the_order_of_any_device_keeps_neighbours_together(count: int) -> None:
    points = torch.from_numpy(np.random.default_rng(0).uniform(size=(count, 2)))
    order = kd_sort.sort(points, torch.ones_like(points), 64)
    assert torch.equal(order.sort().values, torch.arange(count))
    if count == 4096:  # 64 cells of an eighth by an eighth
        cells = points[order].view(64, 64, 2)
        assert (cells.amax(dim=1) - cells.amin(dim=1)).max() < 0.2
    # a latent in which nothing can be told apart is never split
    scale = torch.tensor([1.0, 1e-3]).expand(count, 2)
    order = kd_sort.sort(points, scale, 64)
    ends = [points[rows, 0].aminmax() for rows in order.split(64)]
    assert all(one.max <= other.min for one, other in itertools.pairwise(ends))


def in_its_own_process(job: str, **variables: str) -> str:
    pytest.importorskip("triton")
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    command = [sys.executable, str(PROGRAMS / "triton_posterior.py"), job]
    done = subprocess.run(command, capture_output=True, text=True, env=environment | variables, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_gpu_kernel_in_the_interpreter() -> None:
    checked = int(in_its_own_process("interpret", TRITON_INTERPRET="1"))
    assert checked == len(MIXTURES) * 3 * 2 * 2  # sizes, dtypes, with a floor and without


def test_the_gpu_kernel_compiles_without_spills() -> None:
    found = [json.loads(line) for line in in_its_own_process("compile").splitlines()]
    assert {entry["target"] for entry in found} == {80, 90, "gfx942"}
    for entry in found:
        assert entry["spilled"] == 0, entry
        assert 0 < entry["registers"] <= 255, entry
