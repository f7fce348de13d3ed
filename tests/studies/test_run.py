"""Running a study: nothing is lost, nothing mixed, and one that fails stops no other."""

import json
import os
from pathlib import Path

import pytest
import torch

from fastdis.evaluation import evaluate_run
from fastdis.studies import Study, run_study, statuses
from fastdis.studies.compact import export, restore
from fastdis.studies.disk import tidy
from fastdis.studies.estimate import estimate
from fastdis.studies.folder import PROGRESS, read_json
from fastdis.studies.job import Job, perform
from fastdis.studies.run import shares
from fastdis.training import load_weights
from fastdis.training.checkpoint_file import checkpoints, read_file
from fastdis.training.cores import core_count
from fastdis.training.lock import locked
from fastdis.training.log import read_log
from fastdis.training.run_config import RunConfig
from fastdis.training.train import train_run
from support.studies import EVALUATE, base

pytestmark = pytest.mark.usefixtures("_here")


def study(folder: Path, **parts: object) -> Study:
    given = {"base": base(folder), "axes": {"beta": [1, 4]}, "evaluate": EVALUATE} | parts
    return Study.from_dict(given)


def modified(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("metrics.json")}


def test_every_run_is_trained_and_scored(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = run_study(study(tmp_path), out, progress=False)
    assert [(run.state, run.step) for run in found] == [("done", 3)] * 2
    for run in found:
        folder = out / run.name
        numbers = {each["name"] for each in read_json(folder / "metrics.json")["numbers"]}
        assert {"mig", "kl", "total_correlation", "reconstruction"} <= numbers
        assert RunConfig.of_run(folder).settings["beta"] == run.settings[0]["beta"]
        assert [row["step"] for row in read_log(folder / "log.jsonl")] == [1, 3]
    assert not (out / PROGRESS).exists()
    assert json.loads((out / "study.json").read_text())["study"]["axes"] == {"beta": [1, 4]}


def test_finished_runs_are_kept_and_a_changed_study_adds_to_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_study(study(tmp_path), out, progress=False)
    before = modified(out)
    found = run_study(study(tmp_path, axes={"beta": [4, 16], "latents": [2, 3]}), out, progress=False)
    assert [run.state for run in found] == ["done"] * 4
    after = modified(out)
    assert len(before) == 2
    assert len(after) == 5  # one of the four was there, and one of the two is no part of the study any more
    assert before.items() <= after.items()


def test_a_failed_run_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    changed = study(tmp_path, base=base(tmp_path, learning_rate=1e-3), axes={"learning_rate": [1e25, 1e-3]})
    found = run_study(changed, out, progress=False)
    assert [run.state for run in found] == ["failed", "done"]
    assert "is not finite at step" in found[0].error
    assert "\n" not in found[0].error
    before = modified(out)
    assert [run.state for run in run_study(changed, out, progress=False)] == ["failed", "done"]
    assert modified(out) == before


def test_an_unfinished_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, cut = (
        Job(str(tmp_path / name), base(tmp_path, **steps), EVALUATE, "checkpoints", 1)
        for name, steps in {"whole": {"steps": 6}, "cut": {"steps": 6}}.items()
    )
    for job in (whole, cut):
        settings = {name: job.config[name] for name in ("objective", "dataset", "model", "latents", "steps")}
        object.__setattr__(job, "config", settings | {"batch_size": job.config["batch_size"]})
    perform(whole)
    train_run(RunConfig(**{**cut.config, "steps": 4}), Path(cut.folder), progress=False, log_every=100)
    assert [path.name for path in checkpoints(Path(cut.folder))] == ["checkpoint-00000004.safetensors"]
    perform(cut)
    tensors = [read_file(checkpoints(Path(job.folder))[-1])[0] for job in (whole, cut)]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(value, tensors[1][name]) for name, value in tensors[0].items())
    assert read_json(Path(cut.folder) / "outcome.json")["state"] == "done"


def test_other_scores_are_computed_from_the_weights_that_were_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_study(study(tmp_path), out, progress=False)
    found = run_study(study(tmp_path, evaluate={"metrics": ["mig", "modularity"]}), out, progress=False)
    assert [run.state for run in found] == ["done"] * 2
    numbers = read_json(out / found[0].name / "metrics.json")["numbers"]
    assert "modularity" in {each["name"] for each in numbers}


def test_without_weights_other_scores_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_study(study(tmp_path, keep="nothing"), out, progress=False)
    found = run_study(study(tmp_path, evaluate={"metrics": ["modularity"]}), out, progress=False)
    assert [run.state for run in found] == ["failed"] * 2
    assert "its weights were not kept; remove" in found[0].error


def test_two_runs_of_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        locked(out, "study: --out", "study"),
        pytest.raises(RuntimeError, match=f"no other study uses, but process {os.getpid()} on .* uses"),
    ):
        run_study(study(tmp_path), out, progress=False)


