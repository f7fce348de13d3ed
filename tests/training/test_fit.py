import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from fastdis.losses import BetaTCVAE, BetaVAE, LossTerms
from fastdis.models import VAE, burgess_vae
from fastdis.training import fit, load_weights
from fastdis.training.checkpoint_file import step_of
from support.toys import small_vae, squares

SETTINGS = {"batch_size": 8, "log_every": 4, "checkpoint_every": 1000, "progress": False}


def weights(model: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(left), weights(right), strict=True))


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_training_lowers_the_loss() -> None:
    rows = fit(small_vae(), BetaVAE(beta=1.0), squares(), steps=100, learning_rate=1e-2, **SETTINGS)
    assert rows[-1]["total"] < 0.2 * rows[0]["total"]


@pytest.mark.parametrize("make", [small_vae, lambda: burgess_vae(3)])
def test_a_resumed_run_gives_the_same_bits(tmp_path: Path, make: type) -> None:
    data, objective = squares(), BetaTCVAE(dataset_size=96)

    def run(folder: str, steps: int, resume: bool = False) -> tuple[VAE, list[dict[str, float]]]:
        torch.manual_seed(1)
        model = make()
        rows = fit(model, objective, data, steps=steps, run_dir=tmp_path / folder, resume=resume, **SETTINGS)
        return model, rows

    whole, rows = run("whole", 21)
    for steps in (6, 13, 14):  # across an epoch of 12 steps
        run("parts", steps, resume=steps > 6)
    parts, rows_of_parts = run("parts", 21, resume=True)
    assert equal(whole, parts)
    assert without_seconds(rows) == without_seconds(rows_of_parts)
    assert (tmp_path / "parts" / "checkpoint-00000021.safetensors").exists()


def test_the_callers_random_state_is_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    model = burgess_vae(2)
    torch.manual_seed(7)
    fit(model, BetaVAE(), squares(), steps=2, **SETTINGS)
    assert torch.equal(torch.rand(3), expected)


def test_the_seed_decides_the_order() -> None:
    first, again, other = small_vae(), small_vae(), small_vae()
    for model, seed in ((first, 0), (again, 0), (other, 1)):
        fit(model, BetaVAE(), squares(), steps=3, seed=seed, **SETTINGS)
    assert equal(first, again)
    assert not equal(first, other)


def test_a_loader_trains(tmp_path: Path) -> None:
    images = squares().images(slice(None))
    loader = DataLoader(TensorDataset(images, torch.arange(96)), batch_size=32, shuffle=True)
    models = small_vae(), small_vae()
    fit(models[0], BetaVAE(), loader, steps=5, run_dir=tmp_path / "whole", **SETTINGS)
    fit(small_vae(), BetaVAE(), loader, steps=2, run_dir=tmp_path / "parts", **SETTINGS)
    fit(models[1], BetaVAE(), loader, steps=5, run_dir=tmp_path / "parts", resume=True, **SETTINGS)
    assert equal(*models)


def test_any_module_that_returns_loss_terms_is_an_objective() -> None:
    class Warm(nn.Module):
        steps: list[int]

        def __init__(self) -> None:
            super().__init__()
            self.steps = []

        def forward(self, reconstruction, target, z, mean, logvar, step=None):
            self.steps.append(step)
            error = (reconstruction.sigmoid() - target).square().mean()
            return LossTerms(error + step * z.square().mean(), error=error)

    objective = Warm()
    rows = fit(small_vae(), objective, squares(), steps=4, **SETTINGS)
    assert objective.steps == [0, 1, 2, 3]
    assert list(rows[0]) == ["step", "seconds", "total", "error"]


def test_the_log(tmp_path: Path) -> None:
    rows = fit(small_vae(), BetaVAE(), squares(), steps=9, run_dir=tmp_path, **SETTINGS)
    assert [row["step"] for row in rows] == [1, 4, 8, 9]
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == rows
    with (tmp_path / "log.csv").open(newline="") as file:
        table = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert table == rows


def test_a_line_of_the_log_is_the_mean_over_its_steps() -> None:
    each = fit(small_vae(), BetaVAE(), squares(), steps=8, **SETTINGS | {"log_every": 1})
    rows = fit(small_vae(), BetaVAE(), squares(), steps=8, **SETTINGS)
    assert rows[2]["total"] == pytest.approx(sum(row["total"] for row in each[4:]) / 4)


