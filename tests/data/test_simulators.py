"""Simulators: pure functions of seed and index, true factors, grids, fixed values, and bad input."""

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fastdis.data import room, scenes
from fastdis.data.scenes import FACTORS

SIX_HUES = {0: (1, 0, 0), 1: (1, 1, 0), 2: (0, 1, 0), 3: (0, 1, 1), 4: (0, 0, 1), 5: (1, 0, 1), 6: (1, 0, 0)}


@pytest.mark.parametrize("k", range(1, 8))
def test_k_adds_factors_one_by_one(k: int) -> None:
    data, indices = scenes(k), np.arange(2000)
    assert data.factor_names == tuple(FACTORS)[:k]
    assert data.factor_sizes == (None, None, None, 3, None, None, None)[:k]
    assert len(data) == 1_000_000
    channels = 3 if k > 5 else 1
    assert data.image_shape == (channels, 64, 64)
    images = data.images(indices[:20])
    assert images.shape == (20, *data.image_shape)
    assert images.dtype == torch.float32
    assert images.amax(dim=(1, 2, 3)).min() > 0.05
    values = data.values(indices)
    np.testing.assert_array_equal(values, scenes(7).values(indices)[:, :k])  # whatever the others are
    for column, name in zip(values.T, data.factor_names, strict=True):
        factor = FACTORS[name]
        assert factor.low <= column.min() < column.max() <= factor.high
        assert column.mean() == pytest.approx((factor.low + factor.high) / 2, abs=0.05 * factor.high)
    assert f"{data.source}".startswith(f"scenes in {3 if k == 7 else 2} dimensions with x")


@pytest.mark.parametrize("k", [5, 7])
def test_an_image_is_a_function_of_seed_and_index(k: int) -> None:
    data, same, other = scenes(k, seed=3), scenes(k, seed=3), scenes(k, seed=4)
    order = np.random.default_rng(0).integers(1_000_000, size=50)
    images = data.images(order)
    assert torch.equal(same.images(order[::-1].copy()).flip(0), images)
    assert torch.equal(torch.cat([same.images([index]) for index in order[:5]]), images[:5])
    assert not torch.equal(other.images(order), images)
    assert torch.equal(pickle.loads(pickle.dumps(data)).images(order), images)


def test_what_is_drawn_from_an_images_factors_is_the_image() -> None:
    for data in (scenes(3), scenes(7), scenes(6, dims=3), room(size=32)):
        indices = np.array([5, 77, 4321])
        assert torch.equal(data.draw(data.values(indices)), data.images(indices))
        assert torch.equal((data.images(indices) * 255).round().to(torch.uint8), data.uint8_images(indices))


def test_labels_are_values_where_a_factor_is_continuous() -> None:
    data = scenes(4)
    factors, values = data.factors(slice(0, 50)), data.values(slice(0, 50))
    assert factors.dtype == np.float64
    np.testing.assert_array_equal(factors, values)
    classes = data.classes(slice(0, 50), bins=10)
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(classes[:, :3], np.floor(10 * values[:, :3]))
    np.testing.assert_array_equal(classes[:, 3], values[:, 3])


def test_indices_are_as_in_numpy() -> None:
    data = scenes(2, length=100)
    every = data.factors(slice(None))
    assert len(every) == len(data) == 100
    mask = every[:, 0] > 0.5
    for indices in (slice(10, 90, 7), slice(None, None, -1), mask, [-1, 0, 5], torch.tensor([3, 99])):
        plain = indices.numpy() if isinstance(indices, torch.Tensor) else indices
        np.testing.assert_array_equal(data.factors(indices), every[plain])
    assert data.images([]).shape == (0, 1, 64, 64)
    for wrong in ([100], [-101], [0, 2**40]):
        with pytest.raises(IndexError, match="indices must be -100 to 99, got"):
            data.images(wrong)
    with pytest.raises(TypeError, match="indices must be integers, got float64"):
        data.images(np.array([0.5]))
    with pytest.raises(ValueError, match=r"indices must have shape \(n,\), got \(1, 1\)"):
        data.images(np.array([[0]]))


def test_a_grid_is_all_combinations_in_order() -> None:
    data = scenes(["x", "shape", "rotation"], grid={"x": 3, "rotation": [0, 1, 2, 1]})
    assert len(data) == 3 * 3 * 3
    assert data.factor_sizes == (3, 3, 3)
    classes = data.factors(slice(None))
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(classes, np.stack(np.unravel_index(np.arange(27), (3, 3, 3)), axis=1))
    np.testing.assert_array_equal(data.values([14]), [[0.5, 1, 2]])
    np.testing.assert_array_equal(data.classes(slice(None)), classes)
    turns = scenes(["rotation"], grid={"rotation": 4}).factor_values["rotation"]
    np.testing.assert_allclose(turns, np.arange(4) * math.pi / 2)  # not 2 pi, which is 0
    drawn = scenes(["x", "shape"], grid={"x": 3}, length=500)
    assert len(drawn) == 500
    assert set(map(tuple, drawn.values(slice(None)).tolist())) == {
        (x, s) for x in (0, 0.5, 1) for s in (0, 1, 2)
    }
    mixed = scenes(["x", "y"], grid={"x": 2}, length=500)
    assert set(mixed.factors(slice(None))[:, 0]) == {0, 1}
    assert mixed.factor_sizes == (2, None)


