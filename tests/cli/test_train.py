"""``fastdis train`` and the presets."""

import json
from pathlib import Path
from typing import Any

import pytest

from fastdis.training import TrainingInterrupted
from fastdis.training.presets import PRESETS
from fastdis.training.registry import OBJECTIVES
from fastdis.training.run_config import RunConfig

SHORT = ("--steps", "3", "--batch-size", "8")


def test_resume_keeps_the_settings_of_the_run(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", "--beta", "2", *SHORT)[0] == 0
    assert fastdis_command("train", "run", "--steps", "5", "--resume")[0] == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["beta"] == 2.0
    assert {"steps": 5, "batch_size": 8}.items() <= config.items()
    status, _, err = fastdis_command("train", "run", "--beta", "3", "--resume")
    assert status == 2
    assert err.endswith("settings.beta was 2.0, got 3.0\n")


def test_a_preset_and_what_overrides_it(fastdis_command: Any) -> None:
    command = ("train", "run", "--preset", "factor-vae", "--set", "gamma=40", "--learning-rate", "0.001")
    status, out, _ = fastdis_command(*command, "--warmup", "gamma=2", "--latents", "3", *SHORT)
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"] == {"channels": 1, "gamma": 40, "likelihood": "bernoulli"}
    assert config["schedules"] == {"gamma": "LinearSchedule(start=0.0, stop=40.0, steps=2)"}
    assert {"objective": "factor-vae", "learning_rate": 1e-3, "model": "burgess"}.items() <= config.items()
    assert fastdis_command("train", "run", "--steps", "5", "--resume")[0] == 0
    status, _, err = fastdis_command("train", "run", "--set", "gamma=35", "--objective", "vae", "--resume")
    assert status == 2
    assert "setting of vae on burgess must be one of channels, likelihood, got 'gamma'" in err


def test_a_run_that_ends_early_says_how_to_go_on(fastdis_command: Any) -> None:
    status, out, _ = fastdis_command("train", "run", "--minutes", "1e-6", *SHORT)
    assert (status, out) == (0, "stopped at step 1 of 3; resume with: fastdis train run --resume\n")
    status, out, _ = fastdis_command("train", "run", "--resume")
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")


def test_a_damaged_checkpoint_and_the_way_back(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", "--objective", "vae", *SHORT)[0] == 0
    assert fastdis_command("train", "run", "--steps", "4", "--resume")[0] == 0
    newest = Path("run/checkpoint-00000004.safetensors")
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    status, _, err = fastdis_command("train", "run", "--steps", "6", "--resume")
    assert status == 2
    assert err.count("\n") == 1
    assert "(fastdis train --resume-previous) goes back to checkpoint-00000003.safetensors" in err
    with pytest.warns(UserWarning, match=r"going back to checkpoint-00000003.safetensors, as asked"):
        status, out, _ = fastdis_command("train", "run", "--steps", "6", "--resume-previous")
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")
    assert [path.name for path in sorted(Path("run").glob("checkpoint-*"))] == [
        "checkpoint-00000003.safetensors",
        "checkpoint-00000006.safetensors",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_built_and_kept(name: str, tmp_path: Path) -> None:
    config = PRESETS[name]
    text = json.dumps(config.to_dict())
    (tmp_path / "config.json").write_text(text)
    kept = RunConfig.of_run(tmp_path)
    assert kept.to_dict() == json.loads(text)
    assert repr(kept.build_objective(96)) == repr(config.build_objective(96))
    assert kept.title().startswith(config.objective)


def test_every_objective_has_a_preset() -> None:
    assert {config.objective for config in PRESETS.values()} == set(OBJECTIVES)


@pytest.mark.parametrize("name", ["ada-gvae", "denoising-ae", "hfvae"])
def test_presets_train(fastdis_command: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs, corrupted images and groups of latents reach the loop; the model is the small one."""
    options = ("--latents", "3", "--set", "groups=[[0, 1], [2]]") if name == "hfvae" else ()
    assert fastdis_command("train", "run", "--preset", name, *options, *SHORT)[0] == 0


def test_a_run_is_not_overwritten(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", *SHORT)[0] == 0
    status, _, err = fastdis_command("train", "run", *SHORT)
    assert status == 2
    assert "run_dir must be new unless the run is resumed" in err


@pytest.mark.parametrize(
    "stop", [TrainingInterrupted("stopped at step 7; checkpoint c"), KeyboardInterrupt()]
)
def test_ctrl_c(fastdis_command: Any, monkeypatch: pytest.MonkeyPatch, stop: BaseException) -> None:
    def interrupted(self: RunConfig) -> None:
        raise stop

    monkeypatch.setattr(RunConfig, "build_data", interrupted)
    status, _, err = fastdis_command("train", "run", *SHORT)
    assert status == 130
    assert err.strip().splitlines()[-1] == f"fastdis: {str(stop) or 'interrupted'}"
