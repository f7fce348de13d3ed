"""All scores from one call."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fastdis import metrics
from fastdis.metrics import METRICS
from fastdis.metrics._fits import Fits
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


def test_a_fault_in_a_score_is_raised_and_not_called_not_computable(data, monkeypatch) -> None:
    def faulty(*arrays: np.ndarray) -> None:
        raise ValueError("zip() argument 2 is shorter than argument 1")

    monkeypatch.setitem(METRICS, "irs", dataclasses.replace(METRICS["irs"], function=faulty))
    with pytest.raises(ValueError, match="zip"):
        metrics.evaluate(*data, ["irs"])


def test_what_needs_no_table_is_scored_without_one(data) -> None:
    codes, factors = data[0][::40], data[1][::40, :3]  # 12 rows are fewer than 20 bins
    evaluation = metrics.evaluate(codes, factors, ["mig", "aam", "irs", "unsupervised"])
    assert list(evaluation.results) == ["irs"]
    assert evaluation.failures["mig"] == evaluation.failures["aam"]
    assert "evaluate: codes must have at least bins=20 rows, got 12" in evaluation.failures["mig"]
    assert evaluation.samples == 12
    constant = metrics.evaluate(data[0], data[1] * 0, ["mig", "irs", "unsupervised"])
    assert list(constant.results) == ["unsupervised"]
    assert "constant ones only" in constant.failures["irs"]


def test_a_continuous_factor_is_named_in_every_row_that_needs_classes(data) -> None:
    factors = np.column_stack([data[1], np.arange(480)])
    evaluation = metrics.evaluate(data[0], factors, ["mig", "irs", "factor_vae_score", "unsupervised"])
    assert list(evaluation.results) == ["unsupervised"]
    assert all("got 480 values in 480 samples in column 4" in why for why in evaluation.failures.values())
    assert metrics.sap(data[0], factors, continuous=True).factors == (0, 1, 2, 3, 4)
    assert metrics.dci(data[0], factors, predictor="linear").factors == (0, 1, 2, 3, 4)


def test_fits_that_do_not_converge_are_noted_and_not_printed(data, recwarn) -> None:
    codes = data[0] * 300 + np.arange(4) * 1000
    evaluation = metrics.evaluate(codes, data[1], ["mig", "downstream_logistic"])
    assert evaluation["mig"].notes == ()
    (note,) = evaluation["downstream_logistic"].notes
    assert note.endswith("fits did not converge")
    assert str(evaluation).splitlines()[-1] == f"downstream_logistic: {note}"
    assert json.loads(evaluation.to_json())["scores"]["downstream_logistic"]["notes"] == [note]
    assert str(evaluation["downstream_logistic"]).endswith(note)
    assert not recwarn.list


def test_what_else_a_fit_warns_of_is_noted_too(recwarn) -> None:
    class Model:
        def fit(self, x: np.ndarray, labels: np.ndarray) -> None:
            warnings.warn("the least populated class has 1 member\nsee the guide", UserWarning, stacklevel=2)
            warnings.warn("a default will change", FutureWarning, stacklevel=2)

    fits = Fits()
    for _ in range(3):
        fits.fit(Model(), np.zeros((4, 1)), np.zeros(4))
    assert fits.notes == ("3 of 3 fits warned: the least populated class has 1 member",)
    assert not recwarn.list


def test_a_fit_takes_one_thread_and_gives_the_others_back() -> None:
    seen = []

    class Model:
        def fit(self, x: np.ndarray, labels: np.ndarray) -> None:
            seen.extend(pool["num_threads"] for pool in threadpool_info())

    with threadpool_limits(2):
        Fits().fit(Model(), np.zeros((4, 1)), np.zeros(4))
        assert seen
        assert set(seen) == {1}
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}


def test_a_constant_factor_is_warned_of_once_for_each_place(data, recwarn) -> None:
    factors = np.column_stack([np.zeros(480, int), data[1]])
    for _ in range(3):
        metrics.evaluate(data[0], factors, ["mig", "irs", "explicitness"])
        for score in (metrics.mig, metrics.irs):
            score(data[0], factors)
    assert [str(w.message) for w in recwarn] == [
        "evaluate: factors column 0 is constant and left out",
        "mig: factors column 0 is constant and left out",
    ]
    assert {w.filename for w in recwarn} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):  # a warning that became an error was not said
            with pytest.raises(UserWarning, match="column 0 is constant"):
                metrics.irs(data[0], factors)


def test_every_score_without_an_interval_says_why(data) -> None:
    names = ["mig", "irs", "unsupervised", "sap", "factor_vae_score"]
    evaluation = metrics.evaluate(data[0][1:], data[1][1:, 1:] // 2, names, confidence=0.9)
    assert set(evaluation.no_interval) == {"mig", "irs", "unsupervised", "sap"}
    assert evaluation.no_interval["mig"].startswith("confidence needs at least 8 samples a cell")
    assert evaluation["factor_vae_score"].interval is not None
    assert evaluation.no_interval["irs"] == METRICS["irs"].no_interval


def test_names_are_taken_once_and_guessed_where_misspelt(data) -> None:
    assert list(metrics.evaluate(*data, ["irs", "mig", "irs"]).results) == ["irs", "mig"]
    with pytest.raises(ValueError, match="got 'factorvae_score'; did you mean factor_vae_score"):
        metrics.evaluate(*data, "factorvae_score")
    with pytest.raises(ValueError, match="got 'posterior_mig'"):
        metrics.evaluate(*data, "posterior_mig")
