"""From a file to a report by the command line alone: one data set of each kind, tiny."""

import json
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


def report(command: Any, run: str, metrics: str = "mig,dcimig") -> dict[str, Any]:
    """Evaluate a run: its metrics.json."""
    printed = command("evaluate", run, *(("--metrics", metrics) if metrics else ()))
    content: dict[str, Any] = json.loads(Path(run, "metrics.json").read_text())
    for note in content["notes"]:
        assert note in printed
    for name in ("traversals.png", "traversals_moving.gif", "reconstructions.png", "prior_samples.png"):
        assert Path(run, name).stat().st_size
    return content


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
        "7 images lack a label and are left out of the scores of factors.",
    ]
    assert content["numbers"][0]["samples"] == 113
    assert json.loads(Path("run/config.json").read_text())["settings"]["channels"] == 3
    command("evaluate", "run", "--factor-bins", "5", "--metrics", "mig")
    assert json.loads(Path("run/metrics.json").read_text())["factor_bins"] == {"angle": 5}
    assert "total correlation" in command("posterior", "run")
    assert "trained: run" in command("train", "run", "--steps", "4", "--resume")


def test_a_folder_of_pictures(command: Any) -> None:
    rng = np.random.default_rng(0)
    for place in range(24):
        path = Path("pictures") / f"{place % 3}" / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(256, size=(80, 72, 3), dtype=np.uint8)).save(path)
    command_line = ("train", "run", "--data", "pictures/", *SHORT)
    assert "are 80 x 72; set size=64" in command(*command_line)
    assert not Path("run").exists()
    assert "learns from pairs" in command(*command_line, "--objective", "ada-gvae", "--set", "size=64")
    assert "trained: run" in command(*command_line, "--set", "size=64")
    content = report(command, "run", metrics="")
    assert content["notes"] == ["The data set has no known factors, so there are no scores of factors."]
    assert "kl" in names(content)
    assert "mig" not in names(content)
    assert not Path("run/mutual_information.png").exists()


def test_3d_shapes(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"floor_hue": 2, "wall_hue": 2, "object_hue": 2, "scale": 2, "shape": 2, "orientation": 3}
    values = {name: np.linspace(0, 1, size) for name, size in sizes.items()}
    monkeypatch.setattr(sys.modules["fastdis.data.shapes3d"], "FACTORS", values)
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
