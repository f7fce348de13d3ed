"""Color-, Noisy- and Scream-dSprites as data sets."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fastdis.data import ImageDataset, color_dsprites, dsprites, noisy_dsprites, scream_dsprites

ROWS = [0, 300_000, 737_279]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "scream.png"
    pixels = np.random.default_rng(0).integers(256, size=(300, 200, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(params=["color", "noisy", "scream"])
def data(request: pytest.FixtureRequest, picture: Path) -> ImageDataset:
    if request.param == "scream":
        return scream_dsprites(picture)
    return color_dsprites() if request.param == "color" else noisy_dsprites()


def test_images_and_factors(data: ImageDataset) -> None:
    assert (len(data), data.image_shape) == (737_280, (3, 64, 64))
    assert data.factor_sizes == dsprites().factor_sizes
    assert np.array_equal(data.factors(ROWS), dsprites().factors(ROWS))
    assert data.images(ROWS).shape == (3, 3, 64, 64)
    assert data.pixels.nbytes == 737_280 * 512


def test_the_nuisance_belongs_to_the_image_whatever_part_it_is_in(data: ImageDataset) -> None:
    whole = data.images(ROWS, visit=4)
    assert torch.equal(data.subset([5, *ROWS]).images([3], visit=4), whole[2:])
    assert torch.equal(data.to("cpu").images(ROWS, visit=4), whole)
    assert torch.equal(pickle.loads(pickle.dumps(data)).images(ROWS, visit=4), whole)
    assert len(pickle.dumps(data.subset(ROWS))) < 10**6
    assert not torch.equal(data.images(ROWS, visit=5), whole)


def test_the_seed_is_another_draw(picture: Path) -> None:
    assert not torch.equal(color_dsprites(seed=1).images(ROWS), color_dsprites().images(ROWS))
    assert not torch.equal(noisy_dsprites(seed=1).images(ROWS), noisy_dsprites().images(ROWS))
    scream = scream_dsprites(picture, seed=1)
    assert not torch.equal(scream.images(ROWS), scream_dsprites(picture).images(ROWS))
    assert scream.source.startswith("Scream-dSprites, seed 1, of dSprites, regenerated")


def test_the_background_is_scaled_down_within_350_x_274(picture: Path) -> None:
    """300 rows become 274, 200 columns 183; a sprite's surroundings are then pieces of it."""
    small = Image.open(picture)
    small.thumbnail((350, 274), Image.Resampling.BICUBIC)
    assert small.size == (183, 274)
    background = torch.from_numpy(np.asarray(small).transpose(2, 0, 1) / np.float32(255))
    sprite, image = dsprites().images([300_000])[0, 0] == 1, scream_dsprites(picture).images([300_000])[0]
    behind = torch.where(sprite, 1 - image, image)
    crops = background.unfold(1, 64, 1).unfold(2, 64, 1)
    tints = 2 * behind[:, None, None] - crops
    assert ((tints.amax((3, 4)) - tints.amin((3, 4))).amax(0) < 1e-6).sum() == 1


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"must be a picture; there is none at {tmp_path}/no"):
        scream_dsprites(tmp_path / "no.jpg")
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(ValueError, match=f"scream_dsprites: {tmp_path}/text.jpg must be a picture"):
        scream_dsprites(tmp_path / "text.jpg")
    Image.fromarray(np.zeros((400, 70, 3), np.uint8)).save(tmp_path / "narrow.png")
    with pytest.raises(ValueError, match=r"narrow.png must be at least 64 x 64 pixels .*, got 48 x 274"):
        scream_dsprites(tmp_path / "narrow.png")
    with pytest.raises(ValueError, match="noisy_dsprites: seed must be between 0 and"):
        noisy_dsprites(seed=-1)
