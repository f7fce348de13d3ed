"""The scores of a report on anybody's arrays."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fastdis import metrics
from fastdis.evaluation import evaluate_codes, score, scores
from fastdis.evaluation.numbers import number as number_of
from fastdis.evaluation.scores import NAMES
from fastdis.evaluation.table import WIDTH, table
from support.scoring import timeless

FACTORS = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)


def test_arrays_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, z=FACTORS.astype(np.float32), labels=FACTORS)
    report = evaluate_codes(path, codes_key="z", factors_key="labels", metrics="mig")
    expected = score(FACTORS.astype(np.float32), FACTORS, metrics="mig")
    assert timeless(report.content["numbers"]) == timeless(expected)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (2**63, ValueError)])
def test_a_seed_is_checked_though_few_rows_are_not_sampled(seed: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^score: seed must be"):
        score(FACTORS.astype(np.float32), FACTORS, seed=seed)


def test_a_score_that_does_not_exist_says_so_and_stops_no_other() -> None:
    numbers = {
        number["name"]: number
        for number in score(FACTORS.astype(np.float32), FACTORS[:, :1], metrics=["mig", "modularity"])
    }
    assert numbers["mig"]["score"] > 0
    assert numbers["modularity"]["score"] is None
    assert "at least 2 columns that vary, got 1" in numbers["modularity"]["reason"]
    assert "at least 2 columns that vary, got 1" in table(list(numbers.values()))


def test_a_fault_in_a_score_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*arrays: object, **options: object) -> metrics.Result:
        raise ValueError("a fault")

    monkeypatch.setitem(metrics.METRICS, "irs", replace(metrics.METRICS["irs"], function=faulty))
    with pytest.raises(ValueError, match="a fault"):
        score(FACTORS.astype(np.float32), FACTORS, metrics=["irs"])


def test_every_score_has_a_row_with_all_that_is_documented() -> None:
    """On 200 samples, with log variances: nothing is left out, and JSON can hold it."""
    factors = np.stack([np.arange(200) % 4, np.arange(200) // 50, np.arange(200) % 5], axis=1)
    codes = factors + 0.3 * np.random.default_rng(0).standard_normal((200, 3))
    numbers = score(codes, factors, logvar=np.full((200, 3), -3.0))
    assert [number["name"] for number in numbers] == list(NAMES)
    documented = ("name", "group", "score", "samples", "seed", "interval", "no_interval", "seconds", "notes")
    for number in numbers:
        assert set(documented) | {"definition"} <= number.keys()
        assert number["score"] is not None
        assert number["group"] == metrics.METRICS[number["name"]].group
        assert bool(number["interval"]) != bool(number["no_interval"])
        if number["interval"]:
            assert number["interval"]["low"] <= number["score"] <= number["interval"]["high"]
    json.dumps(numbers, allow_nan=False)
    lines = table(numbers).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert {"information", "prediction", "votes", "interventions", "unsupervised"} <= set(lines)


def test_samples_are_as_many_as_the_rule_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "SAMPLE", 60)
    monkeypatch.setattr(scores, "LEARNED", 90)
    chosen = ["mig", "posterior_mig", "sap", "unsupervised"]
    logvar = np.full(FACTORS.shape, -6.0)
    codes = FACTORS + 0.01 * np.random.default_rng(0).standard_normal(FACTORS.shape)
    numbers = score(codes, FACTORS, logvar=logvar, metrics=chosen, seed=4)
    found = [(number["name"], number["samples"], number["seed"]) for number in numbers]
    assert found == [
        *[("mig", 96, None), ("mig", 60, 4), ("posterior_mig", 60, 4), ("sap", 90, 4)],
        *[("unsupervised", 96, None), ("unsupervised", 60, 4)],
    ]
    right = [line for line in table(numbers).splitlines() if line.startswith(("  posterior_mig", "  sap"))]
    assert all(" " * 36 in line for line in right)  # beside what comes from all samples


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("migg", r"metrics must be one of 'all', 'mig', .* got 'migg'; did you mean mig"),
        (["posterior_mig"], r"metrics must be scores without log variances.*, got 'posterior_mig'"),
        ([], "metrics must hold at least 1 item"),
    ],
)
def test_scores_that_cannot_be_asked_for(chosen: list[str] | str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(FACTORS.astype(np.float32), FACTORS, metrics=chosen)


def test_without_factors_there_is_what_needs_none() -> None:
    numbers = score(FACTORS.astype(np.float32))
    assert {metrics.METRICS[number["name"]].needs for number in numbers} == {"codes"}


def test_parts_stand_apart_and_numbers_do_not_touch_their_labels() -> None:
    numbers = [
        number_of("reconstruction", "reconstruction", 4138.6389, unit="nats", samples=count, definition="")
        for count in (18_000, 2_000)
    ]
    numbers[1]["part"] = "held out"
    heading, _, row, second, _, other, *_ = table(numbers).splitlines()
    assert heading.startswith(" ")
    assert row.split() == ["reconstruction,", "nats", "4138.6389", "18,000"]
    assert second.startswith("held out ")
    assert other.split() == ["reconstruction,", "nats", "4138.6389", "2,000"]