def test_six_hues_have_their_colours() -> None:
    data = scenes(["hue"])
    images = data.draw(np.arange(7)[:, None] / 6)
    for sixth, colour in SIX_HUES.items():
        torch.testing.assert_close(images[sixth, :, 32, 32], torch.tensor(colour).float(), atol=1e-6, rtol=0)


def test_absent_factors_have_their_documented_values() -> None:
    default = scenes(1).draw([[0.25]])
    same = scenes(["x", "y", "scale", "shape", "rotation"]).draw([[0.25, 0.5, 0.5, 0, 0]])
    assert torch.equal(default, same)
    large = scenes(1, fixed={"scale": 1, "shape": 1, "rotation": 0.3}).draw([[0.25]])
    assert torch.equal(large, scenes(5).draw([[0.25, 0.5, 1, 1, 0.3]]))
    coloured = scenes(1, fixed={"hue": 0.5})
    assert coloured.image_shape == (3, 64, 64)
    assert torch.equal(coloured.draw([[0.25]])[:, 1:2], default)
    solid = scenes(["x", "rotation2"], fixed={"shape": 2}).draw([[0.25, 1.0]])
    assert torch.equal(
        solid, scenes(["x", "y", "rotation", "rotation2", "shape"]).draw([[0.25, 0.5, 0, 1, 2]])
    )


def test_positions_go_from_a_quarter_to_three_quarters_and_never_out_of_the_frame() -> None:
    data = scenes(["x", "y"])
    corners = data.draw([[0, 0], [1, 1], [0.5, 0.5]])
    assert torch.equal(corners[0].roll((32, 32), (1, 2)), corners[1])  # 32 pixels apart, bit for bit
    assert torch.equal(corners[0].roll((16, 16), (1, 2)), corners[2])
    images = scenes(5, seed=9).uint8_images(slice(0, 2000))
    border = torch.cat([images[:, 0, 0], images[:, 0, -1], images[:, 0, :, 0], images[:, 0, :, -1]])
    assert not border.any()


@pytest.mark.parametrize("size", [16, 61, 256])
@pytest.mark.parametrize("k", [4, 7])
def test_another_size_shows_the_same_scene(size: int, k: int) -> None:
    small, usual = scenes(k, size=size), scenes(k)
    assert small.images([0, 1]).shape == (2, *small.image_shape)
    share = [data.images(slice(0, 20)).mean(dim=(1, 2, 3)) for data in (small, usual)]
    torch.testing.assert_close(*share, rtol=0.03, atol=0)


def test_groups_share_one_factor_and_vary_in_the_others() -> None:
    data = scenes(5)
    for column, name in enumerate(data.factor_names):
        values = data.groups(name, np.arange(40), 30)
        assert values.shape == (40, 30, 5)
        spread = np.ptp(values, axis=1)
        assert (spread[:, column] == 0).all()
        assert (np.delete(spread, column, axis=1) > 0.1).all()
        assert len(np.unique(values[:, 0, column])) == (3 if name == "shape" else 40)
        np.testing.assert_array_equal(data.groups(name, [7, 3], 30), values[[7, 3]])
        data.draw(values.reshape(-1, 5)[:50])  # all in range
    first, second = (data.groups(name, [0], 30)[0] for name in ("x", "y"))
    assert np.abs(first[:, 4] - second[:, 4]).min() > 0  # other draws for another factor
    with pytest.raises(ValueError, match=r"factor must be one of 'x'.*got 'hue'"):
        data.groups("hue", [0], 5)
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        data.groups("x", [0], 0)
    assert len(np.unique(room().groups("shape", np.arange(50), 4)[..., 4])) == 4


def test_a_loaders_workers_see_the_same_images() -> None:
    data = scenes(6, size=16, length=40)
    loader = DataLoader(data, batch_size=8, num_workers=1, multiprocessing_context="spawn")
    batches = [images for images, _ in loader]
    assert torch.equal(torch.cat(batches), data.images(slice(None)))
    image, factors = data[3]
    assert torch.equal(image, data.images([3])[0])
    assert torch.equal(factors, torch.from_numpy(data.factors([3])[0]))


def test_the_room_has_the_grid_of_3d_shapes() -> None:
    data = room()
    assert len(data) == 480_000
    assert data.factor_names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert data.factor_sizes == (10, 10, 10, 8, 4, 15)
    np.testing.assert_array_equal(
        data.factors([1, 15, 60, 479_999])[:, 3:], [[0, 0, 1], [0, 1, 0], [1, 0, 0], [7, 3, 14]]
    )
    np.testing.assert_allclose(data.values([479_999]), [[0.9, 0.9, 0.9, 1.25, 3, 30]])
    assert "not its published images" in data.source
    drawn = room(length=1000, seed=1)
    assert len(drawn) == 1000
    assert len(np.unique(drawn.factors(slice(None)), axis=0)) > 990
    red_floor, cyan_walls = data.draw([[0, 0.5, 0, 1, 2, 0]])[0, :, [60, 2], 2].T
    assert red_floor.argmax() == 0
    assert red_floor[1:].tolist() == [0, 0]
    assert cyan_walls[0] == 0
    assert cyan_walls[1] == cyan_walls[2] > 0


