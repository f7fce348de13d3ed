"""bfloat16, compiled models, and the TensorBoard log."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fastdis.losses import BetaTCVAE, BetaVAE, LossTerms
from fastdis.models import burgess_vae
from fastdis.training import fit
from support.toys import noiseless_vae, small_vae, squares

SETTINGS = {"batch_size": 8, "log_every": 2, "checkpoint_every": 1000, "progress": False}


class Dtypes(BetaTCVAE):
    """Notes the dtypes that reach it."""

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        self.seen = [argument.dtype for argument in arguments]
        return super().forward(*arguments, step=step)


def test_bfloat16_computes_the_model_in_half_precision_and_the_loss_in_full(tmp_path: Path) -> None:
    objective, model, full = Dtypes(dataset_size=96), burgess_vae(3), burgess_vae(3)
    full.load_state_dict(model.state_dict())
    settings = SETTINGS | {"steps": 4, "run_dir": tmp_path}
    rows = fit(model, objective, squares(), precision="bfloat16", **settings)
    reconstruction, target, *_ = objective.seen
    assert (reconstruction, target) == (torch.bfloat16, torch.float32)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    expected = fit(full, BetaTCVAE(dataset_size=96), squares(), **settings | {"run_dir": None})
    assert rows[0]["total"] == pytest.approx(expected[0]["total"], rel=2e-2)
    assert rows[0]["total"] != expected[0]["total"]
    with pytest.raises(ValueError, match="precision was 'bfloat16', got 'float32'"):
        fit(model, objective, squares(), resume=True, **settings)


def test_bfloat16_resumes_to_the_same_bits(tmp_path: Path) -> None:
    models = small_vae(), small_vae()
    settings = SETTINGS | {"precision": "bfloat16"}
    for steps in (3, 7):
        rows = fit(
            models[0], BetaVAE(), squares(), steps=steps, run_dir=tmp_path, resume=steps == 7, **settings
        )
    whole = fit(models[1], BetaVAE(), squares(), steps=7, **settings)
    assert rows[-1]["total"] == whole[-1]["total"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
def test_a_compiled_model_learns_the_same() -> None:
    """Without noise, of which compiled code draws another."""
    rows = [
        fit(noiseless_vae(), BetaVAE(), squares(), steps=4, compile=compile, **SETTINGS)
        for compile in (False, True)
    ]
    for plain, compiled in zip(*rows, strict=True):
        assert compiled["total"] == pytest.approx(plain["total"], rel=1e-5)


def test_tensorboard_gets_every_line_of_the_log(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = SETTINGS | {"run_dir": tmp_path, "tensorboard": True}
    fit(small_vae(), BetaVAE(), squares(), steps=3, **settings)
    rows = fit(small_vae(), BetaVAE(), squares(), steps=6, resume=True, **settings)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for name in ("total", "reconstruction", "kl"):
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(row["step"], pytest.approx(row[name])) for row in rows]


def test_tensorboard_without_a_folder_or_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="run_dir must be given where tensorboard is true"):
        fit(small_vae(), BetaVAE(), squares(), steps=1, tensorboard=True, **SETTINGS)
    monkeypatch.setattr("fastdis.training.log.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"pip install fastdis\[tensorboard\]"):
        fit(small_vae(), BetaVAE(), squares(), steps=1, tensorboard=True, run_dir=tmp_path, **SETTINGS)


def test_images_with_other_channels_than_the_model() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(batch, 3, 64, 64\), got \(8, 1, 64, 64\)"):
        fit(burgess_vae(2, channels=3), BetaVAE(), squares(), steps=1, **SETTINGS)
