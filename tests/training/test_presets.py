"""Presets whose data is not dSprites."""

import numpy as np
import pytest

from fastdis.training.presets import PRESETS


@pytest.mark.parametrize(
    ("name", "channels"), [("song-vae-k5", 1), ("song-vae-k7", 3), ("kim-3d-beta-vae", 3)]
)
def test_presets_with_data_of_their_own_fit_it(name: str, channels: int) -> None:
    config = PRESETS[name]
    data = config.build_data()
    model = config.fitted(data).build_model()
    assert model(data.images(np.arange(2))).reconstruction.shape == (2, channels, 64, 64)
    assert config.steps in (468_750, 937_500, 500_000)  # 30 and 60 epochs of a million images
