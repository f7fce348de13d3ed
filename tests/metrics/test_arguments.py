"""What is no pair of codes and factors is refused in one line that names the argument and the numbers."""

import numpy as np
import pytest

from fastdis import metrics
from fastdis.metrics import METRICS
from fastdis.metrics._sampling import Groups

SCORES = (
    *("mig", "robust_mig", "jemmig", "mig_sup", "dcimig", "modularity", "aam", "irs", "sap", "dci"),
    *("explicitness", "downstream", "beta_vae_score", "factor_vae_score"),
)
CODES = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
FACTORS = np.stack([np.arange(60) % 3, np.arange(60) // 30], axis=1)


def spoiled(value: float, row: int, column: int) -> np.ndarray:
    codes = CODES.copy()
    codes[row, column] = value
    return codes


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(
    ("codes", "factors", "error", "message"),
    [
        (CODES[:50], FACTORS, ValueError, "factors must have as many rows as codes, 50, got 60"),
        (CODES, FACTORS + 0.5, ValueError, "got 0.5 in row 0, column 0: a continuous factor has no classes"),
        (CODES, FACTORS * np.nan, ValueError, "factors must be classes, .* got nan in row 0, column 0$"),
        (CODES, FACTORS * 1j, TypeError, "factors must have a real dtype, got torch.complex128"),
        (
            CODES,
            FACTORS - 1,
            ValueError,
            "must be classes, whole numbers from 0 to 65,535, got -1 in row 0, column 0",
        ),
        (CODES, FACTORS * 70_000, ValueError, "got 70,000 in row 1, column 0"),
        (CODES, FACTORS * 70_000.0, ValueError, "got 70,000.0 in row 1, column 0"),
        (CODES[:2], FACTORS[:2, [0, 1, 0]], ValueError, r"as many rows as columns, got \(2, 3\): transposed"),
        (CODES, FACTORS[:, 0], ValueError, r"factors must have shape \(samples, factors\), each positive"),
        (CODES[:, 0], FACTORS, ValueError, r"codes must have shape \(samples, codes\), each positive"),
        (CODES[:0], FACTORS[:0], ValueError, r"got \(0, 3\)"),
        (spoiled(np.nan, 7, 2), FACTORS, ValueError, "codes must be finite, got nan in row 7, column 2"),
        (spoiled(-np.inf, 59, 0), FACTORS, ValueError, "codes must be finite, got -inf in row 59, column 0"),
        (CODES.tolist(), FACTORS, TypeError, "codes must be a NumPy array or a torch.Tensor, got list"),
        (CODES.astype(str), FACTORS, TypeError, "codes must hold numbers, got dtype <U"),
        (CODES > 0, FACTORS, TypeError, "codes must have a real dtype, got torch.bool"),
        (CODES * 1j, FACTORS, TypeError, "codes must have a real dtype, got torch.complex"),
        (CODES, FACTORS * 0, ValueError, "a column with at least 2 values, got constant ones only"),
    ],
)
def test_bad_arrays(name: str, codes, factors, error, message: str) -> None:
    if "a continuous factor" in message and METRICS.get(name, METRICS["downstream_gbt"]).continuous:
        assert 0 <= getattr(metrics, name)(codes, factors).score <= 1
        return
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        getattr(metrics, name)(codes, factors)


@pytest.mark.parametrize("name", ["mig", "robust_mig", "jemmig", "sap"])
def test_a_gap_needs_two_codes(name: str) -> None:
    with pytest.raises(metrics.NotComputable, match=f"{name}: codes must have at least 2 columns, got 1"):
        getattr(metrics, name)(CODES[:, :1], FACTORS)


@pytest.mark.parametrize("name", ["mig_sup", "dcimig", "modularity", "beta_vae_score"])
def test_a_comparison_of_factors_needs_two(name: str) -> None:
    with pytest.raises(
        metrics.NotComputable, match=f"{name}: factors must have at least 2 columns that vary, got 1"
    ):
        getattr(metrics, name)(CODES, FACTORS[:, :1])


def test_fewer_samples_than_bins() -> None:
    with pytest.raises(metrics.NotComputable, match="mig: codes must have at least bins=20 rows, got 19"):
        metrics.mig(CODES[:19], FACTORS[:19])
    with pytest.raises(metrics.NotComputable, match="unsupervised: codes must have at least 20 rows, got 19"):
        metrics.unsupervised(CODES[:19])


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("mig", {"bins": 0}, ValueError, "bins must be at least 1, got 0"),
        ("mig", {"bins": 2.0}, TypeError, "bins must be an integer, got float 2.0"),
        ("unsupervised", {"bins": 0}, ValueError, "bins must be at least 1, got 0"),
        ("mig", {"entropy": "empircal"}, ValueError, "entropy must be one of .* did you mean empirical?"),
        ("mig", {"confidence": 95}, ValueError, "confidence must be above 0 and below 1, got 95"),
        ("mig", {"confidence": "95%"}, TypeError, "confidence must be a number, got str '95%'"),
        ("irs", {"quantile": 1.5}, ValueError, "quantile must be between 0 and 1, got 1.5"),
        (
            "factor_vae_score",
            {"threshold": -1},
            ValueError,
            "threshold must be finite and at least 0, got -1",
        ),
        ("factor_vae_score", {"train_votes": 0}, ValueError, "train_votes must be at least 1, got 0"),
        ("factor_vae_score", {"group": 1}, ValueError, "group must be at least 2, got 1"),
        ("beta_vae_score", {"test_votes": 1.5}, TypeError, "test_votes must be an integer, got float 1.5"),
        ("sap", {"train": -1}, ValueError, "train must be at least 1, got -1"),
        (
            "dci",
            {"predictor": "forest"},
            ValueError,
            "predictor must be one of 'gbt', 'hist_gbt', 'lightgbm', 'linear'",
        ),
        ("dci", {"completeness": "sum"}, ValueError, "completeness must be one of .*, got 'sum'"),
        (
            "downstream",
            {"predictor": "svm"},
            ValueError,
            "predictor must be one of .*, got 'svm'",
        ),
        ("downstream", {"labels": 100}, TypeError, "labels must be several integers or 'all', got int"),
        ("downstream", {"labels": []}, ValueError, "labels must hold at least 1 integer, got none"),
        ("downstream", {"labels": [500]}, ValueError, "codes must have at least 500 rows to learn from"),
        ("downstream", {"labels": [10, 0]}, ValueError, r"labels\[1\] must be at least 1, got 0"),
        ("evaluate", {"metrics": ["mig", "mgi"]}, ValueError, "metrics must be .* did you mean .*mig"),
        ("evaluate", {"metrics": []}, ValueError, "metrics must hold at least 1 name, got none"),
        ("evaluate", {"metrics": 3}, TypeError, "metrics must be 'all' or names, got int"),
        ("evaluate", {"bins": 0}, ValueError, "bins must be at least 1, got 0"),
    ],
)
def test_bad_options(name: str, arguments: dict, error, message: str) -> None:
    with pytest.raises(error, match=f"^{name}: {message}"):
        getattr(metrics, name)(CODES, FACTORS, **arguments)


def test_groups_need_a_repeated_value() -> None:
    with pytest.raises(metrics.NotComputable, match="test: factors must repeat a value in column 0"):
        Groups("test", np.stack([np.arange(60), np.arange(60) % 2], axis=1))
