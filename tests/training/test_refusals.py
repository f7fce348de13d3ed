"""A run that is refused leaves its folder as it was, and can be resumed as before."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fastdis.losses import BetaVAE, FactorVAE, LossTerms
from fastdis.models import VAE, burgess_vae
from fastdis.training import LinearSchedule
from support.run_folders import contents, run, without_seconds
from support.small_training import bars, small_vae


class Broken(BetaVAE):
    """Not finite from its first step on."""

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        terms = super().forward(*arguments, step=step)
        return LossTerms(terms.total * torch.nan, reconstruction=terms.reconstruction, kl=terms.kl)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "steps": ({"steps": 0}, "steps must be at least 1, got 0"),
    "steps of another type": ({"steps": True}, "steps must be an integer, got bool"),
    "batch size": ({"batch_size": 65}, "batch_size must be between 1 and the 64 images, got 65"),
    "batch size of another type": ({"batch_size": 8.0}, "batch_size must be an integer, got float 8.0"),
    "learning rate": ({"learning_rate": -1}, "learning_rate must be finite and above 0, got -1"),
    "seed": ({"seed": -1}, "seed must be between 0 and 9,223,372,036,854,775,807, got -1"),
    "huge seed": ({"seed": 2**63}, "seed must be between 0 and 9,223,372,036,854,775,807, got 9,223,372,03"),
    "precision": ({"precision": "half"}, "precision must be one of 'float32', 'bfloat16', got 'half'"),
    "minutes": ({"minutes": np.nan}, "minutes must be finite and above 0, got nan"),
    "patience": ({"patience": 0}, "patience must be at least 1, got 0"),
    "log_every": ({"log_every": 2.5}, "log_every must be an integer, got float 2.5"),
    "checkpoint_every": ({"checkpoint_every": -1}, "checkpoint_every must be at least 1, got -1"),
    "monitor": ({"patience": 3, "monitor": "tc"}, "monitor must be one of 'total', 'reconstruction', 'kl'"),
    "schedule": (
        {"schedules": {"gamma": LinearSchedule(0, 1, 2)}},
        "names of schedules must be one of 'beta'",
    ),
    "schedule of another type": ({"schedules": {"beta": 3.0}}, "schedules must be functions of the step"),
    "config": ({"config": {"array": np.zeros(2)}}, "config must hold values that JSON has"),
    "config of nan": ({"config": {"note": np.nan}}, "config must hold values that JSON has"),
    "resume": ({"resume": "newest"}, "resume must be one of 'previous', got 'newest'"),
    "data": ({"data": 3}, "data must be a data set with images"),
    "dtype": ({"data": torch.zeros(64, 1, 8, 8, dtype=torch.int64)}, r"or bool, got torch\.int64"),
    "range": ({"data": 255 * bars()}, "got values from 0 to 255 in the first batch; divide them by 255"),
    "shape": ({"data": torch.zeros(64, 1, 9, 9)}, r"images must have shape \(batch, 1, 8, 8\)"),
    "channels": ({"data": torch.zeros(64, 3, 8, 8)}, r"images must have shape \(batch, 1, 8, 8\)"),
    "loss": ({"objective": Broken()}, "total is not finite at step [15]"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_new_run(tmp_path: Path, wrong: str) -> None:
    changed, message = WRONG[wrong]
    with pytest.raises((TypeError, ValueError, FloatingPointError), match=message):
        run(tmp_path / "new" / "run", **changed)
    assert contents(tmp_path / "new") is None


RESUMED = {name: wrong for name, wrong in WRONG.items() if name != "loss"} | {
    "batch size": ({"batch_size": 65}, "batch_size was 8, got 65"),
    "fewer steps": ({"steps": 3}, "steps must be at least the 4 already done, got 3"),
    "learning rate of the run": ({"learning_rate": 1e-3}, r"learning_rate was 0\.0001, got 0\.001"),
    "objective": ({"objective": BetaVAE(beta=2.0)}, r"objective was .BetaVAE\(beta=4\.0"),
    "architecture": ({"model": burgess_vae(3)}, "is of another architecture"),
    "not resumed": ({"resume": False}, "run_dir must be new unless the run is resumed"),
    "previous": ({"resume": "previous"}, "two checkpoints to resume from the previous one, .* has one"),
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 4 steps, killed after its checkpoint at a later line of the log."""
    folder = tmp_path_factory.mktemp("run")
    run(folder, steps=4)
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "total": 1.0}\n')
    return folder


