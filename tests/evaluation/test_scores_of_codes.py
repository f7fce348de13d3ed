"""The scores of a report on anybody's arrays."""

from pathlib import Path

import numpy as np
import pytest

from fastdis import metrics
from fastdis.evaluation import evaluate_codes, score

FACTORS = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)


def test_arrays_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, z=FACTORS.astype(np.float32), labels=FACTORS)
    report = evaluate_codes(path, codes_key="z", factors_key="labels")
    assert report.content["numbers"] == score(FACTORS.astype(np.float32), FACTORS)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (2**63, ValueError)])
def test_a_seed_is_checked_though_few_rows_are_not_sampled(seed: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^score: seed must be"):
        score(FACTORS.astype(np.float32), FACTORS, seed=seed)


def test_a_score_that_does_not_exist_says_so() -> None:
    with pytest.raises(metrics.NotComputable, match="factors must have at least 2 columns that vary, got 1"):
        score(FACTORS.astype(np.float32), FACTORS[:, :1])
