"""The scores on all 737,280 rows, against the procedures of the field."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import baselines
from fastdis import metrics
from fastdis.metrics import JointTable

SIZES = (3, 6, 40, 32, 32)
N = int(np.prod(SIZES))


@cache
def grid() -> tuple[np.ndarray, np.ndarray]:
    """Codes like those of a good model: five follow a factor each, five are noise, two of them collapsed."""
    factors = np.stack(np.unravel_index(np.arange(N), SIZES), axis=1)
    codes = np.random.default_rng(0).standard_normal((N, 10)).astype(np.float32)
    codes[:, :5] = 3 * factors / np.array(SIZES) + 0.1 * codes[:, :5]
    codes[:, 8:] *= 0.01
    return codes, factors


def sample(count: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(1).choice(N, count, replace=False)
    return grid()[0][rows], grid()[1][rows]


@contextmanager
def threads(column: str) -> Iterator[None]:
    """One thread for the columns that say so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if column.endswith("1 thread") else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def table_scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, float]:
    table = JointTable.of(codes, factors)
    scores = (metrics.mig, metrics.robust_mig, metrics.mig_sup, metrics.dcimig, metrics.modularity)
    return {score.__name__: score(table).score for score in scores}


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("field", "grid"),
        ("fastdis", "grid"),
        ("fastdis, 1 thread", "grid"),
        ("fastdis", "shuffled"),
        ("fastdis, 1 thread", "shuffled"),
    ],
)
def test_joint_table(measure: Callable[..., None], column: str, order: str) -> None:
    codes, factors = grid()
    if order == "shuffled":
        rows = np.random.default_rng(2).permutation(N)
        codes, factors = codes[rows], factors[rows]
    few = sample(20_000)
    assert baselines.table_scores(*few) == pytest.approx(table_scores(*few), abs=1e-9)
    function = baselines.table_scores if column == "field" else table_scores
    with threads(column):
        measure(
            lambda: function(codes, factors),
            group=f"joint table and five scores, N = {N:,}, 10 codes, 5 factors, {order} order",
            column=column,
            bytes=codes.nbytes + factors.nbytes,
        )


@pytest.mark.parametrize("column", ["field", "fastdis"])
def test_irs(measure: Callable[..., None], column: str) -> None:
    codes, factors = grid()
    function: Callable[..., Any] = baselines.irs if column == "field" else metrics.irs
    measure(lambda: function(codes, factors), group=f"irs, N = {N:,}", column=column)


@pytest.mark.parametrize("column", ["field", "fastdis"])
def test_factor_vae_score(measure: Callable[..., None], column: str) -> None:
    codes, factors = grid()
    usual = column == "field"
    measure(
        lambda: (
            baselines.factor_vae_votes(codes, factors, 15_000)
            if usual
            else metrics.factor_vae_score(codes, factors)
        ),
        group=f"factor_vae_score, 15,000 votes of 64, N = {N:,} (encoding not counted)",
        column=column,
    )


@pytest.mark.parametrize("name", ["beta_vae_score", "sap", "explicitness", "unsupervised"])
def test_other_scores(measure: Callable[..., None], name: str) -> None:
    codes, factors = grid()
    score = getattr(metrics, name)
    measure(lambda: score(codes, factors), group=f"{name}, N = {N:,}", column="fastdis")


@pytest.mark.parametrize("column", ["field", "fastdis"])
def test_bootstrap(measure: Callable[..., None], column: str) -> None:
    codes, factors = sample(10_000)
    replicates = 10 if column == "field" else 1000
    measure(
        lambda: (
            baselines.bootstrap_mig(codes, factors, replicates)
            if column == "field"
            else metrics.mig(codes, factors, confidence=0.95)
        ),
        group="interval of mig, 10,000 samples (field: 10 replicates, fastdis: 1,000)",
        column=column,
    )


@pytest.mark.parametrize("column", ["field", "fastdis", "fastdis, 1 thread", "fastdis, lightgbm"])
def test_dci(measure: Callable[..., None], column: str) -> None:
    """Few samples, so that the field's column ends; `whole_dci.py` has the usual 10,000 and five factors."""
    codes, factors = sample(1500)
    factors = factors[:, :2]
    predictor = "lightgbm" if column.endswith("lightgbm") else "gbt"
    if predictor == "lightgbm":
        pytest.importorskip("lightgbm")

    def ours() -> Any:
        return metrics.dci(codes, factors, predictor=predictor, train=1000, test=500)

    with threads(column):
        measure(
            (lambda: baselines.dci_trees(codes, factors, 1000)) if column == "field" else ours,
            group="dci, 1,000 + 500 samples, factors of 3 and 6 values",
            column=column,
        )
