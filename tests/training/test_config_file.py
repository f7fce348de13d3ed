"""``config.json``: what is no configuration is said in one line, and what version 0.1 wrote still opens."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fastdis.losses import BetaVAE
from fastdis.models import VAE, MLPDecoder, MLPEncoder
from fastdis.training import LinearSchedule, fit, load_weights
from fastdis.training.config_file import read_config
from fastdis.training.run_config import RunConfig
from support.run_folders import run

OLD = Path(__file__).parent / "run_of_0_1"  # written by version 0.1.0: 4 steps with a warmup


def write(folder: Path, text: str | bytes) -> None:
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"config\.json must be a JSON object, got \[\]"),
        ("null", r"config\.json must be a JSON object, got null"),
        ("3", r"config\.json must be a JSON object, got 3"),
        ('"text"', r"config\.json must be a JSON object, got .text."),
        ("", r"config\.json must be a JSON object \(Expecting value"),
        ('{"steps": ', r"config\.json must be a JSON object \(Expecting value"),
        (b"\xff\xfe", r"config\.json must be a JSON object \(.*can't decode"),
    ],
)
def test_what_is_no_object(tmp_path: Path, text: str | bytes, message: str) -> None:
    run(tmp_path)
    write(tmp_path, text)
    for read in (
        lambda: RunConfig.of_run(tmp_path),
        lambda: run(tmp_path, steps=9, resume=True),
    ):
        with pytest.raises(ValueError, match=message) as error:
            read()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", "many", "steps must be an integer, got str 'many'"),
        ("steps", 0, "steps must be at least 1, got 0"),
        ("steps", True, "steps must be an integer, got bool"),
        ("latents", 10.0, r"latents must be an integer, got float 10\.0"),
        ("batch_size", None, "batch_size must be an integer, got NoneType"),
        ("every", [], "every must be an integer, got list"),
        ("seed", -1, "seed must be between 0 and 9,223,372,036,854,775,807, got -1"),
        ("learning_rate", "fast", "learning_rate must be a number, got str 'fast'"),
        ("learning_rate", 0, "learning_rate must be finite and above 0, got 0"),
        ("objective", 3, "objective must be of type str, got int"),
        ("objective", "quux", "objective must be one of"),
        ("model", [], "model must be of type str or NoneType, got list"),
        ("settings", [], "settings must be of type dict, got list"),
        ("settings", {"betta": 1}, "got 'betta'; did you mean beta"),
        ("warmup", "beta", "warmup must be of type dict, got str"),
        ("warmup", {"beta": "soon"}, "warmup of beta must be an integer, got str 'soon'"),
        ("dataset", 7, "dataset must be of type str or Path, got int"),
        ("path", 7, "path must be of type str or Path or NoneType, got int"),
        ("precision", 16, "precision must be of type str, got int"),
        ("compile", "yes", "compile must be of type bool, got str"),
    ],
)
def test_values_that_cannot_be(tmp_path: Path, name: str, value: Any, message: str) -> None:
    write(tmp_path, json.dumps(RunConfig().to_dict() | {name: value}))
    with pytest.raises(ValueError, match=rf"config\.json: .*{message}") as error:
        RunConfig.of_run(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises((TypeError, ValueError), match=message):
        replace(RunConfig(), **{name: value})


def test_keys_that_are_missing_or_unknown(tmp_path: Path) -> None:
    config = RunConfig().to_dict()
    write(tmp_path, json.dumps(config | {"mine": 1}))
    assert RunConfig.of_run(tmp_path).to_dict() == config
    del config["seed"], config["every"]
    write(tmp_path, json.dumps(config))
    with pytest.raises(ValueError, match=r"config\.json has no 'every', 'seed': only of runs started by"):
        RunConfig.of_run(tmp_path)


def test_a_resumed_run_names_every_setting_that_differs(tmp_path: Path) -> None:
    run(tmp_path, config={"note": "old"})
    config = read_config(tmp_path)
    del config["batch_size"]
    write(tmp_path, json.dumps(config | {"extra": {"deep": 1}}))
    message = "batch_size was absent, got 8; note was 'old', got 'new'; extra.deep was 1, got absent|"
    with pytest.raises(ValueError, match="must keep the settings") as error:
        run(tmp_path, steps=9, resume=True, config={"note": "new"})
    parts = str(error.value).partition("config.json: ")[2].split("; ")
    assert sorted(parts) == sorted(message.rstrip("|").split("; "))


def test_numpy_numbers_become_numbers() -> None:
    config = RunConfig(steps=np.int64(5), seed=np.int32(3), learning_rate=np.float32(0.5))
    assert json.loads(json.dumps(config.to_dict()))["steps"] == 5
    assert type(config.learning_rate) is float


def test_every_is_compared_with_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from support.toys import squares

    monkeypatch.setattr("fastdis.training.run_config.open_data", lambda *_: squares())
    assert len(RunConfig(every=96).build_data()) == 1
    with pytest.raises(ValueError, match=r"train: every must be between 1 and 96, got 99,999,999"):
        RunConfig(every=99_999_999).build_data()


def model_of_then() -> VAE:
    shape = (1, 8, 8)
    torch.manual_seed(0)
    return VAE(MLPEncoder(2, image_shape=shape, hidden=[4]), MLPDecoder(2, image_shape=shape, hidden=[4]))


def images_of_then() -> Tensor:
    images = torch.zeros(16, 1, 8, 8)
    for index in range(16):
        images[index, 0, index % 8] = 1
        images[index, 0, :, index // 2] = 1
    return images


def go_on(folder: Path | None, steps: int, resume: bool) -> tuple[nn.Module, list[dict[str, float]]]:
    """As the command line does it, with the configuration in the old folder."""
    config = replace(RunConfig.of_run(OLD), steps=steps)
    model, objective = model_of_then(), config.build_objective(16)
    rows = fit(
        model,
        objective,
        images_of_then(),
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        schedules=config.schedules(objective),
        seed=config.seed,
        run_dir=folder,
        resume=resume,
        config=config.to_dict(),
        log_every=3,
        progress=False,
    )
    return model, rows


def test_a_run_of_version_0_1_goes_on(tmp_path: Path) -> None:
    """Its configuration has the warmup as Linear(start=0.0, stop=2, ...), its checkpoint no checksum."""
    assert "Linear(start=0.0, stop=2, steps=4)" in (OLD / "config.json").read_text()
    folder = shutil.copytree(OLD, tmp_path / "run")
    model, rows = go_on(folder, steps=8, resume=True)
    whole, expected = go_on(None, steps=8, resume=False)
    for left, right in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    assert [row["step"] for row in rows] == [1, 3, 6, 8]
    assert [row["total"] for row in rows] == pytest.approx([row["total"] for row in expected], rel=1e-4)
    assert read_config(folder)["schedules"] == {"beta": "LinearSchedule(start=0.0, stop=2.0, steps=4)"}
    assert {"dataset": "dsprites", "path": None}.items() <= read_config(folder).items()
    assert load_weights(OLD, model).name == "checkpoint-00000004.safetensors"


def test_a_run_of_version_0_1_on_the_official_file_is_one_of_dsprites(tmp_path: Path) -> None:
    config = json.loads((OLD / "config.json").read_text()) | {"dataset": "/data/dsprites.npz"}
    write(tmp_path, json.dumps(config))
    kept = RunConfig.of_run(tmp_path)
    assert (kept.dataset, kept.path) == ("dsprites", "/data/dsprites.npz")
    with pytest.raises(FileNotFoundError, match=r"/data/dsprites\.npz"):
        kept.build_data()


@pytest.mark.parametrize("beta", ["2", "2.0", "2e0"])
def test_objectives_and_schedules_are_compared_by_their_numbers(tmp_path: Path, beta: str) -> None:
    """Version 0.1 wrote the integers it was given as integers."""
    settings = {"objective": BetaVAE(beta=2.0), "schedules": {"beta": LinearSchedule(0.0, 2.0, steps=10)}}
    run(tmp_path, **settings)
    config = read_config(tmp_path)
    config |= {
        "objective": f"BetaVAE(beta={beta}, likelihood='bernoulli')",
        "schedules": {"beta": "Linear(start=0, stop=2, steps=10)"},
    }
    for absent in ("architecture", "data", "likelihood"):  # version 0.1 did not say it
        del config[absent]
    write(tmp_path, json.dumps(config))
    with pytest.raises(ValueError, match=r"schedules\.beta was 'Linear\(start=0, stop=2, steps=10\)', got"):
        run(
            tmp_path,
            steps=9,
            resume=True,
            **settings | {"schedules": {"beta": LinearSchedule(0, 2, steps=11)}},
        )
    with pytest.raises(ValueError, match=r"objective was .BetaVAE\(beta=2"):
        run(tmp_path, steps=9, resume=True, **settings | {"objective": BetaVAE(beta=3.0)})
    run(tmp_path, steps=9, resume=True, **settings)
