"""Runs side by side, from their folders alone."""

import csv
import json
from pathlib import Path
from statistics import stdev

import pytest

from fastdis.evaluation import compare, write_comparison
from fastdis.evaluation.comparison import compare_runs, terminal_table
from fastdis.evaluation.comparison.run_settings import flat_settings, labels_of
from fastdis.evaluation.comparison.table import better
from fastdis.metrics import METRICS
from support.browser import broken_pictures, opened, overflow
from support.scored_runs import config, number, write_run, write_study


def rows_of(comparison, name):
    return {row["method"]: row for row in comparison.rows if row["number"] == name}


def scored(folder: Path, score: float, *more, seed: int = 0, **settings) -> Path:
    name = "-".join(f"{key}{value}" for key, value in settings.items())
    run = folder / f"{name}-{seed}".replace("/", "_")
    return write_run(run, config(seed=seed, **settings), [number("mig", score), *more])


def test_runs_that_differ_in_the_seed_alone_are_one_method(tmp_path: Path) -> None:
    for seed, score in enumerate((0.2, 0.3, 0.7)):
        scored(tmp_path, score, beta=4.0, seed=seed)
    scored(tmp_path, 0.5, beta=1.0)
    rows = rows_of(compare_runs(f"{tmp_path}/*"), "mig")
    assert list(rows) == ["beta-vae, beta 1", "beta-vae, beta 4"]
    four = rows["beta-vae, beta 4"]
    assert four["mean"] == pytest.approx(0.4)
    assert four["sd"] == pytest.approx(stdev((0.2, 0.3, 0.7)))
    assert four["runs"] == 3
    assert rows["beta-vae, beta 1"]["sd"] is None


def test_settings_that_do_not_train_are_not_compared(tmp_path: Path) -> None:
    for seed, every in enumerate((None, 500)):
        content = config(seed=seed) | {
            "evaluate_every": every,
            "keep_checkpoints": 2 + seed,
            "fastdis": str(seed),
        }
        write_run(tmp_path / str(seed), content, [number("mig", 0.5)])
    assert len(compare_runs(f"{tmp_path}/*").methods) == 1


def test_strengths_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for beta in (10.0, 4.0, 1.0):
        scored(tmp_path, 0.1, beta=beta)
    assert [method.label for method in compare_runs(f"{tmp_path}/*").methods] == [
        "beta-vae, beta 1",
        "beta-vae, beta 4",
        "beta-vae, beta 10",
    ]


def test_the_best_follows_what_the_score_declares(tmp_path: Path) -> None:
    scored(tmp_path, 0.5, number("reconstruction", 20.0), number("kl", 9.0), beta=1.0)
    scored(tmp_path, 0.6, number("reconstruction", 30.0), number("kl", 5.0), beta=4.0)
    comparison = compare_runs(f"{tmp_path}/*")
    best = {
        name: [method for method, row in rows_of(comparison, name).items() if row["best"]]
        for name in ("mig", "reconstruction", "kl")
    }
    assert best == {"mig": ["beta-vae, beta 4"], "reconstruction": ["beta-vae, beta 1"], "kl": []}


def test_every_score_says_which_side_is_better() -> None:
    sides = {name: better(name) for name in METRICS}
    assert sides.pop("unsupervised") == "neither"
    assert set(sides.values()) == {"higher"}


def test_other_data_is_said_and_ranked_apart(tmp_path: Path) -> None:
    for k, data in enumerate(("dSprites", "3D Shapes")):
        for beta in (1.0, 4.0):
            content = config(beta=beta, dataset=data)
            write_run(tmp_path / f"{k}-{beta}", content, [number("mig", beta / 10 + k / 2)], data=data)
    comparison = compare_runs(f"{tmp_path}/*")
    assert "2 data sets" in comparison.notes[0]
    assert "3D Shapes" in comparison.notes[0]
    best = [method for method, row in rows_of(comparison, "mig").items() if row["best"]]
    assert len(best) == 2
    assert all("beta 4" in method for method in best)


def test_a_run_without_scores_is_named_in_one_line(tmp_path: Path) -> None:
    scored(tmp_path, 0.5)
    bare = write_run(tmp_path / "bare", config(seed=1), None)
    notes = compare_runs(f"{tmp_path}/*").notes
    assert notes == [f"{bare} has no metrics.json: score it with `fastdis evaluate {bare}`"]
    with pytest.raises(ValueError, match="at least 1 run with a"):
        compare_runs([bare])


def test_the_second_number_of_a_name_is_the_sample(tmp_path: Path) -> None:
    scored(tmp_path, 0.5, number("mig", 0.6, 10_000))
    comparison = compare_runs(f"{tmp_path}/*")
    assert {row["number"]: row["mean"] for row in comparison.rows} == {"mig": 0.5, "mig (10,000)": 0.6}


def test_a_score_that_could_not_be_computed_says_why(tmp_path: Path) -> None:
    scored(tmp_path, 0.5, number("dci", None, reason="dci: too few rows"))
    row = rows_of(compare_runs(f"{tmp_path}/*"), "dci")["beta-vae"]
    assert (row["mean"], row["runs"], row["reason"]) == (None, 0, "dci: too few rows")


