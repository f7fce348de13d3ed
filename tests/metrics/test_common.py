"""What holds for every declared score: a new one is in these tests by its entry in `METRICS`."""

import dataclasses
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from fastdis import metrics
from fastdis.metrics import METRICS, Metric, NotComputable
from support.scoring import arrays, call, score_or_reason, takes

EVERY = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
WITH_FACTORS = [metric for metric in METRICS.values() if metric.needs != "codes"]
EVERY_WITH_FACTORS = pytest.mark.parametrize("metric", WITH_FACTORS, ids=lambda metric: metric.name)
CODES, FACTORS = arrays()


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A warning on the terminal is an error: what there is to say is in the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


class Frame:
    """What a DataFrame of numbers is to NumPy."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values

    def __len__(self) -> int:
        return len(self.values)


def grainy(codes: np.ndarray) -> np.ndarray:
    """Multiples of 1 / 64 that float16 holds exactly, with a prime range: none lies on the edge of a bin."""
    steps = np.clip(np.rint(codes / np.ptp(codes, axis=0) * 440), -224, 224)
    steps[0], steps[1] = -224, 225
    return steps / 64


def same(metric: Metric) -> float:
    """How much a score may differ between dtypes: scikit-learn fits float32 and float64 apart."""
    return 0.05 if metric.name == "downstream_logistic" else 1e-9


@EVERY
def test_the_entry_describes_the_function(metric: Metric) -> None:
    result = call(metric, CODES, FACTORS)
    assert type(result) is metric.result
    assert metric.name.startswith(result.title)
    assert len(result.definition) > 40
    assert takes(metric, "confidence") == metric.takes_confidence
    assert takes(metric, "seed") == (metric.seeded or metric.takes_confidence)
    if not metric.takes_confidence:
        assert metric.no_interval


def test_groups_stand_together() -> None:
    groups = [metric.group for metric in METRICS.values()]
    assert groups == sorted(groups, key=list(dict.fromkeys(groups)).index)


@EVERY
def test_a_result_is_frozen_repeats_and_is_plain_python(metric: Metric) -> None:
    result, again = (call(metric, CODES, FACTORS) for _ in range(2))
    assert 0 <= result.score <= result.largest or metric.needs == "codes"
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.score = 1.0
    content = result.to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content == again.to_dict()
    assert content["score"] == result.score
    assert content["samples"] == len(CODES)
    assert str(result).startswith(result.title)


@EVERY
def test_layouts_and_kinds_of_array_give_the_same_score(metric: Metric) -> None:
    codes, factors = grainy(CODES), FACTORS
    wide = np.repeat(codes, 2, axis=1)
    read_only = codes.copy()
    read_only.flags.writeable = False
    before = codes.copy(), factors.copy()
    expected = call(metric, codes, factors).score
    for kind in (
        *(np.asfortranarray(codes), wide[:, ::2], codes[::-1].copy()[::-1], read_only, codes.astype(">f8")),
        *(Frame(codes), torch.from_numpy(codes).requires_grad_()),
    ):
        assert call(metric, kind, factors).score == expected
    for kind in (codes.astype(np.float32), torch.from_numpy(codes).half()):
        assert call(metric, kind, factors).score == pytest.approx(expected, abs=same(metric))
    for kind in (factors.astype(np.uint8), factors.astype(">i4"), factors.astype(float), Frame(factors)):
        assert call(metric, codes, kind).score == expected
    assert np.array_equal(codes, before[0])
    assert np.array_equal(factors, before[1])


@EVERY
def test_integer_codes_are_read_as_numbers(metric: Metric) -> None:
    codes = np.rint(CODES * 4).astype(np.int64)
    expected = call(metric, codes.astype(np.float64), FACTORS).score
    assert call(metric, codes.astype(">i2"), FACTORS).score == expected
    assert call(metric, torch.from_numpy(codes), FACTORS).score == expected


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 19, 23])
@EVERY
def test_few_samples_have_a_score_or_a_reason(metric: Metric, samples: int) -> None:
    warnings.filterwarnings("ignore", message=".*is constant and left out")  # of two rows
    found = score_or_reason(metric, CODES[:samples], FACTORS[:samples, :2])
    if isinstance(found, NotComputable):
        assert str(found).startswith(f"{metric.result.title}: ")
    elif isinstance(found, ValueError):
        assert (samples, "transposed?") == (1, str(found)[-11:])  # one row, two factors
    else:
        assert math.isfinite(found)


@EVERY
def test_one_code_or_constant_codes_have_a_score_or_a_reason(metric: Metric) -> None:
    for codes in (CODES * 0, CODES * 0 + 1e300, np.column_stack([CODES, CODES[:, 0] * 0 - 1e9])):
        assert math.isfinite(score_or_reason(metric, codes, FACTORS))
    found = score_or_reason(metric, CODES[:, :1], FACTORS)
    assert isinstance(found, float) or "must have at least 2 columns" in str(found)


EXTREME = {
    "1e80": CODES * 1e80,
    "1e-310": CODES * 1e-310,
    "8e307": CODES / np.abs(CODES).max() * 8e307,
    "float32 1e37": (CODES * 1e37).astype(np.float32),
    "offset 1e8": CODES + 1e8,
    "mixed": CODES * [1e300, 1e-300, 1, 1e9] + [0, 0, 1e7, 0],
}


@pytest.mark.parametrize("scale", EXTREME)
@EVERY
def test_extreme_codes_have_a_score(metric: Metric, scale: str) -> None:
    found = score_or_reason(metric, EXTREME[scale], FACTORS)
    if isinstance(found, NotComputable):
        assert metric.needs == "posteriors"
        assert "must span less than 32,768 of the smallest standard deviation" in str(found)
    else:
        assert math.isfinite(found)
        assert 0 <= found <= metric.result.largest or metric.needs == "codes"


@EVERY
def test_a_span_beyond_the_dtype_is_refused(metric: Metric) -> None:
    codes = CODES.copy()
    codes[:2, 1] = 1.2e308, -1.2e308
    with pytest.raises(ValueError, match=r"must span at most 1.8e\+308, the largest float64, .* in column 1"):
        call(metric, codes, FACTORS)


ROWS = np.arange(150)[:, None]
NO_ARRAYS = [
    (
        lambda x: np.ma.masked_greater(x, 1.0),
        TypeError,
        r"must not be a masked array, got one with \d+ of \d+",
    ),
    (lambda x: x.tolist(), TypeError, "must be a NumPy array or a torch.Tensor, got list"),
    (lambda x: 3.0, TypeError, "must be a NumPy array or a torch.Tensor, got float"),
    (lambda x: x.astype(object), TypeError, "must hold numbers, got dtype object"),
    (lambda x: x.astype("M8[s]"), TypeError, "must hold numbers, got dtype datetime64"),
    (lambda x: x.astype(str), TypeError, "must hold numbers, got dtype <U"),
    (lambda x: np.zeros(len(x), [("a", "f4")]), TypeError, "must hold numbers, got dtype .*'a'"),
    (lambda x: torch.from_numpy(x).to_sparse(), TypeError, "must be a dense tensor, got a sparse_coo"),
    (lambda x: torch.from_numpy(x).to("meta"), RuntimeError, "must hold numbers, got a tensor on the meta"),
    (lambda x: x * 1j, TypeError, "must have a real dtype, got torch.complex128"),
    (lambda x: x[:, 0], ValueError, r"must have shape \(samples, .*got \(150,\)"),
    (lambda x: x[:, :0], ValueError, r"must have shape \(samples, .*got \(150, 0\)"),
    (lambda x: x[:0], ValueError, r"must have shape \(samples, .*got \(0, "),
    (lambda x: np.where(ROWS == 7, np.nan, x), ValueError, "must be .*got nan in row 7, column 0"),
    (lambda x: np.where(ROWS == 9, np.inf, x), ValueError, "must be .*got inf in row 9, column 0"),
]


@pytest.mark.parametrize(("spoil", "error", "message"), NO_ARRAYS)
@EVERY
def test_what_is_no_array_of_numbers_is_refused(metric: Metric, spoil: Any, error: Any, message: str) -> None:
    name = "mean" if metric.needs == "posteriors" else "codes"
    with pytest.raises(error, match=f"^{metric.result.title}: {name} {message}"):
        call(metric, spoil(CODES), FACTORS, logvar=np.zeros(CODES.shape))
    if metric.needs != "codes":
        with pytest.raises(error, match=f"^{metric.result.title}: factors {message}"):
            call(metric, CODES, spoil(FACTORS))


@EVERY_WITH_FACTORS
def test_transposed_arrays_are_asked_about(metric: Metric) -> None:
    name = "mean" if metric.needs == "posteriors" else "codes"
    with pytest.raises(ValueError, match=rf"{name}, 4, got 150: is {name}, \(4, 150\), transposed\?"):
        call(metric, CODES.T, FACTORS)
    with pytest.raises(ValueError, match=rf"{name}, 150, got 3: is factors, \(3, 150\), transposed\?"):
        call(metric, CODES, FACTORS.T)
    with pytest.raises(ValueError, match=rf"{name}, 4, got 3: are both transposed\?"):
        call(metric, CODES.T, FACTORS.T)
    with pytest.raises(ValueError, match=r"as many rows as columns, got \(3, 150\): transposed\?"):
        call(metric, CODES[:, :3].T, FACTORS.T)
    with pytest.raises(ValueError, match=f"factors must have as many rows as {name}, 149, got 150$"):
        call(metric, CODES[1:], FACTORS)


@EVERY_WITH_FACTORS
def test_a_continuous_factor_has_a_rule_or_is_refused_by_name(metric: Metric) -> None:
    half = np.column_stack([FACTORS, np.arange(150) % 75])
    found = score_or_reason(metric, CODES, half)
    assert "pairs that differ by 1" in str(found) if metric.name == "linear_action" else math.isfinite(found)
    numbers = np.column_stack([FACTORS, np.sin(np.arange(150.0))])
    if metric.continuous:
        assert 0 <= call(metric, CODES, numbers).score <= metric.result.largest
        for row, bad in ((7, np.nan), (9, np.inf)):
            spoilt = np.where((row == ROWS) & (np.arange(4) == 3), bad, numbers)
            with pytest.raises(ValueError, match=f"factors must be finite, got {bad} in row {row}, column 3"):
                call(metric, CODES, spoilt)
    else:
        with pytest.raises(
            ValueError, match=r"got 0\.841.* in row 1, column 3: a continuous factor has no classes$"
        ):
            call(metric, CODES, numbers)
    if metric.name not in ("r2", "mcc"):  # to which classes are numbers
        numbered = np.column_stack([FACTORS, np.arange(150)])
        with pytest.raises(NotComputable, match="got 150 values in 150 samples in column 3: a continuous"):
            call(metric, CODES, numbered)


@EVERY_WITH_FACTORS
def test_constant_factors_have_no_score(metric: Metric) -> None:
    with pytest.raises(NotComputable, match="must have a column with at least 2 values"):
        call(metric, CODES, FACTORS * 0 + 3)


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed must be between 0 and"),
        (2**63, ValueError, "seed must be between 0 and"),
        (1.5, TypeError, "seed must be an integer, got float 1.5"),
        (True, TypeError, "seed must be an integer, got bool"),
        ("0", TypeError, "seed must be an integer, got str '0'"),
        (None, TypeError, "seed must be an integer, got NoneType"),
    ],
)
def test_a_seed_that_is_none_is_refused(seed: Any, error: Any, message: str) -> None:
    for metric in METRICS.values():
        if takes(metric, "seed"):
            with pytest.raises(error, match=f"^{metric.result.title}: {message}"):
                call(metric, CODES, FACTORS, seed=seed)
    with pytest.raises(error, match=f"^evaluate: {message}"):
        metrics.evaluate(CODES, FACTORS, ["mig"], seed=seed)


@pytest.mark.parametrize("metric", [m for m in METRICS.values() if takes(m, "seed")], ids=lambda m: m.name)
def test_the_seed_decides(metric: Metric) -> None:
    first, again, huge = (call(metric, CODES, FACTORS, seed=s).to_dict() for s in (1, np.int64(1), 2**63 - 1))
    assert first == again
    assert math.isfinite(huge["score"])
    if not metric.seeded:
        assert first["score"] == huge["score"]
