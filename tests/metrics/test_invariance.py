"""What must not change a score does not: every change that its entry in `METRICS` lists, on drawn arrays."""

from collections.abc import Callable
from typing import NamedTuple, get_args

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fastdis.metrics import METRICS, Metric, NotComputable
from fastdis.metrics.metric import Change
from support.scoring import LOGVAR, arrays, call

EXAMPLES = {"information": 12, "interventions": 12, "unsupervised": 12, "votes": 4, "prediction": 3}
EXAMPLES_OF = {"infomec": 4}  # its classifiers take the time, and its score does not come from them
# a share of some 50 test rows or 100 votes; areas and entropies only round
TOLERANCE = {"votes": 0.021, "prediction": 0.021}


class Arrays(NamedTuple):
    codes: np.ndarray
    logvar: np.ndarray
    factors: np.ndarray


def powers(rng: np.random.Generator, size: int, most: float) -> np.ndarray:
    return 10.0 ** rng.uniform(-most, most, size)


def rows(data: Arrays, chosen: np.ndarray) -> Arrays:
    return Arrays(*(array[chosen] for array in data))


def scaled(data: Arrays, factor: np.ndarray) -> Arrays:
    return data._replace(codes=data.codes * factor, logvar=data.logvar + 2 * np.log(np.abs(factor)))


def reordered(data: Arrays, order: np.ndarray) -> Arrays:
    return data._replace(codes=data.codes[:, order], logvar=data.logvar[:, order])


def renumbered(data: Arrays, rng: np.random.Generator) -> Arrays:
    return data._replace(factors=np.stack([rng.permutation(60)[column] for column in data.factors.T], axis=1))


CHANGES: dict[str, Callable[[Arrays, np.random.Generator], Arrays]] = {
    "samples reordered": lambda data, rng: rows(data, rng.permutation(len(data.codes))),
    "samples doubled": lambda data, rng: rows(data, np.tile(np.arange(len(data.codes)), 2)),
    "codes reordered": lambda data, rng: reordered(data, rng.permutation(data.codes.shape[1])),
    "codes shifted": lambda data, rng: data._replace(
        codes=data.codes + rng.choice([-1, 1]) * powers(rng, data.codes.shape[1], 8)
    ),
    "codes scaled": lambda data, rng: scaled(data, powers(rng, data.codes.shape[1], 6)),
    "codes scaled alike": lambda data, rng: scaled(data, powers(rng, 1, 100)),
    "codes reflected": lambda data, rng: scaled(data, rng.choice([-1, 1], data.codes.shape[1])),
    "factors reordered": lambda data, rng: data._replace(
        factors=data.factors[:, rng.permutation(data.factors.shape[1])]
    ),
    "values renumbered": renumbered,
}


def test_every_change_has_a_test() -> None:
    assert set(CHANGES) == set(get_args(Change))


def score(metric: Metric, data: Arrays) -> float:
    try:
        return call(metric, data.codes, data.factors, logvar=data.logvar).score
    except NotComputable as reason:
        if "pairs that differ by" not in str(reason):  # there are too few in some draws
            raise
        reject()


DECLARED = [(metric, change) for metric in METRICS.values() for change in sorted(metric.unchanged_by)]


@pytest.mark.parametrize(
    ("metric", "change"), DECLARED, ids=[f"{metric.name}, {change}" for metric, change in DECLARED]
)
def test_what_is_declared_not_to_change_a_score_does_not(metric: Metric, change: Change) -> None:
    @settings(
        max_examples=EXAMPLES_OF.get(metric.name, EXAMPLES[metric.group]),
        derandomize=True,
        deadline=None,
        database=None,
    )
    @given(
        seed=st.integers(0, 2**32 - 1),
        samples=st.integers(60, 160),
        codes=st.integers(2, 4),
        sizes=st.lists(st.integers(2, 5), min_size=2, max_size=3),
    )
    def unchanged(seed: int, samples: int, codes: int, sizes: list[int]) -> None:
        values, factors = arrays(samples, sizes=tuple(sizes), codes=codes, seed=seed)
        data = Arrays(values, np.full(values.shape, LOGVAR), factors)
        expected = score(metric, data)
        changed = CHANGES[change](data, np.random.default_rng(seed))
        assert score(metric, changed) == pytest.approx(expected, abs=TOLERANCE.get(metric.group, 1e-6))

    unchanged()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("irs", "codes scaled"),
        ("sap", "codes scaled"),
        ("factor_vae_score", "codes scaled"),
        ("beta_vae_score", "codes scaled"),
        ("downstream_logistic", "codes scaled"),
        ("sap", "codes shifted"),
    ],
)
def test_what_is_not_declared_does_change_a_score(name: str, change: Change) -> None:
    assert change not in METRICS[name].unchanged_by
    values, factors = arrays(300, codes=3, seed=1)
    data = Arrays(values, np.full(values.shape, LOGVAR), factors)
    change_by = {"codes scaled": np.array([1.0, 1e-4, 1e-4]), "codes shifted": np.array([30.0, 30.0, 30.0])}
    codes = values * change_by[change] if change == "codes scaled" else values + change_by[change]
    assert abs(score(METRICS[name], data._replace(codes=codes)) - score(METRICS[name], data)) > 0.02
