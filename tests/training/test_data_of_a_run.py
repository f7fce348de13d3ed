"""What a run is trained on: any data set by its name or path, with settings of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdis.data import arrays
from fastdis.training.run_config import RunConfig


def write(path: Path, side: int = 64, channels: int = 3) -> str:
    images = np.random.default_rng(0).integers(256, size=(12, side, side, channels), dtype=np.uint8)
    np.savez(path, images=images)
    return str(path)


def test_the_settings_of_a_data_set_are_among_those_of_the_run() -> None:
    config = RunConfig(dataset="scenes", settings={"k": 5, "length": 50, "beta": 2.0}, every=3)
    data = config.build_data()
    assert (len(data), data.factor_names[-1]) == (17, "rotation")
    assert {"k": 5, "length": 50, "dims": None, "beta": 2.0}.items() <= config.to_dict()["settings"].items()
    assert RunConfig(**config.to_dict()).to_dict() == config.to_dict()
    assert config.title() == "beta-tcvae, alpha 1, beta 2, gamma 1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dataset": "scene"}, r"data must be one of dsprites, .* got 'scene'; did you mean scenes"),
        ({"dataset": "scenes"}, "data 'scenes' needs the setting k"),
        ({"dataset": "scenes", "settings": {"k": 5, "lenth": 3}}, "and scenes must be .*did you mean length"),
        ({"settings": {"k": 5}}, "setting of beta-tcvae on burgess must be one of"),
        ({"dataset": "scenes", "objective": "ae", "settings": {"k": 5}}, r"needs the setting data\.k"),
        ({"dataset": "3dshapes"}, "data '3dshapes' needs a path, to 3dshapes.h5"),
        ({"dataset": "room", "path": "x"}, "path must be None for data 'room'"),
        ({"dataset": "scenes", "settings": {"k": 9}}, "k must be between 1 and 7, got 9"),
    ],
)
def test_what_cannot_be_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        RunConfig(**changed).build_data()
    assert "\n" not in str(error.value)


def test_an_argument_that_both_have_is_told_apart() -> None:
    config = RunConfig("ae", dataset="scenes", settings={"data.k": 2, "k": 3, "length": 5})
    assert config.build_data().factor_names == ("x", "y")
    assert config.build_model().k == 3


def test_channels_and_size_are_those_of_the_images(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz")
    config = RunConfig(dataset=path)
    fitted = config.fitted(config.build_data())
    assert fitted.to_dict()["settings"]["channels"] == 3
    assert fitted.build_model().encoder.channels == 3
    explicit = RunConfig(dataset=path, settings={"channels": 1})
    with pytest.raises(ValueError, match=rf"channels must be the 3 of the images of {path}, got 1"):
        explicit.fitted(explicit.build_data())
    small = RunConfig(dataset=write(tmp_path / "small.npz", 32))
    message = r"model 'burgess' takes images of 64 x 64 pixels, but those of .*small\.npz are 32 x 32$"
    with pytest.raises(ValueError, match=message):
        small.fitted(small.build_data())
    scenes = RunConfig(dataset="scenes", settings={"k": 1, "size": 32})
    with pytest.raises(ValueError, match="of scenes are 32 x 32; scale them with --set size=64"):
        scenes.fitted(scenes.build_data())


def test_paths_stay_the_same_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    config = RunConfig(dataset="mine.npz")
    assert config.dataset == str(tmp_path / "mine.npz")
    assert RunConfig(dataset="3dshapes", path="3dshapes.h5").path == str(tmp_path / "3dshapes.h5")
    Path("mine.npz").unlink()
    kept = RunConfig(**config.to_dict())  # a run can be read without its data
    with pytest.raises(FileNotFoundError, match=r"mine\.npz"):
        kept.build_data()


def test_pairs_need_factors() -> None:
    config = RunConfig("ada-gvae")
    images = np.zeros((8, 64, 64), np.uint8)
    with pytest.raises(ValueError, match=r"objective 'ada-gvae' learns from pairs .* has no known factors"):
        config.training_data(arrays(images))
    scenes = RunConfig("ada-gvae", dataset="scenes", settings={"k": 2})
    assert scenes.training_data(scenes.build_data()).images([0]).shape == (1, 2, 1, 64, 64)
    labels = np.stack([np.arange(8) % 2, np.arange(8) // 2 % 2], axis=1)
    assert config.training_data(arrays(images, labels)).images([0, 1]).shape == (2, 2, 1, 64, 64)
