"""The page of a report: one file, every number and picture on it, and it fits phone and screen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from fastdis import evaluation
from fastdis.evaluation import evaluate_codes
from fastdis.evaluation.captions import ORDER
from fastdis.evaluation.files import write_files
from fastdis.evaluation.numbers import number
from fastdis.evaluation.page import NAME, report_page
from fastdis.evaluation.table import remarks, table
from support.browser import broken_pictures, opened, overflow


def content() -> dict[str, Any]:
    """A report with every kind of row: an interval, an exact one, none, and a score that is missing."""
    exact = {"low": 0.5, "high": 0.5, "confidence": 0.95, "exact": True}
    drawn = {"low": 0.2, "high": 0.4, "confidence": 0.95, "exact": False}
    numbers = [
        number("mig", "information", 0.5, samples=20_000, interval=exact, definition="Of <codes> & factors."),
        number("mig", "information", 0.3, samples=10_000, seed=0, interval=drawn, definition="Of <codes>."),
        number("sap", "prediction", None, samples=15_000, reason="too few rows", definition="A gap."),
        number("kl", "posterior", 3.0, samples=20_000, unit="nats", definition="KL.", per_latent=[1.0, 2.0]),
        number("dimwise_kl", "posterior", 0.1, samples=20_000, definition="KL.", per_latent=[0.0, 0.1]),
    ]
    return {
        "fastdis": "0",
        "title": "beta-vae, beta 4",
        "images": 20_000,
        "config": {"objective": "beta-vae", "steps": 3000, "settings": {"beta": 4.0}, "warmup": {}}
        | {"data": {"source": "my.npz", "factors": {"colour": 4, "angle": None}}},
        "commands": ["fastdis evaluate runs/mine"],
        "best_factors": ["scale", ""],
        "notes": ["7 images lack a label."],
        "numbers": numbers,
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    pictures = {name: Figure((9, 1)) for name in ORDER}
    write_files(folder, "metrics.json", content(), pictures, (NAME, report_page))
    return folder / NAME


def test_the_page_in_a_browser(path: Path) -> None:
    with opened(path) as (page, complaints):
        assert [overflow(page, width) for width in (400, 1400)] == [0, 0]
        assert broken_pictures(page) == 0
        assert page.locator("figure").count() == len(ORDER)
        assert page.evaluate(
            "[...document.images].every(image => image.alt && image.src.startsWith('data:'))"
        )
        assert complaints == []


def test_every_number_stands_on_the_page(path: Path) -> None:
    text = path.read_text()
    rows = ("exact", "0.2000 to 0.4000", "not computed: too few rows", "Of &lt;codes&gt; &amp; factors.")
    others = (
        "factors: colour: 4, angle: continuous",
        "beta-vae, beta 4",
        "7 images lack a label.",
        "fastdis evaluate runs/mine",
        "3,000",
        "scale",
    )
    for part in (*rows, *others):
        assert part in text


def test_images_without_labels_leave_a_score_of_all_others_on_the_left(tmp_path: Path) -> None:
    numbers = [
        number("mig", "information", 0.5, samples=19_000, definition=""),
        number("mig", "information", 0.25, samples=10_000, seed=0, definition=""),
        number("sap", "prediction", 0.125, samples=15_000, seed=0, definition=""),
        number("kl", "posterior", 3.0, samples=20_000, definition=""),
    ]
    _, _, mig, _, sap, *_ = table(numbers).splitlines()
    assert [line.split() for line in (mig, sap)] == [
        ["mig", "0.5000", "19,000", "0.2500", "10,000"],
        ["sap", "0.1250", "15,000"],
    ]
    assert sap.rindex("15,000") == mig.rindex("10,000")
    write_files(tmp_path, "metrics.json", content() | {"numbers": numbers}, {}, (NAME, report_page))
    page = (tmp_path / NAME).read_text()
    assert page.index("0.5000") < page.index("0.2500")


def test_reasons_name_their_images_where_other_images_have_an_interval() -> None:
    interval = {"low": 0.2, "high": 0.4, "confidence": 0.95, "exact": False}
    numbers = [
        number("mig", "information", 0.3, samples=9_000, interval=interval, definition=""),
        number("mig", "information", 0.3, samples=200, no_interval="too few", definition=""),
        number("mig_sup", "information", 0.3, samples=9_000, interval=interval, definition=""),
        number("mig_sup", "information", 0.3, samples=200, no_interval="too few", definition=""),
        number("kl", "posterior", 3.0, samples=9_000, no_interval="none drawn", definition=""),
    ]
    assert remarks(numbers) == [
        "No interval of mig, mig_sup from 200 images: too few.",
        "No interval of kl: none drawn.",
    ]


def test_a_failed_page_leaves_the_older_report(tmp_path: Path) -> None:
    write_files(tmp_path, "metrics.json", content(), {}, (NAME, report_page))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyError):
        write_files(tmp_path, "metrics.json", {"numbers": []}, {"new": Figure((1, 1))}, (NAME, report_page))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_codes_have_a_page_too(tmp_path: Path) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.savez(tmp_path / "a b.npz", codes=factors.astype(np.float32), factors=factors)
    report = evaluate_codes(tmp_path / "a b.npz", folder=tmp_path / "out", metrics=["mig", "irs"])
    assert report.files[:2] == ("metrics.json", NAME)
    command = json.loads((tmp_path / "out" / "metrics.json").read_text())["commands"]
    quoted = f"'{tmp_path / 'a b.npz'}' --out {tmp_path / 'out'}"
    assert command == [f"fastdis evaluate --codes {quoted} --metrics mig,irs"]
    assert evaluation.Report(report.content).folder is None
