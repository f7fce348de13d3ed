"""The comparison of adaptive capacity with the annealed VAE, for a few steps on a few images."""

import runpy
from pathlib import Path

import pytest

from fastdis import models
from fastdis.training.run_config import RunConfig
from support.toys import squares

SCRIPT = Path(__file__).resolve().parents[2] / "docs/examples/adaptive_capacity.py"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_comparison_can_be_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: models.linear_vae(self.latents))
    main = runpy.run_path(str(SCRIPT))["main"]
    main.__globals__["SCORES"] = ("mig",)  # the others take seconds
    main([str(tmp_path), "--steps", "3", "--seeds", "1"])
    page = (tmp_path / "comparison.md").read_text()
    objectives = [row.split(" | ")[0] for row in page.splitlines()[2:]]
    assert objectives == ["| annealed-vae", "| adaptive-capacity-vae"]
    assert len(list(tmp_path.glob("*/kl_and_targets.png"))) == 2
    monkeypatch.setattr(RunConfig, "build_data", lambda self: pytest.fail("what is done is done again"))
    main([str(tmp_path), "--steps", "3", "--seeds", "1"])
    assert (tmp_path / "comparison.md").read_text() == page
