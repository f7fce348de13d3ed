"""What other libraries saved: each network of theirs, computed as they compute it, beside ours."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from fastdis.models import load_foreign
from fastdis.models.foreign import SOURCES, layer_names

LATENTS, CHANNELS = 3, 1
State = dict[str, Tensor]


def layer(state: State, name: str, *shape: int, out: int | None = None) -> None:
    state[f"{name}.weight"] = 0.1 * torch.randn(shape)
    state[f"{name}.bias"] = 0.1 * torch.randn(shape[0] if out is None else out)


def dense(state: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def conv(state: State, name: str, x: Tensor, padding: int = 1) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=padding)


def up(state: State, name: str, x: Tensor) -> Tensor:
    return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)


def burgess(convs: list[str], lins: list[str], head: str, delins: list[str], ups: list[str]) -> State:
    state: State = {}
    for name, inputs in zip(convs, (CHANNELS, 32, 32, 32), strict=True):
        layer(state, name, 32, inputs, 4, 4)
    for name, inputs in zip(lins, (512, 256), strict=True):
        layer(state, name, 256, inputs)
    layer(state, head, 2 * LATENTS, 256)
    for name, inputs, outputs in zip(delins, (LATENTS, 256, 256), (256, 256, 512), strict=True):
        layer(state, name, outputs, inputs)
    for name, outputs in zip(ups, (32, 32, 32, CHANNELS), strict=True):
        layer(state, name, 32, outputs, 4, 4, out=outputs)
    return state


def disentangling_vae(images: Tensor, z: Tensor) -> tuple[State, Tensor, Tensor, Tensor]:
    convs = ["encoder.conv1", "encoder.conv2", "encoder.conv3", "encoder.conv_64"]
    ups = ["decoder.convT_64", "decoder.convT1", "decoder.convT2", "decoder.convT3"]
    delins = ["decoder.lin1", "decoder.lin2", "decoder.lin3"]
    state = burgess(convs, ["encoder.lin1", "encoder.lin2"], "encoder.mu_logvar_gen", delins, ups)
    x = images
    for name in convs:
        x = conv(state, name, x).relu()
    x = dense(state, "encoder.lin1", x.flatten(1)).relu()
    x = dense(state, "encoder.mu_logvar_gen", dense(state, "encoder.lin2", x).relu())
    mean, logvar = x.view(-1, LATENTS, 2).unbind(-1)
    y = z
    for name in delins:
        y = dense(state, name, y).relu()
    y = y.view(-1, 32, 4, 4)
    for name in ups[:-1]:
        y = up(state, name, y).relu()
    return state, mean, logvar, up(state, ups[-1], y)


def disentanglement_lib_cnn(images: Tensor, z: Tensor) -> tuple[State, Tensor, Tensor, Tensor]:
    convs, ups = [[f"cnn{k}_{half}" for k in (1, 2, 3, 4)] for half in ("en", "dec")]
    delins = [f"linear{k}_dec" for k in (1, 2, 3)]
    state = burgess(convs, ["linear1_en", "linear2_en"], "z_mean", delins, ups)
    x = images
    for name in convs:
        x = conv(state, name, x).relu()
    x = dense(state, "linear2_en", dense(state, "linear1_en", x.flatten(1)).relu()).relu()
    x = dense(state, "z_mean", x)
    y = z
    for name in delins:
        y = dense(state, name, y).relu()
    y = y.view(-1, 32, 4, 4)
    for name in ups[:-1]:
        y = up(state, name, y).relu()
    return state, x[:, :LATENTS], x[:, LATENTS:], up(state, ups[-1], y)


def disentanglement_lib_dense(images: Tensor, z: Tensor) -> tuple[State, Tensor, Tensor, Tensor]:
    state: State = {}
    layer(state, "fc1_en", 1200, 4096)
    layer(state, "fc2_en", 1200, 1200)
    layer(state, "fc3_mean", LATENTS, 1200)
    layer(state, "fc3_stddev", LATENTS, 1200)
    for name, inputs, outputs in zip(
        (0, 2, 4, 6), (LATENTS, 1200, 1200, 1200), (1200,) * 3 + (4096,), strict=True
    ):
        layer(state, f"decoder.{name}", outputs, inputs)
    x = dense(state, "fc2_en", dense(state, "fc1_en", images.flatten(1)).relu()).relu()
    y = z
    for name in (0, 2, 4):
        y = dense(state, f"decoder.{name}", y).tanh()
    pixels = dense(state, "decoder.6", y).view(-1, 1, 64, 64)
    return state, dense(state, "fc3_mean", x), dense(state, "fc3_stddev", x), pixels


def disent(images: Tensor, z: Tensor) -> tuple[State, Tensor, Tensor, Tensor]:
    state: State = {}
    for place, inputs, outputs in ((0, CHANNELS, 32), (2, 32, 32), (4, 32, 64), (6, 64, 64)):
        layer(state, f"_model._encoder.model.{place}", outputs, inputs, 4, 4)
    layer(state, "_model._encoder.model.9", 256, 1600)
    layer(state, "_model._encoder.model.11", 2 * LATENTS, 256)
    layer(state, "_model._decoder.model.0", 256, LATENTS)
    layer(state, "_model._decoder.model.2", 1024, 256)
    for place, inputs, outputs in ((5, 64, 64), (7, 64, 32), (9, 32, 32), (11, 32, CHANNELS)):
        layer(state, f"_model._decoder.model.{place}", inputs, outputs, 4, 4, out=outputs)
    x = images
    for place in (0, 2, 4, 6):
        x = conv(state, f"_model._encoder.model.{place}", x, padding=2).relu()
    x = dense(state, "_model._encoder.model.9", x.flatten(1)).relu()
    mean, logvar = dense(state, "_model._encoder.model.11", x).chunk(2, dim=1)
    y = dense(state, "_model._decoder.model.0", z).relu()
    y = dense(state, "_model._decoder.model.2", y).relu().view(-1, 64, 4, 4)
    for place in (5, 7, 9):
        y = up(state, f"_model._decoder.model.{place}", y).relu()
    return state, mean, logvar, up(state, "_model._decoder.model.11", y)


NETWORKS: list[tuple[str, Callable[[Tensor, Tensor], tuple[State, Tensor, Tensor, Tensor]]]] = [
    ("disentangling-vae", disentangling_vae),
    ("disentanglement_lib-pytorch", disentanglement_lib_cnn),
    ("disentanglement_lib-pytorch", disentanglement_lib_dense),
    ("disent", disent),
]


@pytest.fixture(scope="module")
def state() -> State:
    torch.manual_seed(0)
    return disentangling_vae(torch.rand(1, CHANNELS, 64, 64), torch.randn(1, LATENTS))[0]


@pytest.mark.parametrize(("source", "network"), NETWORKS)
def test_ours_computes_what_theirs_does(source: str, network: Callable[..., object], tmp_path: Path) -> None:
    torch.manual_seed(0)
    images, z = torch.rand(4, CHANNELS, 64, 64), torch.randn(4, LATENTS)
    state, mean, logvar, logits = network(images, z)
    torch.save(state, tmp_path / "model.pt")
    model = load_foreign(tmp_path / "model.pt", source=source)
    with torch.inference_mode():
        found = model.encode(images)
        torch.testing.assert_close(found[0], mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found[1], logvar, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.decode(z), logits, rtol=1e-4, atol=1e-5)


def test_every_layer_of_a_source_has_one_of_ours() -> None:
    for source in SOURCES:
        for names in layer_names(source):
            assert len(set(names.values())) in (len(names), len(names) - 1)  # one less: two heads, one layer
    assert layer_names("disentangling-vae")[0]["encoder.conv_64"] == "encoder.layers.conv4"


def as_npz(state: State, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in state.items()})


CONTAINERS: dict[str, Callable[[State, Path], None]] = {
    "torch": torch.save,
    "before 1.6": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "safetensors": save_file,
    "npz": as_npz,
    "checkpoint": lambda state, path: torch.save({"epoch": 3, "model_state_dict": state}, path),
    "Lightning": lambda state, path: torch.save(
        {"state_dict": {f"net.{k}": v for k, v in state.items()}}, path
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_files_of_every_kind(container: str, state: State, tmp_path: Path) -> None:
    CONTAINERS[container](state, tmp_path / "model")
    model = load_foreign(tmp_path / "model", source="disentangling-vae")
    assert torch.equal(model.encoder.layers.conv1.weight, state["encoder.conv1.weight"])


class Code:
    """What a pickle can do to its reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))]
)
def test_code_in_a_file_is_not_run(save: Callable[..., None], state: State, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    save({"state_dict": state, "trainer": Code(ran)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt must"):
        load_foreign(tmp_path / "model.pt", source="disentangling-vae")
    assert not ran.exists()


def changed(state: State, **changes: Tensor | None) -> State:
    both: dict[str, Tensor | None] = {**state, **{k.replace("__", "."): v for k, v in changes.items()}}
    return {name: tensor for name, tensor in both.items() if tensor is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder__conv_64__weight": None}, r"of disentangling-vae; it lacks encoder\.conv_64\.weight$"),
        ({"encoder__lin3__weight": torch.zeros(2, 2)}, r"it has encoder\.lin3\.weight besides"),
        (
            {"decoder__lin2__weight": torch.zeros(128, 256)},
            r"weight of decoder\.lin2 must have shape \(256, 256\), got \(128, 256\)",
        ),
        ({"encoder__lin1__weight": torch.zeros(())}, r"encoder\.lin1\.weight has shape \(\)"),
        (
            {"encoder__mu_logvar_gen__bias": torch.zeros(5)},
            r"mu_logvar_gen must have shape \(6,\), got \(5,\)",
        ),
    ],
)
def test_another_network_is_refused(
    changes: dict[str, Tensor | None], message: str, state: State, tmp_path: Path
) -> None:
    torch.save(changed(state, **changes), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=message):
        load_foreign(tmp_path / "model.pt", source="disentangling-vae")


def test_what_is_no_file_of_weights(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "cut.pt")
    whole = (tmp_path / "cut.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.pt").write_text("weights")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("cut.pt", "text.pt", "list.pt"):
        with pytest.raises(ValueError, match=rf"load_foreign: .*{name} must"):
            load_foreign(tmp_path / name, source="disentangling-vae")
    with pytest.raises(FileNotFoundError):
        load_foreign(tmp_path / "none.pt", source="disentangling-vae")
    with pytest.raises(ValueError, match=r"source must be one of .* did you mean disent or"):
        load_foreign(tmp_path / "cut.pt", source="dissent")
