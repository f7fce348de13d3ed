"""The KL of each latent over training: in a file of its own, and nothing else changes by it."""

import csv
import json
from pathlib import Path

import pytest
import torch

import fastdis
from fastdis import plots
from fastdis.evaluation import evaluate_run
from fastdis.training import fit
from fastdis.training.latents import kl_per_latent
from fastdis.training.run_config import RunConfig
from support.toys import small_vae, squares

IMAGES = squares().images(slice(None))


def test_it_is_the_kl_of_the_batch_and_leaves_the_model_alone() -> None:
    model = small_vae()  # has dropout, which evaluation mode turns off
    state = torch.get_rng_state()
    found = kl_per_latent(model, IMAGES)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    mean, logvar = model.eval().encode(IMAGES)
    expected = 0.5 * (mean**2 + logvar.exp() - logvar - 1).mean(0)
    assert list(found) == ["z0", "z1", "z2"]
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-4)
    assert kl_per_latent(torch.nn.Linear(2, 2), IMAGES) == {}


def trained(folder: Path | None, steps: int, resume: bool = False) -> list[torch.Tensor]:
    model = small_vae()
    fit(
        model,
        fastdis.losses.VAE(),
        IMAGES,
        steps=steps,
        batch_size=8,
        run_dir=folder,
        resume=resume,
        log_every=2,
        config=RunConfig(objective="vae", steps=steps, batch_size=8).to_dict(),
        progress=False,
    )
    return [parameter.detach() for parameter in model.parameters()]


def test_every_line_of_the_log_has_one(tmp_path: Path) -> None:
    weights = trained(tmp_path / "run", 6)
    rows = [json.loads(line) for line in (tmp_path / "run/kl_per_latent.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 4, 6]
    with (tmp_path / "run/kl_per_latent.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 4, 6]
    assert all(torch.equal(a, b) for a, b in zip(weights, trained(None, 6), strict=True))
    trained(tmp_path / "again", 4)
    trained(tmp_path / "again", 6, resume=True)
    assert (tmp_path / "again/kl_per_latent.csv").read_text() == (
        tmp_path / "run/kl_per_latent.csv"
    ).read_text()


def test_the_report_of_a_run_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae())
    drawn = []
    monkeypatch.setattr(
        "fastdis.plots.kl_over_training",
        lambda *given, draw=plots.kl_over_training: drawn.append(given) or draw(*given),
    )
    trained(tmp_path, 4)
    report = evaluate_run(tmp_path, progress=False)
    assert "kl_over_training.png" in report.files
    steps, kl, _ = drawn[0]
    rows = [json.loads(line) for line in (tmp_path / "kl_per_latent.jsonl").read_text().splitlines()]
    assert steps.tolist() == [1, 2, 4]
    assert kl.tolist() == [[row[f"z{latent}"] for latent in range(3)] for row in rows]
