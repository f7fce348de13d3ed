"""Every example runs on a subset, writes its figure, and what it claims holds in numbers."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def example(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(name: str, tmp_path: Path, **arguments: Any) -> Any:
    """What an example returns; its figure must be there and not be blank, and it must say where it is."""
    figure, said = tmp_path / f"{name}.png", io.StringIO()
    with contextlib.redirect_stdout(said):
        found = example(name).main(figure, **arguments)
    assert f"wrote {figure}" in said.getvalue()
    with Image.open(figure) as picture:
        assert len(np.unique(np.asarray(picture))) > 20
    return found


def test_the_index_names_every_example() -> None:
    named = set(re.findall(r"`(\w+)\.py`", (EXAMPLES / "index.md").read_text()))
    assert named == {path.stem for path in EXAMPLES.glob("*.py")}


def test_impossibility(tmp_path: Path) -> None:
    found = run("impossibility", tmp_path, steps=700, angles=2)
    assert max(found["kl_change"], found["reconstruction_change"], found["pixel_change"]) < 1e-12
    assert found["prior_covariance_change"] < 0.02
    for name in ("MIG", "DCI"):
        assert found["scores"][name][1] < 0.6 * found["scores"][name][0]


def test_blind_spot(tmp_path: Path) -> None:
    found = run("blind_spot", tmp_path, samples=4000, votes=1500, factors=4)
    for name, values in found["by_count"].items():
        np.testing.assert_allclose(values, found["expected"][name], atol=0.04)
    assert found["by_count"]["BetaVAE score"][1] == 1.0
    assert found["by_count"]["FactorVAE score"][1] < 0.8
    assert min(found["by_noise"]["BetaVAE score"]) == 1.0
    assert found["by_noise"]["FactorVAE score"][-1] < 0.9


def test_gradient_estimators(tmp_path: Path) -> None:
    found = run("gradient_estimators", tmp_path, samples=20_000)
    np.testing.assert_allclose(found["variance"], found["closed"], rtol=0.15)
    assert np.abs(found["mean"][:, 2] - found["gradient"]).max() < 0.02
    score_function, baseline, reparameterised = found["closed"].T
    assert score_function[-1] / score_function[-2] == pytest.approx(4, rel=0.1)  # twice the latents
    assert baseline[-1] / baseline[-2] == pytest.approx(2, rel=0.1)
    assert reparameterised[-1] == reparameterised[0]


def test_what_beta_does(tmp_path: Path) -> None:
    models = run("what_beta_does", tmp_path, steps=150, every=4)
    areas = [model["area"] for model in models]
    information = [model["mutual information"] for model in models]
    assert areas == sorted(areas)
    assert information == sorted(information, reverse=True)


def test_linear_action(tmp_path: Path) -> None:
    found = run("linear_action", tmp_path, steps=30, grid=4, step=1)
    for result in found.values():
        assert result.residual.shape == (3,)
        assert result.intervals is not None
        for value, interval in zip(result.residual, result.intervals, strict=True):
            assert interval is not None
            assert interval.low <= value <= interval.high
    turn, *places = found["PCA"].residual
    assert max(places) < 0.5
    assert turn > 1.5  # no matrix turns hearts wherever they are


def test_own_loop(tmp_path: Path) -> None:
    totals = run("own_loop", tmp_path, steps=40, every=2999)
    assert np.mean(totals[-5:]) < 0.7 * totals[0]


@pytest.mark.filterwarnings("ignore")
def test_in_lightning(tmp_path: Path) -> None:
    pytest.importorskip("lightning.pytorch")
    found = run("in_lightning", tmp_path, steps=20, every=2999)
    assert found["totals"][-1] < 0.7 * found["totals"][0]
    assert 0 <= found["scores"]["mig"] <= 1


def test_foreign_codes(tmp_path: Path) -> None:
    scores = run("foreign_codes", tmp_path, samples=1000)
    assert scores["modularity"] > 0.6
    assert (tmp_path / "codes.npz").exists()


def test_classical_baselines(tmp_path: Path) -> None:
    scores = example("classical_baselines").main(tmp_path, every=7919, latents=3, methods="pca")
    assert 0 <= scores["pca"]["mig"] < 0.3  # far from disentangled
    assert (tmp_path / "pca" / "traversals.png").exists()


def test_elsewhere(tmp_path: Path) -> None:
    parts = run("elsewhere", tmp_path, every=2999)
    assert parts.kl == pytest.approx(
        parts.index_code_mi + parts.total_correlation + parts.dimwise_kl, abs=1e-6
    )
    assert parts.posteriors == 246


@pytest.mark.slow
def test_a_study(tmp_path: Path) -> None:
    rows = example("a_study").main(tmp_path, steps=4, every=7919, seeds=1)
    assert {row["number"] for row in rows} >= {"mig", "modularity"}
    assert len({row["method"] for row in rows}) == 2
