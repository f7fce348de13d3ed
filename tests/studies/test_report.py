"""The report of a study, from folders of runs alone."""

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastdis.studies.report import read_models, study_report
from fastdis.studies.report.columns import best_while_training, column, other_numbers, ranked_scores
from fastdis.studies.report.figures import figures_of, shares
from fastdis.studies.report.grids import planes
from fastdis.studies.report.tables import choices, setting_rows
from fastdis.studies.report.udr import udr_of
from support.browser import broken_pictures, opened, overflow
from support.scored_runs import config, number, write_run, write_study

TWO = {"beta-vae": ("beta", (1.0, 4.0)), "factor-vae": ("gamma", (10.0, 35.0))}
FEW = ("mig", "reconstruction", "total_correlation", "udr")


def write_grid(
    folder: Path, latents: tuple[int, ...] = (5, 10), betas: tuple[float, ...] = (1.0, 4.0)
) -> None:
    """Two seeds a cell; the score is beta / 10 + latents / 100, the seed moves it by 0.01."""
    for d in (5, 10):
        for beta in (1.0, 4.0):
            for seed in range(2):
                settings = config(beta=beta, latents=d, seed=seed)
                score = beta / 10 + d / 100 + seed / 100
                write_run(folder / f"d{d}-b{beta:g}-{seed}", settings, [number("mig", score)])


def test_axes_are_what_differs_but_the_seed(tmp_path: Path) -> None:
    write_grid(tmp_path)
    study = read_models(tmp_path)
    assert study.axes == {"beta": [1.0, 4.0], "latents": [5, 10]}
    assert list(study.settings) == [f"beta-vae, beta {b}, latents {d}" for b in (1, 4) for d in (5, 10)]
    assert {len(models) for models in study.settings.values()} == {2}
    assert study.note == "8 models; dSprites; 5,000 steps"


def test_a_grid_has_the_means_and_deviations_of_its_cells(tmp_path: Path) -> None:
    write_grid(tmp_path)
    study = read_models(tmp_path)
    (plane,) = planes(study)
    assert plane.columns == ("latents", ["5", "10"])
    assert plane.rows == ("beta", ["1", "4"])
    ((facet, models),) = plane.facets.items()
    assert facet == ""
    grid = plane.grid("", column(study.models, "mig"), models)
    assert grid.mean == pytest.approx(np.array([[0.155, 0.205], [0.455, 0.505]]))
    assert grid.sd == pytest.approx(np.full((2, 2), np.sqrt(0.5) * 0.01))


def test_strengths_of_several_objectives_become_ranks(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=1, strengths=TWO, only=["mig"])
    (plane,) = planes(read_models(tmp_path))
    assert plane.columns == ("strength, from the weakest", ["1", "2"])
    assert plane.rows == ("objective", ["beta-vae", "factor-vae"])


def test_labels_of_a_study_are_axes_and_what_follows_from_them_is_not(tmp_path: Path) -> None:
    runs = []
    for arm in (0, 1):
        for strength in (1, 2):
            for d in (5, 10):
                beta = strength * (d / 10) ** arm
                name = f"b{beta:g}-d{d}"  # at 10 latents both arms are one run
                write_run(tmp_path / name, config(beta=beta, latents=d), [number("mig", beta / 10)])
                point = {"arm": arm, "strength": strength, "latents": d, "beta": beta, "seed": 0}
                runs.append({"name": name, "settings": {"objective": "beta-vae", **point}, "steps": 5000})
    runs.append({"name": "absent", "settings": {"objective": "beta-vae"}, "steps": 5000})
    base = {"objective": "beta-vae", "beta": "= strength * (latents / 10) ** arm"}
    content = {"study": {"title": "arms", "base": base, "methods": []}, "runs": runs}
    (tmp_path / "study.json").write_text(json.dumps(content))
    study = read_models(tmp_path)
    assert study.title == "arms"
    assert set(study.axes) == {"arm", "strength", "latents"}
    assert len(study.models) == 8
    assert study.notes == ["1 run has not begun: absent."]
    named = {plane.name: list(plane.facets) for plane in planes(study)}
    assert named["latents_strength"] == ["arm 0", "arm 1"]


def test_what_is_missing_is_counted_and_said(tmp_path: Path) -> None:
    write_grid(tmp_path)
    write_run(tmp_path / "bare", config(seed=7), None)
    write_run(tmp_path / "short", config(seed=8, beta=1.0, latents=5), [number("mig", 0.3)], step=10)
    broken = write_run(tmp_path / "broken", config(seed=9), [])
    (broken / "metrics.json").write_text("cut sho")
    study = read_models(tmp_path)
    assert study.notes[:2] == [
        "1 run has no scores yet and is left out: bare.",
        "1 run is unfinished and counted as it is: short (step 10 of 5,000).",
    ]
    assert "broken/metrics.json must be a JSON object" in study.notes[2]
    assert len(study.models) == 9


def test_folders_without_runs_or_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no folder"):
        read_models(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="has none"):
        read_models(tmp_path)
    write_run(tmp_path / "bare", config(), None)
    with pytest.raises(ValueError, match="no scores yet"):
        study_report(tmp_path)


def test_runs_within_runs_are_not_looked_for(tmp_path: Path) -> None:
    write_run(tmp_path / "deep" / "er" / "run", config(), [number("mig", 0.5)])
    write_run(tmp_path / "deep" / "er" / "run" / "inner", config(seed=1), [number("mig", 0.5)])
    assert len(read_models(tmp_path).models) == 1