def test_lines_after_the_checkpoint_are_written_again(tmp_path: Path) -> None:
    rows = fit(small_vae(), BetaVAE(), squares(), steps=4, run_dir=tmp_path, **SETTINGS)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 8, "total": 1.0}\n{"step": 12, "tot')
    assert fit(small_vae(), BetaVAE(), squares(), steps=4, run_dir=tmp_path, resume=True, **SETTINGS) == rows
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == len(rows)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == len(rows) + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_to_go_on_from(tmp_path: Path, number: signal.Signals) -> None:
    script = f"""
import sys, torch
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.toys import small_vae, squares
from fastdis.losses import BetaVAE
from fastdis.training import fit
torch.set_num_threads(1)
fit(small_vae(), BetaVAE(), squares(), steps=100_000, batch_size=8, log_every=1, run_dir=sys.argv[1])
"""
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path], stderr=subprocess.PIPE, text=True)
    log, deadline = tmp_path / "log.csv", time.monotonic() + 60
    while not log.exists() or len(log.read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    step = step_of(checkpoint)
    assert f"TrainingInterrupted: stopped at step {step}; checkpoint {checkpoint}" in errors
    assert process.returncode != 0

    whole, parts = small_vae(), small_vae()
    settings = {"steps": step + 2, "batch_size": 8, "log_every": 1, "progress": False}
    fit(parts, BetaVAE(), squares(), run_dir=tmp_path, resume=True, **settings)
    fit(whole, BetaVAE(), squares(), **settings)
    assert equal(whole, parts)


class Breaking(BetaVAE):
    """Turns to NaN at a given step."""

    def __init__(self, at: int) -> None:
        super().__init__(beta=1.0)
        self.at = at

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        terms = super().forward(*arguments, step=step)
        if step == self.at:
            return LossTerms(terms.total * torch.nan, reconstruction=terms.reconstruction, kl=terms.kl / 0)
        return terms


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    settings = SETTINGS | {"checkpoint_every": 2}
    with pytest.raises(
        FloatingPointError, match=r"fit: kl is not finite at step 4; the last good checkpoint is"
    ):
        fit(small_vae(), Breaking(3), squares(), steps=9, run_dir=tmp_path, **settings)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-00000002.safetensors"]
    with pytest.raises(
        FloatingPointError, match="at step 1; there is no checkpoint before it; no step was taken"
    ):
        fit(small_vae(), Breaking(0), squares(), steps=9, **SETTINGS)


def test_a_learning_rate_that_diverges(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="is not finite at step"):
        fit(burgess_vae(3), BetaVAE(), squares(), steps=50, learning_rate=1e6, **SETTINGS)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run of two steps."""
    fit(small_vae(), BetaVAE(), squares(), steps=2, run_dir=tmp_path, **SETTINGS)
    return tmp_path


def test_a_run_is_not_overwritten(run_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"run_dir must be new.*holds checkpoint-00000002"):
        fit(small_vae(), BetaVAE(), squares(), steps=2, run_dir=run_dir, **SETTINGS)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run_dir must hold a checkpoint to resume from"):
        fit(small_vae(), BetaVAE(), squares(), steps=2, run_dir=tmp_path, resume=True, **SETTINGS)
    with pytest.raises(FileNotFoundError, match="run_dir must hold a checkpoint"):
        load_weights(tmp_path, small_vae())
    with pytest.raises(ValueError, match="run_dir must be given where resume is True"):
        fit(small_vae(), BetaVAE(), squares(), steps=2, resume=True, **SETTINGS)


def test_changed_settings_are_named(run_dir: Path) -> None:
    changed = SETTINGS | {"learning_rate": 1e-3, "config": {"note": "new"}}
    message = r"keep the settings of .*: learning_rate was 0.0001, got 0.001; note was absent, got 'new'"
    with pytest.raises(ValueError, match=message):
        fit(small_vae(), BetaVAE(), squares(), steps=4, run_dir=run_dir, resume=True, **changed)
    with pytest.raises(ValueError, match=r"objective was .BetaVAE\(beta=4.0.*got .BetaVAE\(beta=2.0"):
        fit(small_vae(), BetaVAE(beta=2.0), squares(), steps=4, run_dir=run_dir, resume=True, **SETTINGS)
