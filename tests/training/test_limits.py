"""What ends a run before its last step, and what changes on the way: time, patience, schedules."""

import itertools
import json
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fastdis.losses import BetaVAE, LossTerms
from fastdis.training import LinearSchedule, fit
from support.toys import small_vae, squares

SETTINGS = {"batch_size": 8, "log_every": 4, "checkpoint_every": 1000, "progress": False}


def same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.parameters(), right.parameters(), strict=True))


def test_a_run_out_of_time_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 15.0)  # each look is a quarter of a minute after the one before
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    parts, whole = small_vae(), small_vae()
    settings = SETTINGS | {"run_dir": tmp_path}
    fit(parts, BetaVAE(), squares(), steps=9, minutes=1.5, **settings)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    assert checkpoint.name == "checkpoint-00000006.safetensors"
    fit(parts, BetaVAE(), squares(), steps=9, resume=True, **settings)
    fit(whole, BetaVAE(), squares(), steps=9, **SETTINGS)
    assert same(whole, parts)


class Worsening(BetaVAE):
    """kl falls for 8 steps and rises again."""

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        terms = super().forward(*arguments, step=step)
        return LossTerms(terms.total, kl=torch.tensor(float(abs((step or 0) - 8))))


@pytest.mark.parametrize("stops", [(40,), (9, 40), (16, 40)])
def test_patience(tmp_path: Path, stops: tuple[int, ...]) -> None:
    """Lines at steps 1, 4, 8, 12, ...: the best is that of step 12, and the second after it step 20."""
    settings = SETTINGS | {"patience": 2, "monitor": "kl", "run_dir": tmp_path}
    for steps in stops:
        rows = fit(small_vae(), Worsening(), squares(), steps=steps, resume=steps != stops[0], **settings)
    assert [row["step"] for row in rows] == [1, 4, 8, 12, 16, 20]
    assert min(rows, key=lambda row: row["kl"])["step"] == 12
    assert (tmp_path / "checkpoint-00000020.safetensors").exists()


def test_an_unknown_term() -> None:
    with pytest.raises(ValueError, match="monitor must be one of 'total', 'reconstruction', 'kl', got 'tc'"):
        fit(small_vae(), BetaVAE(), squares(), steps=2, patience=1, monitor="tc", **SETTINGS)


class Recording(BetaVAE):
    def __init__(self) -> None:
        super().__init__(beta=3.0)
        self.seen: list[float] = []

    def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
        self.seen.append(self.beta)
        return super().forward(*arguments, step=step)


def test_a_weight_follows_its_schedule_and_comes_back() -> None:
    objective = Recording()
    fit(
        small_vae(),
        objective,
        squares(),
        steps=6,
        schedules={"beta": LinearSchedule(0.0, 2.0, steps=4)},
        **SETTINGS,
    )
    assert objective.seen == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert objective.beta == 3.0


def falling(step: int) -> float:
    return 1e-2 * 0.5**step


def test_the_learning_rate_follows_its_schedule(tmp_path: Path) -> None:
    """By hand: the same Adam, its rate set before each step."""
    model, other = small_vae(), small_vae()
    schedules = {"learning_rate": falling}
    settings = SETTINGS | {"run_dir": tmp_path, "schedules": schedules}
    fit(model, BetaVAE(), squares(), steps=3, **settings)
    fit(model, BetaVAE(), squares(), steps=6, resume=True, **settings)
    fit(other, BetaVAE(), squares(), steps=6, schedules=schedules, **SETTINGS)
    assert same(model, other)
    assert json.loads((tmp_path / "config.json").read_text())["schedules"] == {"learning_rate": "falling"}
    constant = small_vae()
    fit(constant, BetaVAE(), squares(), steps=6, learning_rate=1e-2, **SETTINGS)
    assert not same(constant, other)
    still = small_vae()
    fit(still, BetaVAE(), squares(), steps=2, schedules={"learning_rate": lambda step: 0.0}, **SETTINGS)
    assert same(still, small_vae())


def test_other_schedules_are_other_settings(tmp_path: Path) -> None:
    settings = SETTINGS | {"run_dir": tmp_path}
    schedules = {"beta": LinearSchedule(0.0, 2.0, steps=4)}
    fit(small_vae(), BetaVAE(), squares(), steps=2, schedules=schedules, **settings)
    message = r"schedules.beta was 'LinearSchedule\(start=0.0, stop=2.0, steps=4\)', got absent"
    with pytest.raises(ValueError, match=message):
        fit(small_vae(), BetaVAE(), squares(), steps=4, resume=True, **settings)


def test_a_schedule_for_nothing() -> None:
    with pytest.raises(
        ValueError, match="schedules must be one of 'beta', 'learning_rate', got 'betta'; did you mean beta"
    ):
        fit(small_vae(), BetaVAE(), squares(), steps=2, schedules={"betta": falling}, **SETTINGS)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        LinearSchedule(0.0, 1.0, steps=0)


@pytest.mark.parametrize(
    ("name", "value"), [("patience", 0), ("minutes", 0.0), ("minutes", float("nan")), ("precision", "half")]
)
def test_arguments_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"fit: {name} must be .*, got "):
        fit(small_vae(), BetaVAE(), squares(), steps=2, **SETTINGS | {name: value})