def test_other_numbers_are_those_of_lecture_15(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=1, strengths=TWO)
    study = read_models(tmp_path)
    assert ranked_scores(study)[:3] == ["factor_vae_score", "mig", "dci"]
    names = list(other_numbers(study, udr_of(study)))
    assert names[:5] == ["LR 10", "LR 100", "LR 1,000", "LR 10,000", "efficiency LR"]
    assert {"GBT 100", "efficiency GBT", "total_correlation", "index_code_mi", "UDR"} <= set(names)


def test_the_best_while_training_is_read_from_the_scores(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", config(), [number("mig", 0.3)])
    rows = [{"step": 1, "seconds": 1.0, "mig": 0.2}, {"step": 2, "seconds": 2.0, "mig": 0.4}]
    (run / "scores.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    write_run(tmp_path / "b", config(seed=1), [number("mig", 0.3)])
    found = best_while_training(read_models(tmp_path).models, "mig")
    assert found[0] == 0.4
    assert np.isnan(found[1])


def test_shares_of_the_variance_add_up(tmp_path: Path) -> None:
    write_grid(tmp_path)
    study = read_models(tmp_path)
    found = shares(study, column(study.models, "mig"))
    assert list(found) == ["strength", "other settings", "seed"]
    assert sum(found.values()) == pytest.approx(1)
    # variances of 0.15², 0.025² and 0.005²
    whole = 0.15**2 + 0.025**2 + 0.005**2
    assert found["strength"] == pytest.approx(0.15**2 / whole)
    assert found["seed"] == pytest.approx(0.005**2 / whole)


def test_rows_of_settings_have_intervals(tmp_path: Path) -> None:
    write_grid(tmp_path)
    row = setting_rows(read_models(tmp_path))[0]
    assert row["mean"] == pytest.approx(0.155)
    assert row["low"] == pytest.approx(0.15)
    assert row["high"] == pytest.approx(0.16)


def test_what_models_share_is_drawn_for_each_data_set(tmp_path: Path) -> None:
    for name, shift in (("dsprites", 0.0), ("shapes3d", 0.5)):
        for seed in range(4):
            numbers = [number("mig", shift + seed / 10), number("kl", 9 * shift - seed)]
            settings = config(seed=seed, dataset=name)
            write_run(tmp_path / f"{name}-{seed}", settings, numbers, data=f"{name}, made up")
    study = read_models(tmp_path)
    assert study.by_data() == {"dsprites": [0, 1, 2, 3], "shapes3d": [4, 5, 6, 7]}
    drawn = {one.name: one for one in figures_of(study, np.full(8, np.nan))}
    assert {"correlations_of_scores_dsprites", "correlations_of_scores_shapes3d"} <= drawn.keys()
    texts = [
        text.get_text() for text in drawn["correlations_with_other_numbers_shapes3d"].figure.axes[0].texts
    ]
    assert texts[0] == "-100"  # over both data sets it would rise


def test_udr_is_computed_from_codes_where_reports_lack_it(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    z = generator.standard_normal((400, 2)).astype(np.float32)
    turned = z @ np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    for seed, mean in enumerate((z, -z[:, ::-1], 3 * z, turned)):
        run = write_run(tmp_path / str(seed), config(seed=seed), [number("mig", 0.5 - seed / 10)])
        np.savez(run / "codes.npz", mean=mean, logvar=np.full_like(mean, -3.0), key="")
    write_run(tmp_path / "4", config(seed=4), [number("mig", 0.9)])
    study = read_models(tmp_path)
    found = udr_of(study)
    assert found[:3] == pytest.approx([1, 1, 1], abs=0.02)
    assert found[3] < 0.8
    assert np.isnan(found[4])
    (choice,) = choices(study, found)
    assert (choice["models"], choice["best"]) == (4, "0.500")


def test_a_thousand_runs_are_listed_in_two_seconds(tmp_path: Path) -> None:
    numbers = [number(name, 0.5, mutual_information=[[0.1] * 5] * 10) for name in FEW for _ in range(2)]
    for seed in range(1000):
        write_run(tmp_path / str(seed), config(seed=seed), numbers)
    start = time.process_time()
    assert len(read_models(tmp_path).models) == 1000
    assert time.process_time() - start < 2


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("study")
    runs = write_study(folder, seeds=2, strengths=TWO, only=FEW)
    for name in ("traversals", "reconstructions"):
        Image.new("L", (1000, 60)).save(runs[0] / f"{name}.png")
    write_run(folder / "<b>bare</b>", config(seed=7), None)
    return folder, study_report(folder)


def test_all_files_are_written(report: tuple[Path, tuple[str, ...]]) -> None:
    folder, files = report
    assert files[:3] == ("study.html", "study.csv", "study_settings.csv")
    assert all((folder / name).stat().st_size > 0 for name in files)
    stems = {Path(name).stem for name in files if name.endswith(".svg")}
    assert stems == {Path(name).stem for name in files if name.endswith(".png")}
    assert stems >= {
        "lines_mig_strength_objective",
        "maps_mig_strength_objective",
        "reconstruction_and_mig",
        "violins",
        "correlations_of_scores",
        "correlations_with_other_numbers",
        "explained_variance",
    }
    svgs = [(folder / name).read_text() for name in files if name.endswith(".svg")]
    assert all("8 models; dSprites; 300,000 steps" in svg for svg in svgs)
    with (folder / "study.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {"objective", "beta", "gamma", "seed", "mig", "udr"} <= rows[0].keys()


def test_the_page_in_a_browser(report: tuple[Path, tuple[str, ...]]) -> None:
    with opened(report[0] / "study.html") as (page, complaints):
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.locator("details img").count() >= 2
        assert broken_pictures(page) == 0
        assert [overflow(page, width) for width in (400, 1400)] == [0, 0]
        assert "<b>bare</b>" in page.locator(".notes").inner_text()
        assert page.locator("caption, figcaption").first.inner_text().endswith("300,000 steps.")
        assert not complaints
