"""A report: its numbers, its pictures and its table."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import fastdis
from fastdis import evaluation
from fastdis.evaluation import evaluate
from fastdis.losses import reconstruction_loss
from support.toys import small_vae, squares

PNG = b"\x89PNG\r\n\x1a\n"


class Knowing(nn.Module):
    """Reads row and column off a picture of a square."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        corners = images.flatten(1).argmax(1)
        mean = torch.stack([corners // 64, corners % 64, torch.zeros_like(corners)], dim=1).float()
        return mean, torch.tensor([-4.0, -2.0, 0.0]).expand(len(images), 3)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> evaluation.Report:
    model = fastdis.models.VAE(Knowing(), nn.Sequential(nn.Linear(3, 4096), nn.Unflatten(1, (1, 64, 64))))
    folder = tmp_path_factory.mktemp("report") / "new"
    about = {"note": "by hand"}
    return evaluate(model, squares(), folder, metrics=["mig", "irs"], about=about, progress=False)


def numbers(report: evaluation.Report) -> dict[str, dict[str, Any]]:
    content = json.loads((report.folder / "metrics.json").read_text())
    assert content == report.content
    return {number["name"]: number for number in content["numbers"]}


def test_metrics_json_says_where_each_number_comes_from(report: evaluation.Report) -> None:
    for number in numbers(report).values():
        assert number["definition"]
        assert number["samples"] == 96
        assert "seed" in number
        assert bool(number["interval"]) != bool(number["no_interval"])
    assert report.content["note"] == "by hand"
    assert report.content["factors"] == ["size", "row", "column"]


def test_the_scores_are_those_of_the_metrics(report: evaluation.Report) -> None:
    data = squares()
    mean, _ = Knowing()(data.images(slice(None)))
    expected = fastdis.metrics.mig(mean, data.factors(slice(None))[:, 1:])
    assert numbers(report)["mig"]["score"] == expected.score
    assert numbers(report)["mig"]["per_factor"] == expected.per_factor.tolist()
    # a row and a column are known from one code each, a size from none
    assert expected.per_factor[1:].min() > 0.9
    assert expected.score == pytest.approx(2 / 3, abs=0.05)


def test_the_kl_and_the_reconstruction(report: evaluation.Report) -> None:
    data = squares()
    mean, logvar = Knowing()(data.images(slice(None)))
    kl = fastdis.gaussian_kl(mean, logvar, backend="reference")
    assert numbers(report)["kl"]["per_latent"] == pytest.approx(kl.tolist(), rel=1e-5)
    assert numbers(report)["kl"]["score"] == pytest.approx(kl.sum().item(), rel=1e-5)
    assert numbers(report)["reconstruction"]["score"] > 0


def test_the_parts_of_the_kl(report: evaluation.Report) -> None:
    mean, logvar = Knowing()(squares().images(slice(None)))
    expected = fastdis.posterior.decompose(mean, logvar).to_dict()
    for name in ("index_code_mi", "total_correlation", "dimwise_kl"):
        number = numbers(report)[name]
        assert (number["score"], number["standard_error"]) == (expected[name], expected[f"{name}_error"])
        assert "q(z) over 96 images" in number["definition"]
    assert numbers(report)["dimwise_kl"]["per_latent"] == expected["dimwise_kl_per_latent"]


def test_a_sampled_expectation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation.report, "PAIRS", 3000)
    report = evaluate(small_vae(), squares(), tmp_path, metrics="mig", progress=False)
    assert numbers(report)["index_code_mi"]["samples"] == 3000 // 96
    assert str(report).splitlines()[0].split() == 2 * ["score", "interval", "images"]


def test_the_reconstruction_is_the_mean_over_images(tmp_path: Path) -> None:
    model, data = small_vae().eval(), squares()
    images = data.images(slice(None))
    with torch.inference_mode():
        expected = reconstruction_loss(model.decode(model.encode(images)[0]), images).item()
    report = evaluate(model, data, tmp_path, metrics="mig", progress=False)
    found = numbers(report)["reconstruction"]["score"]
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_pictures_are_there(report: evaluation.Report) -> None:
    assert sorted(path.name for path in report.folder.iterdir()) == sorted(report.files)
    for name in (
        *("traversals", "reconstructions", "prior_samples", "interpolations", "latent_curves"),
        *("kl_per_latent", "mutual_information", "aggregated_marginals"),
    ):
        assert (report.folder / f"{name}.png").read_bytes().startswith(PNG)
    with Image.open(report.folder / "traversals_moving.gif") as film:
        assert (film.format, film.n_frames) == ("GIF", 24)


def test_the_table_has_a_line_a_number_in_groups(report: evaluation.Report) -> None:
    lines = str(report).splitlines()
    assert lines[0].split() == ["score", "interval", "images"]
    groups = {number["group"] for number in report.content["numbers"]}
    assert groups == {"information", "interventions", "posterior", "reconstruction"} == groups & set(lines)
    rows = [line.split()[0].rstrip(",") for line in lines if line.startswith("  ") and "96" in line.split()]
    assert rows == [number["name"] for number in report.content["numbers"]]
    assert any(line.startswith("  reconstruction, nats") for line in lines)
    assert max(map(len, lines)) <= 100
