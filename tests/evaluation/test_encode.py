"""Every image is encoded, in order, whatever the model's mode."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import fastdis
from fastdis.data import FactorDataset
from fastdis.evaluation import encode
from support.toys import small_vae, squares


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


def test_a_tensor_of_images_is_encoded_too() -> None:
    data, model = squares(), small_vae()
    expected = encode(model, data, progress=False)
    np.testing.assert_array_equal(encode(model, data.images(slice(None)), progress=False), expected)