def test_the_interval_of_a_run_stands_beside_the_spread(tmp_path: Path) -> None:
    for seed, width in enumerate((0.1, 0.3)):
        interval = {"low": 0.5 - width, "high": 0.5 + width, "confidence": 0.95, "exact": False}
        write_run(tmp_path / str(seed), config(seed=seed), [number("mig", 0.5, interval=interval)])
    row = compare_runs(f"{tmp_path}/*").rows[0]
    assert (row["sd"], row["interval"]) == (0, pytest.approx(0.2))


def test_an_unfinished_run_and_a_doubled_seed_are_said(tmp_path: Path) -> None:
    write_run(tmp_path / "a", config(), [number("mig", 0.5)], step=2000)
    write_run(tmp_path / "b", config(), [number("mig", 0.5)])
    notes = compare_runs(f"{tmp_path}/*").notes
    assert notes[0] == f"{tmp_path / 'a'} was scored at step 2,000 of 5,000."
    assert "the same seed 0" in notes[1]


def test_a_run_given_twice_counts_once(tmp_path: Path) -> None:
    run = scored(tmp_path, 0.5)
    assert compare_runs([run, str(run), f"{tmp_path}/*"]).rows[0]["runs"] == 1


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing is at"):
        compare_runs([tmp_path / "absent"])
    with pytest.raises(FileNotFoundError, match="is not the folder of a run"):
        compare_runs([tmp_path])
    with pytest.raises(TypeError, match="must be paths, got int"):
        compare_runs([3])
    run = scored(tmp_path, 0.5)
    for text in ("not JSON", "[]", '{"numbers": [{"name": "mig", "score": "high"}]}'):
        (run / "metrics.json").write_text(text)
        with pytest.raises(ValueError, match=r"metrics\.json must"):
            compare_runs([run])


def test_settings_of_fit_are_read_from_the_text_of_the_objective() -> None:
    text = "FactorVAE(\n  gamma=35.0, likelihood='bernoulli'\n  (discriminator): Linear(in_features=2)\n)"
    flat = flat_settings({"objective": text, "architecture": {"name": "kim-2d", "arguments": {"latents": 6}}})
    assert flat == {
        "objective": "FactorVAE",
        "gamma": 35.0,
        "likelihood": "bernoulli",
        "name": "kim-2d",
        "latents": 6,
    }
    assert labels_of([flat]) == ["FactorVAE"]


def test_the_table_is_a_data_frame_or_dictionaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(tmp_path, 0.5)
    monkeypatch.setattr("fastdis.evaluation.comparison.find_spec", lambda name: None)
    rows = compare(f"{tmp_path}/*")
    assert isinstance(rows, list)
    assert rows[0]["mean"] == 0.5
    monkeypatch.undo()
    pandas = pytest.importorskip("pandas")
    table = compare(f"{tmp_path}/*")
    assert isinstance(table, pandas.DataFrame)
    assert list(table.columns) == list(rows[0])


def test_files_and_the_terminal(tmp_path: Path) -> None:
    runs = write_study(tmp_path / "runs", seeds=2)
    comparison, files = write_comparison(runs, tmp_path / "out")
    assert set(files) == {path.name for path in (tmp_path / "out").iterdir()}
    assert set(files) == {
        "compare.html",
        "compare.csv",
        "scores_by_method.png",
        "reconstruction_and_score.png",
    }
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in written if row["mean"]] == [
        row["mean"] for row in comparison.rows if row["mean"] is not None
    ]
    lines = terminal_table(comparison).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum("factor_vae_score" in line for line in lines) == 3  # 12 methods, four beside each other


def test_a_failed_comparison_leaves_the_older_one(tmp_path: Path) -> None:
    run = scored(tmp_path / "runs", 0.5)
    write_comparison([run], tmp_path / "out")
    before = (tmp_path / "out" / "compare.html").read_bytes()
    (run / "metrics.json").write_text(json.dumps({"numbers": 3}))
    with pytest.raises(ValueError, match="list of numbers"):
        write_comparison([run], tmp_path / "out")
    assert (tmp_path / "out" / "compare.html").read_bytes() == before


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    runs = write_study(
        tmp_path / "runs", seeds=1, pictures=True, strengths={"beta-vae": ("beta", (1.0, 4.0))}
    )
    script = "<script>document.title = 'run'</script>"  # a folder's name is text
    hostile = write_run(tmp_path / "runs" / "h", config("vae", latents=3), [number("mig", 0.1)], data=script)
    write_comparison([*runs, hostile], tmp_path / "out")
    with opened(tmp_path / "out" / "compare.html") as (page, complaints):
        assert page.title() == "3 methods compared"
        assert page.locator("img").count() == 4
        assert broken_pictures(page) == 0
        assert page.locator("td b").count() > 5
        assert [overflow(page, width) for width in (400, 1400)] == [0, 0]
        assert not complaints
