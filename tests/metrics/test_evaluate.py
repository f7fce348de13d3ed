"""All scores from one call."""

import json

import numpy as np
import pytest

from fastdis import metrics
from fastdis.metrics.evaluate import NAMES

FAST = [name for name in NAMES if name not in ("dci", "downstream_gbt")]


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack(np.unravel_index(np.arange(2 * 3 * 4 * 20), (2, 3, 4, 20)), axis=1)
    codes = grid + 0.3 * np.random.default_rng(0).standard_normal((480, 4))
    return codes.astype(np.float32), grid


def test_each_score_is_the_one_of_its_function(data) -> None:
    evaluation = metrics.evaluate(*data, FAST, seed=3)
    assert not evaluation.failures
    assert list(evaluation.results) == FAST
    for name in ("mig", "jemmig", "irs"):
        assert evaluation[name].score == getattr(metrics, name)(*data).score
    for name in ("factor_vae_score", "sap", "explicitness"):
        assert evaluation[name].score == getattr(metrics, name)(*data, seed=3).score
    logistic = metrics.downstream(*data, predictor="logistic", seed=3)
    assert evaluation["downstream_logistic"].score == logistic.score


def test_all_means_all(data) -> None:
    evaluation = metrics.evaluate(data[0][::4], data[1][::4])
    assert tuple(evaluation.results) == NAMES


def test_prints_a_table_and_writes_json(data, tmp_path) -> None:
    evaluation = metrics.evaluate(*data, ["mig", "irs"], confidence=0.9)
    lines = str(evaluation).splitlines()
    assert lines[0] == "480 samples, seed 0"
    assert lines[1].startswith(f"mig    {evaluation['mig'].score:.4f}")
    assert "no sampling error" in lines[1]  # 480 samples are the complete grid
    text = evaluation.to_json(tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text()) == json.loads(text)
    content = json.loads(text)["scores"]
    assert content["mig"]["score"] == evaluation["mig"].score
    assert content["mig"]["interval"]["exact"] is True
    assert content["irs"]["seconds"] >= 0


def test_a_score_that_cannot_be_computed_stops_no_other(data) -> None:
    codes, factors = data
    evaluation = metrics.evaluate(codes, factors[:, :1], ["mig", "modularity", "beta_vae_score", "aam"])
    assert list(evaluation.results) == ["mig", "aam"]
    assert "factors must have at least 2 columns that vary, got 1" in evaluation.failures["modularity"]
    assert evaluation.to_dict()["scores"]["modularity"]["score"] is None
    assert "modularity" in str(evaluation)


def test_warns_of_a_constant_factor_once(data, recwarn) -> None:
    codes, factors = data
    factors = np.column_stack([np.zeros(480, int), factors])
    metrics.evaluate(codes, factors, ["mig", "irs", "factor_vae_score", "unsupervised"])
    assert [str(w.message) for w in recwarn] == ["evaluate: factors column 0 is constant and left out"]


def test_shows_progress_on_standard_error_when_asked(data, capsys) -> None:
    metrics.evaluate(*data, ["mig"], progress=True)
    metrics.evaluate(*data, ["mig"])
    assert capsys.readouterr().out == ""