def test_every_run_is_checked_before_the_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for axes, message in {
        "batch_size": ([8, 65], "batch_size must be between 1 and the 64 images, got 65"),
        "beta": ([1, "much"], "beta must be a number, got str 'much'"),
        "channels": ([1, 3], "channels must be the 1 of the images"),
        "warmup": ([{}, {"likelihood": 3}], "must be a number, got str"),
    }.items():
        values, text = message
        with pytest.raises((TypeError, ValueError), match=f"study: run of objective beta-vae, .*{text}"):
            run_study(study(tmp_path, axes={axes: values}), out, progress=False)
    assert not out.exists()


def test_what_is_kept(tmp_path: Path) -> None:
    config = base(tmp_path)
    sizes = {}
    for keep in ("checkpoints", "weights", "nothing"):
        folder = tmp_path / keep
        perform(Job(str(folder), config, EVALUATE, keep, 1))
        sizes[keep] = sum(path.stat().st_size for path in checkpoints(folder))
    assert 0 == sizes["nothing"] < 2.5 * sizes["weights"] < sizes["checkpoints"]
    saved = RunConfig.of_run(tmp_path / "weights").build_model()
    load_weights(tmp_path / "weights", saved)
    with pytest.raises(ValueError, match="has other optimisers"):  # not gone on with as if they were there
        train_run(RunConfig(**config | {"steps": 5}), tmp_path / "weights", resume=True, progress=False)
    tidy(tmp_path / "nothing", "weights")
    kept = [path.name for path in tmp_path.glob("*/codes.npz")]
    assert len(kept) == 2  # of "weights" a sample, which no evaluation takes for all
    before = (tmp_path / "weights" / "codes.npz").read_bytes()
    evaluate_run(tmp_path / "weights", metrics=["mig"], draw=False, progress=False)
    assert (tmp_path / "weights" / "codes.npz").read_bytes() != before


def test_shares() -> None:
    cores = core_count()
    assert shares(1, None) == (1, cores)
    workers, threads = shares(None, None)
    assert workers * threads <= cores
    with pytest.raises(ValueError, match=f"at most the {cores} cores, got {cores} x 2"):
        shares(cores, 2)


def test_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdis.studies.estimate.seconds_per_step", lambda config, threads: 0.5)
    axes = {"beta": [1, 4], "objective": ["beta-vae", "beta-tcvae"]}
    runs = study(tmp_path, axes=axes, base=base(tmp_path, steps=7200)).runs()
    found = estimate(runs, None, workers=2, threads=1)
    assert (found.runs, found.steps, found.hours) == (4, 4 * 7200, 2.0)
    assert [count for _, count, _ in found.kinds] == [2, 2]
    assert str(found).startswith("4 runs, 0 of them done; 28,800 steps to go, about 2.0 hours of training")


def test_a_few_steps_are_timed(tmp_path: Path) -> None:
    found = estimate(study(tmp_path).runs(), None, workers=1, threads=1)
    assert 0 < found.hours < 1


def test_export_and_back(tmp_path: Path) -> None:
    out, file = tmp_path / "out", tmp_path / "study.json"
    run_study(study(tmp_path, base=base(tmp_path, steps=40)), out, progress=False)
    assert export(out, file) == 2
    assert file.stat().st_size < 20_000
    assert restore(file, tmp_path / "back") == 2
    for run in statuses(tmp_path / "back"):
        assert run.state == "done"
        whole, back = (read_json(folder / run.name / "metrics.json") for folder in (out, tmp_path / "back"))
        for one, other in zip(whole["numbers"], back["numbers"], strict=True):
            assert other["score"] == pytest.approx(one["score"], rel=1e-4)
            assert other["definition"] == one["definition"]
        assert RunConfig.of_run(tmp_path / "back" / run.name) == RunConfig.of_run(out / run.name)
        rows = [
            read_log(folder / run.name / "kl_per_latent.jsonl")[-1] for folder in (out, tmp_path / "back")
        ]
        assert rows[1] == pytest.approx(rows[0], rel=1e-4)
        assert not checkpoints(tmp_path / "back" / run.name)
    with pytest.raises(ValueError, match="must be a file of `fastdis study export`"):
        restore(out / "study.json", tmp_path / "other")


def test_known_runs_are_not_trained_again(tmp_path: Path) -> None:
    out, file, new = tmp_path / "out", tmp_path / "study.json", tmp_path / "new"
    run_study(study(tmp_path), out, progress=False)
    export(out, file)
    found = run_study(study(tmp_path, axes={"beta": [4, 16]}), new, known=file, progress=False)
    assert [run.state for run in found] == ["done", "done"]
    assert [bool(checkpoints(new / run.name)) for run in found] == [False, True]
    assert len([path for path in new.iterdir() if path.is_dir()]) == 2
