"""Votes of a simulator's run: on groups with one factor fixed, the others drawn."""

import numpy as np
import torch
from torch import Tensor, nn

from fastdis.data import scenes
from fastdis.evaluation import evaluate
from fastdis.evaluation.drawn_votes import drawn_votes
from fastdis.models import linear_vae


class Centre(nn.Module):
    """Encodes a grey image as the middle of what it shows: the true x and y."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.arange(images.shape[2], dtype=torch.float32)
        mass = images.sum(dim=(1, 2, 3))
        x, y = (images.sum(dim=(1, axis)) @ place / mass for axis in (2, 3))
        mean = torch.stack([x, y], dim=1)
        return mean, torch.zeros_like(mean)


def test_true_factors_win_all_votes() -> None:
    data = scenes(["x", "y"], size=16, length=400)
    values = data.values(slice(None))
    numbers = drawn_votes(
        Centre(),
        data,
        values.astype(np.float32) * 8,
        data.classes(slice(None)),
        metrics=["factor_vae_score", "beta_vae_score"],
        confidence=0.95,
        seed=0,
        progress=False,
    )
    for number, images in zip(numbers, (300 * 64, 300 * 128), strict=True):
        assert number["score"] > 0.99
        assert (number["samples"], number["train_votes"], number["test_votes"]) == (images, 200, 100)
        assert number["interval"]["confidence"] == 0.95
        assert number["notes"][-1] == "groups were drawn by the simulator, one factor held fixed"


def test_the_report_has_them(tmp_path: object) -> None:
    data = scenes(["x", "shape"], length=60)
    report = evaluate(
        linear_vae(latents=2),
        data,
        tmp_path,
        metrics=["mig", "factor_vae_score"],
        progress=False,
    )
    by_name = {number["name"]: number for number in report.content["numbers"]}
    assert by_name["factor_vae_score"]["samples"] == 300 * 64
    assert by_name["mig"]["samples"] == 60
    assert "groups were drawn by the simulator" in " ".join(str(report).split())
