"""PCA, ICA, sparse coding, k-means and NMF: what they find is known where the images are made of parts."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fastdis.data import ImageDataset, arrays, dsprites
from fastdis.evaluation import baseline, compare, decompose_run, evaluate_run
from fastdis.evaluation.baselines import read_baseline
from fastdis.evaluation.classical import METHODS

SIDE, PARTS = 4, 3


def parts() -> NDArray[np.float32]:
    """Three pictures that share no pixel: rows of the image."""
    of_parts = np.zeros((PARTS, SIDE, SIDE), np.float32)
    for part in range(PARTS):
        of_parts[part, part] = 1
    return of_parts.reshape(PARTS, -1)


@pytest.fixture(scope="module")
def amounts() -> NDArray[np.float32]:
    """How much of each part is in an image: independent, uniform, no two variances alike."""
    return (np.random.default_rng(0).random((600, PARTS)) * [0.5, 0.75, 1.0]).astype(np.float32)


@pytest.fixture(scope="module")
def mixed(amounts: NDArray[np.float32]) -> ImageDataset:
    images = (amounts @ parts()).reshape(-1, SIDE, SIDE)
    return arrays(images, {f"part {k}": np.digitize(amounts[:, k], [0.25]) for k in range(PARTS)})


def learned(method: str, data: ImageDataset, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The codes, and the images decoded from them."""
    baseline(method, data, folder, latents=PARTS, batch_size=50, progress=False)
    model, codes = read_baseline(folder, data)
    return codes, model.decode(torch.from_numpy(codes)).flatten(1).numpy()


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_as_many_latents_as_parts_lose_nothing(method: str, mixed: ImageDataset, tmp_path: Path) -> None:
    _, decoded = learned(method, mixed, tmp_path)
    images = mixed.images(np.arange(len(mixed))).flatten(1).numpy()
    assert np.abs(decoded - images).max() < 0.01


def test_pca_is_that_of_the_whole_covariance(mixed: ImageDataset, tmp_path: Path) -> None:
    codes, _ = learned("pca", mixed, tmp_path)
    images = mixed.images(np.arange(len(mixed))).flatten(1).numpy()
    variances = np.linalg.eigvalsh(np.cov(images.T))[::-1][:PARTS]
    np.testing.assert_allclose(codes.var(0, ddof=1), variances, rtol=1e-3)
    np.testing.assert_allclose(np.corrcoef(codes.T), np.eye(PARTS), atol=0.01)


@pytest.mark.parametrize("method", ["ica", "nmf"])
def test_each_code_is_the_amount_of_one_part(
    method: str, mixed: ImageDataset, amounts: NDArray[np.float32], tmp_path: Path
) -> None:
    codes, _ = learned(method, mixed, tmp_path)
    correlations = np.abs(np.corrcoef(codes.T, amounts.T)[:PARTS, PARTS:])
    assert sorted(correlations.argmax(0)) == list(range(PARTS))
    assert correlations.max(0).min() > 0.98


def test_k_means_has_one_code_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    which = rng.integers(PARTS, size=300)
    images = np.clip(parts()[which] + 0.05 * rng.random((300, SIDE**2)), 0, 1).astype(np.float32)
    data = arrays(images.reshape(-1, SIDE, SIDE), {"part": which})
    codes, decoded = learned("k-means", data, tmp_path)
    assert set(map(tuple, codes)) == set(map(tuple, np.eye(PARTS, dtype=np.float32)))
    assert len({(code, part) for code, part in zip(codes.argmax(1), which, strict=True)}) == PARTS
    assert np.abs(decoded - images).max() < 0.1


def test_sparse_codes_solve_the_lasso(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((200, SIDE, SIDE), np.float32)
    data = arrays(images, {"none": [0, 1] * 100})
    codes, decoded = learned("sparse-coding", data, tmp_path)
    atoms = np.load(tmp_path / "decoder.npz")["components"]
    gradient = (
        decoded - data.images(np.arange(len(data))).flatten(1).numpy()
    ) @ atoms.T  # of 1/2 |x - z A|^2: -sign(z) where z is not 0, else at most 1
    assert np.abs(gradient[codes != 0] + np.sign(codes[codes != 0])).max() < 1e-3
    assert np.abs(gradient[codes == 0]).max(initial=0) < 1 + 1e-3
    assert (codes != 0).any()
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_two_times_the_same(method: str, mixed: ImageDataset, tmp_path: Path) -> None:
    first = learned(method, mixed, tmp_path / "a")[0]
    assert np.array_equal(first, learned(method, mixed, tmp_path / "b")[0])


def test_a_report_leaves_out_what_there_is_not(tmp_path: Path) -> None:
    data = dsprites().subset(slice(0, None, 6000))
    for seed in (0, 1):
        baseline("pca", data, tmp_path / str(seed), latents=3, seed=seed, progress=False)
        report = evaluate_run(tmp_path / str(seed), data=data, metrics=["mig"], progress=False)
    names = {number["name"] for number in report.content["numbers"]}
    assert names == {"mig", "reconstruction"}
    assert "The codes have no posteriors: no KL" in " ".join(report.content["notes"])
    written = {path.stem for path in (tmp_path / "0").iterdir()}
    assert {"traversals", "reconstructions", "latent_curves"} <= written
    assert not {"kl_per_latent", "aggregated_marginals", "prior_samples"} & written
    with pytest.raises(ValueError, match="must hold posteriors, its codes are points"):
        decompose_run(tmp_path / "0", data=data)
    rows = compare([tmp_path / "0", tmp_path / "1"])
    assert {"pca"} == set(rows["method"])


def test_what_is_refused(mixed: ImageDataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"method must be one of .*; did you mean pca"):
        baseline("pcaa", mixed, tmp_path)
    with pytest.raises(ValueError, match="latents must be between 1 and 16, got 17"):
        baseline("pca", mixed, tmp_path, latents=17)
    with pytest.raises(ValueError, match="batch_size must be at least 10, got 5"):
        baseline("pca", mixed, tmp_path, batch_size=5)
    baseline("pca", mixed, tmp_path, latents=2, progress=False)
    assert json.loads((tmp_path / "config.json").read_text())["objective"] == "pca"
    with pytest.raises(ValueError, match="run_dir must be new"):
        baseline("pca", mixed, tmp_path)
    with pytest.raises(ValueError, match=r"give the data: evaluate_run\(run_dir, data=\.\.\.\)"):
        evaluate_run(tmp_path)
    with pytest.raises(ValueError, match="must hold the codes of the 7 images of the data"):
        evaluate_run(tmp_path, data=mixed.subset(slice(0, 7)))