@pytest.mark.parametrize(
    ("error", "message", "k", "others"),
    [
        (ValueError, "k must be between 1 and 7, got 0", 0, {}),
        (ValueError, "k must be between 1 and 7, got 8", 8, {}),
        (TypeError, "k must be an integer, got float 3.0", 3.0, {}),
        (TypeError, "k must be an integer, got str 'x'", "x", {}),
        (ValueError, "k must be one of .*got 'scal'; did you mean scale", ["x", "scal"], {}),
        (ValueError, "k must name different factors, at least 1, got", ["x", "x"], {}),
        (ValueError, "k must name different factors, at least 1, got", [], {}),
        (ValueError, "dims must be 3 for a second rotation, got 2", 7, {"dims": 2}),
        (ValueError, "dims must be 3 for a second rotation, got 2", 3, {"fixed": {"rotation2": 1}}),
        (ValueError, "dims must be between 2 and 3, got 4", 3, {"dims": 4}),
        (ValueError, "size must be between 16 and 256, got 15", 3, {"size": 15}),
        (ValueError, "size must be between 16 and 256, got 257", 3, {"size": 257}),
        (ValueError, "length must be at least 1, got 0", 3, {"length": 0}),
        (ValueError, "seed must be between 0 and", 3, {"seed": -1}),
        (ValueError, r"grid\['x'\] must be at least 2, got 1", 3, {"grid": {"x": 1}}),
        (ValueError, r"grid\['x'\] must have 2 different values", 3, {"grid": {"x": [0.5, 0.5]}}),
        (ValueError, r"grid\['x'\] must be between 0 and 1, got 2", 3, {"grid": {"x": [0.5, 2]}}),
        (ValueError, "must be a whole number between 0 and 2, got 0.5", 4, {"grid": {"shape": [0, 0.5]}}),
        (TypeError, r"grid\['shape'\] must be the values themselves, got 2", 4, {"grid": {"shape": 2}}),
        (ValueError, "grid must be one of 'x', 'y', got 'hue'", 2, {"grid": {"hue": 3}}),
        (ValueError, "fixed must be one of .*got 'x'", 2, {"fixed": {"x": 0.5}}),
        (ValueError, "scale must be between 0 and 1, got 1.5", 2, {"fixed": {"scale": 1.5}}),
        (ValueError, "scale must be finite, got nan", 2, {"fixed": {"scale": math.nan}}),
        (ValueError, "shape must be a whole number between 0 and 2, got 1.5", 2, {"fixed": {"shape": 1.5}}),
        (TypeError, "hue must be a number, got str 'red'", 2, {"fixed": {"hue": "red"}}),
    ],
)
def test_bad_input_is_named(error: type[Exception], message: str, k: Any, others: dict[str, Any]) -> None:
    with pytest.raises(error, match=f"scenes: .*{message}"):
        scenes(k, **others)


def test_factors_out_of_range_are_named_when_drawn() -> None:
    data = scenes(4)
    for column, value, name in ((0, -0.01, "x"), (1, 1.01, "y"), (2, math.nan, "scale"), (3, 0.5, "shape")):
        values = np.array([[0.5, 0.5, 0.5, 0], [0.5, 0.5, 0.5, 0]])
        values[1, column] = value
        with pytest.raises(ValueError, match=f"draw: {name} must be .*got {value:g}"):
            data.draw(values)
    with pytest.raises(ValueError, match=r"draw: values must have shape \(n, 4\).*x, y, scale.*got \(4,\)"):
        data.draw([0.5, 0.5, 0.5, 0])
    with pytest.raises(ValueError, match="room: length must be at least 1, got 0"):
        room(length=0)
    with pytest.raises(ValueError, match="room: size must be between 16 and 256, got 8"):
        room(size=8)


def test_sides_of_a_simulator() -> None:
    data = scenes(4, length=500)
    train, held_out = data.split(0.8, seed=1)
    assert (len(train), len(held_out)) == (400, 100)
    both = np.concatenate([train.values(slice(None)), held_out.values(slice(None))])
    assert np.array_equal(np.unique(both, axis=0), np.unique(data.values(slice(None)), axis=0))
    squares, rest = data.only({"shape": 0}), data.without({"shape": 0})
    assert len(squares) + len(rest) == 500
    assert set(squares.factors(slice(None))[:, 3]) == {0}
    assert set(rest.factors(slice(None))[:, 3]) == {1, 2}
    with pytest.raises(ValueError, match="'x' must have classes, but is continuous"):
        data.without({"x": 0})
