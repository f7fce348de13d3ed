"""A run as an object: what its folder holds, in Python."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import fastdis
from fastdis.evaluation import open_run
from fastdis.training import fit
from support.toys import small_vae, squares


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two steps on a model of one's own."""
    objective = fastdis.losses.BetaVAE()
    fit(
        small_vae(),
        objective,
        squares(),
        steps=2,
        batch_size=8,
        run_dir=tmp_path,
        log_every=1,
        progress=False,
    )
    return tmp_path


def test_everything_is_at_hand_and_read_when_asked_for(folder: Path) -> None:
    run = open_run(folder, model=small_vae(1), data=squares())
    assert not (folder / "codes.npz").exists()
    assert not run.model.training
    assert run.codes[0].shape == run.codes[1].shape == (96, 3)
    assert (run.step, run.config, run.settings["steps"], len(run.log)) == (2, None, 2, 2)
    assert len(run.data) == 96
    assert run.kl.shape == (3,)
    assert "Not scored yet" in run._repr_html_()
    assert run.metrics == {}
    assert "BetaVAE" in repr(run)


def test_scores_are_those_of_the_report(folder: Path) -> None:
    run = open_run(folder, model=small_vae(1), data=squares())
    run.evaluate(metrics=["mig", "irs"], progress=False)
    assert list(run.metrics)[:2] == ["mig", "irs"]
    content = json.loads((folder / "metrics.json").read_text())
    assert run.metrics["mig"] == content["numbers"][0]
    assert f"{run.metrics['irs']['score']:.4f}" in run._repr_html_()
    (folder / "metrics.json").write_text("[]")
    with pytest.raises(ValueError, match=r"metrics\.json must be a report of fastdis"):
        _ = run.report


def test_figures_are_matplotlib_figures(folder: Path) -> None:
    run = open_run(folder, model=small_vae(1), data=squares())
    shown = ("traversals", "training", "kl_per_latent", "mutual_information", "joint_histogram")
    assert set(shown) < set(run.figures)
    for name in shown:
        assert isinstance(run.figure(name), Figure)
    ends = [text.get_text() for text in run.figure("traversals", traverse=(-3, 1)).axes[-1].get_xticklabels()]
    assert (ends[0], ends[-1]) == ("-3.0", "+1.0")
    for options, message in (
        ({"name": "none"}, "name must be one of traversals, "),
        ({"name": "traversals", "image": 96}, "image must be between 0 and 95, got 96"),
        ({"name": "traversals", "traverse": (1, -1)}, r"traverse\[1\] must be finite and above 1, got -1"),
        ({"name": "traversals", "traverse": (1,)}, "traverse must be 2 numbers, got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            run.figure(**options)


def test_folders_that_cannot_be_opened(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match="is not the folder of a run"):
        open_run(tmp_path_factory.mktemp("empty"))
    config = json.loads((folder / "config.json").read_text()) | {"fastdis": "9.9"}
    (folder / "config.json").write_text(json.dumps(config))
    other = fastdis.models.linear_vae(latents=3)
    with pytest.raises(ValueError, match=r"another architecture.*\(the run was written by fastdis 9\.9, and"):
        _ = open_run(folder, model=other, data=squares()).model
    (folder / "checkpoint-00000002.safetensors").unlink()
    run = open_run(folder, model=small_vae(), data=squares())
    assert run.step == 0
    with pytest.raises(FileNotFoundError, match="must hold a checkpoint"):
        _ = run.codes
    assert len(run.log) == 2
