import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import fastdis
from fastdis import evaluation
from fastdis.data import FactorDataset
from fastdis.evaluation import encode, evaluate, evaluate_codes, evaluate_run, score
from fastdis.losses import reconstruction_loss
from fastdis.training import fit
from fastdis.training.run_config import RunConfig
from support.toys import small_vae, squares

PNG = b"\x89PNG\r\n\x1a\n"


def test_encode_gives_every_image_in_order() -> None:
    data, model = squares(), fastdis.models.burgess_vae(4)
    mean, logvar = encode(model, data, progress=False)
    with torch.inference_mode():
        expected = model.encode(data.images(slice(None)))
    assert mean.dtype == logvar.dtype == np.float32
    np.testing.assert_allclose(mean, expected[0], atol=1e-6)
    np.testing.assert_allclose(logvar, expected[1], atol=1e-6)


def test_encode_leaves_mode_and_threads_as_they_were() -> None:
    model, threads = small_vae(), torch.get_num_threads()
    first = encode(model, squares(), progress=False)
    again = encode(model, squares(), progress=False)
    assert model.training
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(first, again)  # no dropout


def test_encode_passes_on_what_goes_wrong() -> None:
    class Broken(FactorDataset):
        def images(self, indices: Any) -> Tensor:
            raise OSError("the disk is gone")

    data = squares()
    data.__class__ = Broken
    threads = torch.get_num_threads()
    with pytest.raises(OSError, match="the disk is gone"):
        encode(small_vae(), data, progress=False)
    assert torch.get_num_threads() == threads


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
    return evaluate(model, squares(), folder, about={"note": "by hand"}, progress=False)


def numbers(report: evaluation.Report) -> dict[str, dict[str, Any]]:
    content = json.loads((report.folder / "metrics.json").read_text())
    assert content == report.content
    return {number["name"]: number for number in content["numbers"]}


def test_metrics_json_says_where_each_number_comes_from(report: evaluation.Report) -> None:
    for number in numbers(report).values():
        assert number["definition"]
        assert number["samples"] == 96
        assert "seed" in number
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
    report = evaluate(small_vae(), squares(), tmp_path, progress=False)
    assert numbers(report)["index_code_mi"]["samples"] == 3000 // 96
    assert str(report).splitlines()[0].split() == ["96", "images", "31", "images"]


def test_the_reconstruction_is_the_mean_over_images(tmp_path: Path) -> None:
    model, data = small_vae().eval(), squares()
    images = data.images(slice(None))
    with torch.inference_mode():
        expected = reconstruction_loss(model.decode(model.encode(images)[0]), images).item()
    found = numbers(evaluate(model, data, tmp_path, progress=False))["reconstruction"]["score"]
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


def test_the_table_has_a_line_a_number(report: evaluation.Report) -> None:
    lines = str(report).splitlines()
    assert lines[0].split() == ["96", "images"]
    assert [line.split()[0] for line in lines[1:]] == [number["name"] for number in report.content["numbers"]]
    assert lines[-2].endswith("nats")


@pytest.fixture(scope="module")
def arrays() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """12,000 noisy codes of two factors."""
    random = np.random.default_rng(0)
    factors = random.integers(0, [4, 7], (12_000, 2))
    return factors + 0.3 * random.standard_normal((12_000, 2)), factors


def test_large_data_are_scored_whole_and_as_the_literature_does(
    arrays: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    found = [number for number in score(*arrays, seed=3) if number["name"] == "mig"]
    assert [(number["samples"], number["seed"]) for number in found] == [(12_000, None), (10_000, 3)]
    assert found[0]["score"] == fastdis.metrics.mig(*arrays).score
    assert found[0]["score"] != found[1]["score"]
    assert found[0]["score"] == pytest.approx(found[1]["score"], abs=0.02)
    again = [number for number in score(*arrays, seed=3) if number["name"] == "mig"]
    assert again == found


def test_a_file_of_codes(arrays: tuple[NDArray[np.float64], NDArray[np.int64]], tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    np.savez(path, codes=arrays[0], factors=arrays[1])
    report = evaluate_codes(path, folder=tmp_path / "report")
    assert report.content["numbers"] == score(*arrays)
    assert sorted(path.name for path in report.folder.iterdir()) == ["metrics.json", "mutual_information.png"]
    assert evaluate_codes(path).folder is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a complete npz or HDF5 file"),
        (b"PK no zip", "must be a complete npz or HDF5 file"),
        ("cut", "must be a complete npz or HDF5 file"),
        ("spoilt", "must be a complete npz file"),
        ({"codes": np.zeros((4, 2))}, "must hold the arrays codes and factors, got codes"),
        ({"codes": np.zeros((4, 2)), "factors": np.zeros((3, 2), int)}, "as many rows as codes, 4, got 3"),
        ({"codes": np.zeros(4), "factors": np.zeros((4, 2), int)}, "codes must have shape"),
    ],
)
def test_files_of_codes_that_are_none(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "codes.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.savez(path, codes=np.ones((500, 2)), factors=np.ones((500, 2), int))
        whole = path.read_bytes()
        spoilt = whole[:4000] + b"spoilt" + whole[4006:]
        path.write_bytes(whole[:2000] if content == "cut" else spoilt)
    with pytest.raises(ValueError, match=message):
        evaluate_codes(path)


def test_a_file_of_codes_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        evaluate_codes(tmp_path / "none.npz")


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two steps, of which data and model are small."""
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae())
    recipe = RunConfig(steps=2, batch_size=8)
    train(recipe, tmp_path)
    return tmp_path


def train(recipe: RunConfig, folder: Path, resume: bool = False) -> None:
    fit(
        recipe.build_model(),
        recipe.build_objective(96),
        recipe.build_data(),
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        run_dir=folder,
        resume=resume,
        config=recipe.to_dict(),
        progress=False,
    )


def test_a_run_is_scored_from_its_folder(run_dir: Path) -> None:
    report = evaluate_run(run_dir, progress=False)
    assert report.content["checkpoint"] == "checkpoint-00000002.safetensors"
    with np.load(run_dir / "codes.npz") as file:
        mean, logvar = file["mean"], file["logvar"]
    assert mean.shape == logvar.shape == (96, 3)
    expected = score(mean, squares().factors(slice(None))[:, 1:])
    assert report.content["numbers"][: len(expected)] == expected


def test_codes_are_read_back_until_the_checkpoint_changes(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return encode(*arguments, **options)

    monkeypatch.setattr(evaluation.encoded_run, "encode", counted)
    first = evaluate_run(run_dir, progress=False).content
    assert evaluate_run(run_dir, progress=False).content == first
    assert len(calls) == 1
    train(RunConfig(steps=4, batch_size=8), run_dir, resume=True)
    assert evaluate_run(run_dir, progress=False).content != first
    assert len(calls) == 2
    (run_dir / "codes.npz").write_bytes(b"spoilt")
    evaluate_run(run_dir, progress=False)
    assert len(calls) == 3


def test_folders_that_are_no_runs(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"not the folder of a run: it has no config\.json"):
        evaluate_run(empty)
    fit(small_vae(), fastdis.losses.VAE(), squares(), steps=1, batch_size=8, run_dir=empty, progress=False)
    with pytest.raises(ValueError, match=r"has no 'settings', .*: only of runs started by `fastdis train`"):
        evaluate_run(empty)
    (run_dir / "checkpoint-00000002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="must hold a checkpoint"):
        evaluate_run(run_dir)
    (run_dir / "config.json").write_text('{"beta": ')
    with pytest.raises(ValueError, match=r"config\.json must be a JSON object"):
        evaluate_run(run_dir)