@pytest.fixture(scope="module")
def whole() -> tuple[nn.Module, list[dict[str, float]]]:
    """The same run in one go."""
    return run(None, steps=7)


@pytest.mark.parametrize("wrong", RESUMED)
def test_a_resumed_run(tmp_path: Path, stopped: Path, whole: Any, wrong: str) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    changed, message = RESUMED[wrong]
    with pytest.raises((TypeError, ValueError, FileNotFoundError), match=message) as error:
        run(folder, **{"steps": 7, "resume": True} | changed)
    assert "\n" not in str(error.value)
    assert contents(folder) == contents(stopped)
    model, rows = run(folder, steps=7, resume=True)
    expected, expected_rows = whole
    assert all(torch.equal(a, b) for a, b in zip(expected.parameters(), model.parameters(), strict=True))
    assert without_seconds(rows) == without_seconds(expected_rows)


def damage_checkpoint(folder: Path) -> None:
    path = folder / "checkpoint-00000004.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damage_checkpoint, "checkpoint-00000004.safetensors is damaged: its content does not match"),
        (lambda folder: (folder / "log.jsonl").write_text("{]\n"), "log.jsonl: line 1 must be a JSON object"),
        (
            lambda folder: (folder / "log.jsonl").write_text("[3]\n"),
            "line 1 must be a JSON object of numbers",
        ),
        (lambda folder: (folder / "log.jsonl").write_text('{"step": "3"}\n'), "line 1 must be a JSON object"),
        (lambda folder: (folder / "log.jsonl").write_bytes(b"\xff\n"), "log.jsonl must hold lines of JSON"),
        (lambda folder: (folder / "kl_per_latent.jsonl").write_text("{}\n"), "kl_per_latent.jsonl: line 1"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json must be a JSON object, got"),
        (
            lambda folder: (folder / "config.json").unlink(),
            "is not the folder of a run: it has no config.json",
        ),
    ],
)
def test_a_spoilt_folder(tmp_path: Path, stopped: Path, spoil: Callable[[Path], None], message: str) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    spoil(folder)
    before = contents(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        run(folder, steps=7, resume=True)
    assert "\n" not in str(error.value)
    assert contents(folder) == before


def test_tensorboard_that_is_not_installed(
    tmp_path: Path, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    monkeypatch.setattr("fastdis.training.log.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="needs the package tensorboard"):
        run(folder, steps=7, resume=True, tensorboard=True)
    assert contents(folder) == contents(stopped)


def test_a_model_that_fails_in_its_first_step(tmp_path: Path) -> None:
    class Failing(VAE):
        def forward(self, images: Tensor) -> Any:
            raise NotImplementedError("no kernel for this precision")

    model = small_vae()
    with pytest.raises(NotImplementedError, match="no kernel"):
        run(tmp_path / "new", model=Failing(model.encoder, model.decoder))
    assert contents(tmp_path / "new") is None


class Quiet(FactorVAE):
    """Does not say how its discriminator looks, so that only the checkpoint tells."""

    def __repr__(self) -> str:
        return "Quiet()"


class Slow(Quiet):
    def optimizers(self, model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        return {"model": torch.optim.SGD(model.parameters(), learning_rate)}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            Quiet(latents=3, discriminator=nn.Linear(3, 2, bias=False)),
            r"another architecture: objective\.discriminator\.bias is \(2,\) there and absent here",
        ),
        (Slow(latents=3, discriminator=nn.Linear(3, 2)), r"has other optimisers: .*'discriminator': \[2\]"),
    ],
)
def test_a_refused_checkpoint_leaves_the_model_alone(tmp_path: Path, other: nn.Module, message: str) -> None:
    run(tmp_path, objective=Quiet(latents=3, discriminator=nn.Linear(3, 2)))
    model = small_vae()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match=message):
        run(tmp_path, model=model, objective=other, steps=6, resume=True)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("where", ["file", "file/run"])
def test_a_place_that_is_no_folder(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(OSError, match=r"run_dir must be a folder that can be written, got .*file") as error:
        run(tmp_path / where)
    assert "Errno" not in str(error.value)
    assert contents(tmp_path) == {"file": b"here"}


def test_numpy_integers_are_integers(tmp_path: Path) -> None:
    counts = {"steps": 4, "batch_size": 8, "log_every": 3, "checkpoint_every": 2, "patience": 9, "seed": 5}
    _, rows = run(tmp_path, **{name: np.int64(value) for name, value in counts.items()})
    _, expected = run(None, **counts)
    assert [row["total"] for row in rows] == [row["total"] for row in expected]
    assert all(type(row["step"]) is int for row in rows)
