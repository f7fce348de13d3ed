"""From a file to a report by the command line alone: one data set of each kind, tiny."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from fastdis.cli import main
from support.published_files import write_shapes3d

SHORT = ("--steps", "3", "--batch-size", "8", "--latents", "4")


@pytest.fixture(autouse=True)
def _small() -> None:
    """Instead of the small model and data of the other tests: here they are real."""


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run the command line in a folder of its own; what it prints, or its one line of error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fastdis", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capfd.readouterr()
        if end.value.code:
            assert captured.err.count("\n") == 1
            return captured.err
        return captured.out

    return run


def report(command: Any, run: str, *options: str, metrics: str = "mig,dcimig") -> dict[str, Any]:
    """Evaluate a run: its metrics.json."""
    printed = command("evaluate", run, *options, *(("--metrics", metrics) if metrics else ()))
    content: dict[str, Any] = json.loads(Path(run, "metrics.json").read_text())
    for note in content["notes"]:
        assert note in " ".join(printed.split())  # lines are broken to fit
    assert ("held out" in printed) == ("held_out" in content)
    for name in ("traversals.png", "traversals_moving.gif", "reconstructions.png", "prior_samples.png"):
        assert Path(run, name).stat().st_size
    return content


def same_again(command: Any, content: dict[str, Any]) -> bool:
    """Whether the command that a report gives makes a run with the same settings."""
    words = shlex.split(content["commands"][0])
    assert words[:3] == ["fastdis", "train", "run"]
    assert "null" not in content["commands"][0]
    command("train", "again", *words[3:])
    return Path("again/config.json").read_text() == Path("run/config.json").read_text()


def names(content: dict[str, Any]) -> set[str]:
    return {number["name"] for number in content["numbers"]}


@pytest.mark.parametrize("objective", ["beta-tcvae", "factor-vae"])
def test_an_npz_of_colour_with_a_continuous_factor(command: Any, objective: str) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(120, 64, 64, 3), dtype=np.uint8)
    angle = rng.random(120)
    angle[:7] = np.nan
    factors = np.stack([np.arange(120) % 4, angle], axis=1)
    np.savez("my.npz", images=images, factors=factors, factor_names=["object", "angle"])
    assert "trained: run" in command("train", "run", "--objective", objective, "--data", "my.npz", *SHORT)
    content = report(command, "run")
    assert {"mig", "kl", "total_correlation", "reconstruction"} <= names(content)
    assert (content["factors"], content["factor_bins"]) == (["object", "angle"], {"angle": 20})
    assert content["notes"] == [
        "Continuous factors were cut into 20 bins of equal width for the scores: angle.",
        "Scores that take them as numbers: dci, sap, r2, mcc.",
        "7 images lack a label and are left out of the scores of factors.",
    ]
    assert content["numbers"][0]["samples"] == 113
    assert json.loads(Path("run/config.json").read_text())["settings"]["channels"] == 3
    command("evaluate", "run", "--factor-bins", "5", "--binning", "quantile", "--metrics", "mig")
    content = json.loads(Path("run/metrics.json").read_text())
    assert (content["factor_bins"], content["binning"]) == ({"angle": 5}, "quantile")
    assert "cut into 5 bins of equal counts" in content["notes"][0]
    assert "total correlation" in command("posterior", "run")
    assert "trained: run" in command("train", "run", "--steps", "4", "--resume")


def test_a_folder_of_pictures(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for place in range(24):
        path = Path("pictures") / f"{place % 3}" / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(256, size=(80, 72, 3), dtype=np.uint8)).save(path)
    command_line = ("train", "run", "--data", "pictures/", *SHORT)
    assert "are 80 x 72; scale them with --set size=64" in command(*command_line)
    assert not Path("run").exists()
    assert "learns from pairs" in command(*command_line, "--objective", "ada-gvae", "--set", "size=64")
    assert "trained: run" in command(*command_line, "--set", "size=64")
    content = report(command, "run", metrics="")
    assert content["notes"] == ["The data set has no known factors, so there are no scores of factors."]
    assert "kl" in names(content)
    assert "mig" not in names(content)
    assert not Path("run/mutual_information.png").exists()
    lines = ["file,kind", *(f"{place % 3}/{place}.png,{'ab'[place % 2]}" for place in range(24))]
    Path("labels.csv").write_text("\n".join(lines))
    command(
        "train", "labelled", "--data", "pictures", "--set", "size=64", "--set", "factors=labels.csv", *SHORT
    )
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")  # where there is no such file
    assert "mig" in command("evaluate", "../labelled", "--metrics", "mig")


def test_3d_shapes(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"floor_hue": 2, "wall_hue": 2, "object_hue": 2, "scale": 2, "shape": 2, "orientation": 3}
    values = {name: np.linspace(0, 1, size) for name, size in sizes.items()}
    monkeypatch.setattr(sys.modules["fastdis.data.published.shapes3d"], "FACTORS", values)
    write_shapes3d(Path("3dshapes.h5"), values)
    with h5py.File("3dshapes.h5") as file:
        assert file["images"].shape == (96, 64, 64, 3)
    assert "data '3dshapes' needs a path" in command("train", "run", "--data", "3dshapes", *SHORT)
    shapes = ("--data", "3dshapes", "--path", "3dshapes.h5")
    assert "trained: run" in command("train", "run", *shapes, "--every", "2", *SHORT)
    content = report(command, "run")
    assert content["images"] == 48
    assert "mig" in names(content)
    assert content["notes"] == []


def test_noisy_dsprites(command: Any) -> None:
    assert "trained" in command("train", "run", "--data", "noisy-dsprites", "--every", "2000", *SHORT)
    content = report(command, "run")
    assert content["notes"] == ["Colour or noise was drawn once: each image was encoded as it is at visit 0."]
    assert content["images"] == 369
    assert "Noisy-dSprites, seed 0, of dSprites" in content["data"]


def test_scenes(command: Any) -> None:
    assert "did you mean scenes" in command("train", "run", "--data", "scene", *SHORT)
    assert "needs the setting k" in command("train", "run", "--data", "scenes", *SHORT)
    scenes = ("--data", "scenes", "--set", "k=5", "--set", "length=400")
    assert "trained" in command("train", "run", *scenes, *SHORT)
    content = report(command, "run")
    assert content["factor_bins"] == {"x": 20, "y": 20, "scale": 20, "rotation": 20}
    assert {"mig", "dcimig"} <= names(content)


def write_labelled(path: str, count: int = 96) -> None:
    """Write images with a shape, a scale and a continuous angle."""
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(count, 64, 64), dtype=np.uint8)
    labels = np.stack([np.arange(count) % 3, np.arange(count) // 3 % 4, rng.random(count)], axis=1)
    np.savez(path, images=images, factors=labels, factor_names=["shape", "scale", "angle"])


def test_a_split_is_scored_on_both_sides(command: Any) -> None:
    write_labelled("my.npz")
    command("train", "run", "--data", "my.npz", "--split", "0.75", *SHORT)
    assert json.loads(Path("run/config.json").read_text())["split"] == 0.75
    content = report(command, "run", "--factor-bins", "3")
    assert content["images"] == 72
    assert content["data"].endswith("my.npz (72 of 96 images)")
    assert content["held_out"] == "0.25 of the images, drawn with seed 0: 24 images"
    trained = [number for number in content["numbers"] if "part" not in number]
    held_out = [number for number in content["numbers"] if number.get("part") == "held out"]
    assert {"mig", "kl", "reconstruction"} <= {number["name"] for number in held_out}
    assert {number["samples"] for number in trained} == {72}
    assert {number["samples"] for number in held_out} == {24}
    assert Path("run/reconstructions_held_out.png").stat().st_size
    assert same_again(command, content)
    assert "trained" in command("train", "run", "--steps", "4", "--resume")
    assert "split was 0.75, got 0.5" in command("train", "run", "--steps", "5", "--split", "0.5", "--resume")


def test_a_combination_is_held_out(command: Any) -> None:
    write_labelled("my.npz")
    held_out = ("--without", "shape=2", "--without", "scale=[0,1]")
    command("train", "run", "--data", "my.npz", *held_out, *SHORT)
    assert json.loads(Path("run/config.json").read_text())["without"] == {"shape": 2, "scale": [0, 1]}
    content = report(command, "run", "--factor-bins", "3")
    assert content["images"] == 80
    assert content["held_out"] == "shape 2, scale [0, 1]: 16 images"
    parts = [number["samples"] for number in content["numbers"] if number.get("part") == "held out"]
    assert set(parts) == {16}
    assert same_again(command, content)
    for wrong, message in (
        (("--without", "shap=2"), "got 'shap'; did you mean shape?"),
        (("--without", "shape=3"), "shape must be between 0 and 2, got 3"),
        (("--without", "angle=0"), "factor 'angle' must have classes, but is continuous"),
        (("--without", "shape"), "--without must be NAME=VALUE"),
        (("--split", "1"), "fraction must leave both parts an image"),
        (("--split", "0"), "split must be above 0 and at most 1, got 0"),
        (("--split", "0.5", "--without", "shape=2"), "split must be None where without"),
    ):
        assert message in command("train", "other", "--data", "my.npz", *wrong, *SHORT)
        assert not Path("other").exists()


def test_sides_and_pairs_of_a_simulator(command: Any) -> None:
    scenes = ("--data", "scenes", "--set", "k=4", "--set", "length=200")
    command("train", "run", *scenes, "--without", "shape=2", *SHORT)
    content = report(command, "run")
    held_out = {number["samples"] for number in content["numbers"] if "part" in number}
    assert held_out == {200 - content["images"]}
    pairs = ("--objective", "ada-gvae")
    assert "trained" in command("train", "pairs", *scenes, *pairs, *SHORT)
    wrong = command("train", "other", *scenes, *pairs, "--without", "shape=2", *SHORT)
    assert "dataset must have all combinations of its factors" in wrong


def test_a_simulator_is_written_for_other_tools(command: Any) -> None:
    written = command("data", "scenes", "--set", "k=3", "--set", "length=64", "--out", "scenes.h5")
    assert written == "wrote scenes.h5: 64 images with x, y, scale\n"
    assert "trained" in command("train", "run", "--data", "scenes.h5", *SHORT)
    assert "5 images" in command("data", "room", "--set", "length=5", "--out", "room.npz")
    for wrong, message in (
        (("scenes", "--out", "a.h5"), "--set k=VALUE must be given"),
        (("scenes", "--set", "k=8", "--out", "a.h5"), "k must be between 1 and 7, got 8"),
        (("scenes", "--set", "q=8", "--out", "a.h5"), "got 'q'"),
        (("scenes", "--set", "k=2", "--out", "a.csv"), "path must end in .npz, .h5, .hdf5"),
        (("room", "--out", "."), "--out must be a file to write"),
        (("room", "--out", "scenes.h5/a.h5"), "is a file"),
    ):
        assert message in command("data", *wrong)
    assert sorted(path.name for path in Path().iterdir()) == ["room.npz", "run", "scenes.h5"]


def test_a_baseline_is_a_run_like_any_other(command: Any) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(60, 16, 16), dtype=np.uint8)
    np.savez("mine.npz", images=pixels, factors=np.arange(60)[:, None] % 3)
    printed = command("baseline", "pca", "run", "--data", "mine.npz", "--every", "2", "--latents", "4")
    assert "learned: run; score it with: fastdis evaluate run" in printed
    printed = command("evaluate", "run", "--metrics", "mig,dcimig")
    content = json.loads(Path("run", "metrics.json").read_text())
    assert all(note in printed for note in content["notes"])
    assert content["images"] == 30
    assert "(1 image in 2)" in content["data"]
    assert {number["name"] for number in content["numbers"]} == {"mig", "dcimig", "reconstruction"}
    assert "must hold posteriors, its codes are points (pca" in command("posterior", "run")
    assert "method must be one of 'pca'" in command("baseline", "lda", "other", "--data", "mine.npz")
    assert not Path("other").exists()
