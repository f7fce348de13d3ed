"""Noise is a function of seed, image and visit: the published cipher, the reference's bits, uniform."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.kernels.nuisances import NUISANCES, nuisance_images, reference
from fastdis.kernels.packed_images import unpack

RNG = np.random.default_rng(0)
PACKED = RNG.integers(256, size=(50, 512), dtype=np.uint8)
BACKGROUND = RNG.random((80, 91, 3), dtype=np.float32)


def made(nuisance: str, indices: object, **settings: object) -> torch.Tensor:
    return nuisance_images(nuisance, PACKED, indices, background=BACKGROUND, **settings)


def test_the_generator_is_philox_4x32_10() -> None:
    """The known answers that Random123, the authors' library, is tested with."""
    answers = {
        (0, 0, 0, 0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        (2**32 - 1,) * 4 + (2**64 - 1,): (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0x299F31D0A4093822): (
            *(0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    }
    for (*counter, seed), words in answers.items():
        assert reference.philox(np.array(counter, np.uint32), seed).tolist() == list(words)


@pytest.mark.parametrize("nuisance", NUISANCES)
@pytest.mark.parametrize(("seed", "visit"), [(0, 0), (3, 0), (2**63 - 1, 7), (2**40, 2**32 - 1)])
def test_kernel_equals_reference_bit_for_bit(nuisance: str, seed: int, visit: int) -> None:
    indices = RNG.integers(50, size=37)
    images = made(nuisance, indices, seed=seed, visit=visit)
    assert images.shape == (37, 3, 64, 64)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, made(nuisance, indices, seed=seed, visit=visit, backend="reference"))
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("nuisance", NUISANCES)
@pytest.mark.parametrize("size", [(1, 8), (8, 5), (24, 40)])
def test_images_of_another_size(nuisance: str, size: tuple[int, int]) -> None:
    packed = RNG.integers(256, size=(3, size[0] * size[1] // 8), dtype=np.uint8)
    images = [
        nuisance_images(nuisance, packed, [2, 0], size, background=BACKGROUND, backend=backend)
        for backend in ("numba", "reference")
    ]
    assert torch.equal(*images)


@pytest.mark.parametrize("nuisance", NUISANCES)
def test_an_image_does_not_depend_on_its_batch_or_on_the_threads(nuisance: str) -> None:
    whole = made(nuisance, np.arange(50), seed=5, visit=2)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert torch.equal(made(nuisance, np.arange(50), seed=5, visit=2), whole)
    finally:
        torch.set_num_threads(before)
    for indices in ([49], [7, 3, 7], np.arange(50)[::-1].copy()):
        assert torch.equal(made(nuisance, indices, seed=5, visit=2), whole[torch.as_tensor(indices)])


@pytest.mark.parametrize("nuisance", NUISANCES)
def test_seed_image_and_visit_each_change_it(nuisance: str) -> None:
    same = np.repeat(PACKED[:1], 2, axis=0)
    first, second = nuisance_images(nuisance, same, [0, 1], background=BACKGROUND)
    assert not torch.equal(first, second)
    assert not torch.equal(made(nuisance, [0]), made(nuisance, [0], seed=1))
    assert not torch.equal(made(nuisance, [0]), made(nuisance, [0], visit=1))
    assert not torch.equal(made(nuisance, [0]), made(nuisance, [0], seed=2**32))  # the upper half counts too


def test_color_is_one_number_a_channel_on_the_sprite() -> None:
    sprites, images = unpack(PACKED, np.arange(50)), made("color", np.arange(50))
    colors = images.amax((2, 3), keepdim=True)
    assert torch.equal(images, sprites * colors)
    assert colors.min() >= 0.5
    assert colors.max() < 1
    assert len(colors.unique()) == 150
    assert abs(float(colors.mean()) - 0.75) < 4 * 0.5 / (12 * 150) ** 0.5


def test_noise_is_uniform_and_independent_behind_the_sprite() -> None:
    empty = np.zeros((40, 512), np.uint8)
    noise = nuisance_images("noise", empty, np.arange(40)).permute(0, 2, 3, 1).double().flatten(1)
    counts = torch.histc(noise, 100, 0, 1)
    expected = noise.numel() / 100
    assert ((counts - expected) ** 2 / expected).sum() < 161  # chi-squared, 99 degrees, p = 1e-4
    count = noise.shape[1]
    correlations = torch.corrcoef(noise).fill_diagonal_(0)  # of images
    assert correlations.abs().max() < 5 / count**0.5
    planes = noise.reshape(-1, 3).T
    assert torch.corrcoef(planes).fill_diagonal_(0).abs().max() < 5 / 160_000**0.5
    for lag in (1, 2, 3, 192, 3072):  # the last: words of one block
        a, b = noise[:, :-lag].flatten(), noise[:, lag:].flatten()
        assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 4 / len(a) ** 0.5


def test_noise_is_white_on_the_sprite() -> None:
    sprites, images = unpack(PACKED, np.arange(50)), made("noise", np.arange(50))
    on = (sprites == 1).expand_as(images)
    assert (images[on] == 1).all()
    assert (images[~on] < 1).all()


def test_scream_is_a_tinted_crop_inverted_on_the_sprite() -> None:
    """The tint is what is left of the background: one number a channel, in [0, 1)."""
    sprites, images = unpack(PACKED, np.arange(50))[:, 0].bool(), made("scream", np.arange(50))
    behind = torch.where(sprites[:, None], 1 - images, images)
    crops = (
        torch.from_numpy(BACKGROUND).permute(2, 0, 1).unfold(1, 64, 1).unfold(2, 64, 1)
    )  # (3, 17, 28, 64, 64)
    corners = set()
    for image in behind:
        tints = 2 * image[:, None, None] - crops
        spread = (tints.amax((3, 4)) - tints.amin((3, 4))).amax(0)
        assert (spread < 1e-6).sum() == 1
        corner = divmod(int(spread.argmin()), spread.shape[1])
        corners.add(corner)
        assert 0 <= tints[:, corner[0], corner[1]].min() < 1
    assert len(corners) > 35
    assert {0, 16} <= {y for y, _ in corners}
    assert max(x for _, x in corners) > 24


def test_a_background_of_the_images_size_has_one_crop() -> None:
    background = BACKGROUND[:64, :64]
    images = nuisance_images("scream", np.zeros((3, 512), np.uint8), [0, 2], background=background)
    tints = 2 * images - torch.from_numpy(background.copy()).permute(2, 0, 1)
    assert (tints.amax((2, 3)) - tints.amin((2, 3))).max() < 1e-6


def test_arrays_tensors_maps_and_views_give_the_same(tmp_path: Path) -> None:
    PACKED.tofile(tmp_path / "packed")
    twice = np.repeat(PACKED, 2, axis=0)
    expected = made("noise", [3, 49, 3])
    for given in (torch.from_numpy(PACKED), np.memmap(tmp_path / "packed", np.uint8, "r", shape=(50, 512))):
        for backend in ("numba", "reference"):
            assert torch.equal(nuisance_images("noise", given, [3, 49, 3], backend=backend), expected)
    assert torch.equal(nuisance_images("noise", twice[::2], torch.tensor([3, 49, 3])), expected)
    assert made("noise", np.zeros(0, np.int64)).shape == (0, 3, 64, 64)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nuisance must be one of 'color', .* did you mean noise"):
        made("noisy", [0])
    with pytest.raises(TypeError, match="packed must be uint8, got int64"):
        nuisance_images("noise", PACKED.astype(np.int64), [0])
    with pytest.raises(ValueError, match=r"packed must have shape \(count, 512\).*got \(50, 511\)"):
        nuisance_images("noise", PACKED[:, 1:], [0])
    with pytest.raises(ValueError, match=r"size must have a multiple of 8 pixels, got \(3, 5\)"):
        nuisance_images("noise", PACKED, [0], (3, 5))
    with pytest.raises(ValueError, match="background must be given for 'scream', got None"):
        nuisance_images("scream", PACKED, [0])
    with pytest.raises(TypeError, match=r"background must be float32, got torch.float64"):
        nuisance_images("scream", PACKED, [0], background=BACKGROUND.astype(float))
    with pytest.raises(ValueError, match=r"background must have shape \(at least 64, at least 64, 3\)"):
        nuisance_images("scream", PACKED, [0], background=BACKGROUND[:63])
    with pytest.raises(IndexError, match="nuisance_images: indices must be 0 to 49, got 50"):
        made("noise", [50])
    with pytest.raises(ValueError, match="nuisance_images: seed must be between 0 and"):
        made("noise", [0], seed=-1)
    with pytest.raises(ValueError, match="nuisance_images: visit must be between 0 and 4,294,967,295"):
        made("noise", [0], visit=-1)
