"""Load the weights of models that other libraries trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import _checks
from ._layers import check_images, named
from ._weight_files import read_weights
from .burgess import burgess_vae
from .kim import KimDecoder
from .mlp import chen_vae
from .vae import VAE


class DisentEncoder(nn.Module):
    """Map images to the mean and logvar of their posteriors, as ``EncoderConv64`` of disent does.

    Convolutions 4x4, stride 2, of 32, 32, 64 and 64 channels, padded by 2, so that the last has 5 x 5 places;
    a dense layer of 256 units, ReLU between all; one last linear layer gives both halves.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: latents or channels is not an integer, or the images do not have the dtype of the weights.
        ValueError: latents or channels is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.DisentEncoder(latents=10)(torch.zeros(2, 1, 64, 64))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    def __init__(self, latents: int = 10, *, channels: int = 1) -> None:
        super().__init__()
        latents, channels = _checks.integers("DisentEncoder", latents=latents, channels=channels)
        self.channels = channels
        layers: list[nn.Module] = []
        for inputs, width in ((channels, 32), (32, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=2), nn.ReLU(inplace=True)]
        layers += [nn.Flatten(), nn.Linear(1600, 256), nn.ReLU(inplace=True), nn.Linear(256, 2 * latents)]
        self.layers = nn.Sequential(named(layers))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(self, images, (self.channels, 64, 64))
        mean, logvar = self.layers(images).chunk(2, dim=1)
        return mean, logvar


@dataclass(frozen=True)
class _Network:
    """Say which of our networks another library's is, and what its layers are called there.

    encoder, decoder: their names in the order of ours, the encoder's without its last layer.
    heads: their names for our last layer of the encoder: one that gives all, or mean and logvar apart.
    turns: whether the rows of the one head take turns: mean and logvar of a latent, then of the next.
    within: what precedes the names in the encoder and in the decoder.
    """

    build: Callable[[int, int], VAE]
    encoder: str
    heads: str
    decoder: str
    turns: bool = False
    within: tuple[str, str] = ("", "")

    @property
    def names(self) -> tuple[list[str], list[str], list[str]]:
        """The full names of the encoder's layers, of its heads and of the decoder's layers."""
        encoder, decoder = self.within
        return (
            [encoder + name for name in self.encoder.split()],
            [encoder + name for name in self.heads.split()],
            [decoder + name for name in self.decoder.split()],
        )


def _disent_vae(latents: int, channels: int) -> VAE:
    return VAE(DisentEncoder(latents, channels=channels), KimDecoder(latents, channels=channels, hidden=256))


SOURCES: dict[str, tuple[_Network, ...]] = {
    "disentangling-vae": (
        _Network(
            build=lambda latents, channels: burgess_vae(latents, channels=channels),
            encoder="conv1 conv2 conv3 conv_64 lin1 lin2",
            heads="mu_logvar_gen",
            turns=True,
            decoder="lin1 lin2 lin3 convT_64 convT1 convT2 convT3",
            within=("encoder.", "decoder."),
        ),
    ),
    "disentanglement_lib-pytorch": (
        _Network(
            build=lambda latents, channels: burgess_vae(latents, channels=channels),
            encoder="cnn1_en cnn2_en cnn3_en cnn4_en linear1_en linear2_en",
            heads="z_mean",
            decoder="linear1_dec linear2_dec linear3_dec cnn1_dec cnn2_dec cnn3_dec cnn4_dec",
        ),
        _Network(
            build=lambda latents, channels: chen_vae(latents, channels=channels),
            encoder="fc1_en fc2_en",
            heads="fc3_mean fc3_stddev",
            decoder="0 2 4 6",
            within=("", "decoder."),
        ),
    ),
    "disent": (
        _Network(
            build=_disent_vae,
            encoder="0 2 4 6 9",
            heads="11",
            decoder="0 2 5 7 9 11",
            within=("_encoder.model.", "_decoder.model."),
        ),
    ),
}


def load_foreign(path: str | Path, *, source: str) -> VAE:
    """Load weights that another library trained into the network of ours that has the same layers.

    - "disentangling-vae" (YannDubs/disentangling-vae): its ``Burgess`` is `burgess_vae`.
    - "disentanglement_lib-pytorch" (kadarsh22/Disentanglementlibpytorch): its ``beta_vae_cnn`` is
      `burgess_vae`, its ``beta_vae`` is `chen_vae`.
    - "disent" (nmichlo/disent): its ``EncoderConv64`` and ``DecoderConv64`` are `DisentEncoder` and
      `KimDecoder` with 256 hidden units.

    The decoder gives logits, also where theirs ends in a sigmoid. What encodes images must get them as they
    were in training: in [0, 1], unless disent was told to standardise them.

    Args:
        path: a state dictionary as safetensors, as an npz file of arrays, or written by ``torch.save``; also
            a checkpoint that holds it as ``state_dict`` or ``model_state_dict``. Nothing but tensors and
            plain values is read: code in a file is never run.
        source: the library, one of those above.

    Returns:
        The model, float32 on the CPU, with as many latents and channels as the weights have.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: source is unknown; the file is damaged or holds more than weights; it lacks a layer of
            the network, has one more, or a layer has another shape. The layers are named.

    Example:
        >>> import tempfile, torch, fastdis
        >>> theirs = {}  # what their library would have saved
        >>> ours = fastdis.models.burgess_vae(latents=4).state_dict()
        >>> for name, layer in fastdis.models.foreign.layer_names("disentangling-vae")[0].items():
        ...     theirs |= {f"{name}.{kind}": ours[f"{layer}.{kind}"] for kind in ("weight", "bias")}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save(theirs, f"{folder}/model.pt")
        ...     model = load_foreign(f"{folder}/model.pt", source="disentangling-vae")
        >>> model.encoder.layers.dense3.out_features
        8
    """
    _checks.choice("load_foreign", "source", source, SOURCES)
    path = Path(path)
    tensors = read_weights("load_foreign", path)
    reasons = []
    for network in SOURCES[source]:
        found = _of_network(network, tensors)
        if isinstance(found, dict):
            return _filled(network, found, path)
        reasons.append(found)
    raise ValueError(f"load_foreign: {path} must hold a network of {source}; {'; '.join(reasons)}")


def layer_names(source: str) -> list[dict[str, str]]:
    """List for each network of a source our layers by the names of theirs.

    Two heads of theirs for mean and logvar are one layer of ours.

    Raises:
        ValueError: source is unknown.

    Example:
        >>> layer_names("disent")[0]["_encoder.model.9"]
        'encoder.layers.dense1'
    """
    _checks.choice("layer_names", "source", source, SOURCES)
    tables = []
    for network in SOURCES[source]:
        encoder, heads, decoder = network.names
        ours = _layers(network.build(1, 1))
        places = [*range(len(encoder)), *(len(encoder) for _ in heads)]
        places += range(len(encoder) + 1, len(ours))
        tables.append(
            {name: ours[place] for name, place in zip((*encoder, *heads, *decoder), places, strict=True)}
        )
    return tables


def _layers(model: VAE) -> list[str]:
    """Return the names of the layers with weights, in their order, the encoder's first."""
    return [name.removesuffix(".weight") for name in model.state_dict() if name.endswith(".weight")]


def _of_network(network: _Network, tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | str:
    """Return the tensors of a network by its own names for them, or why they are not such a network's."""
    needed = [f"{name}.{kind}" for names in network.names for name in names for kind in ("weight", "bias")]
    first = next((name for name in tensors if f".{name}".endswith(f".{needed[0]}")), needed[0])
    prefix = first.removesuffix(needed[0])  # of a wrapper: "module.", or "_model." of Lightning
    inside = {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}
    roots = {name.partition(".")[0] for name in needed}
    lacking = [name for name in needed if name not in inside]
    further = [name for name in inside if name not in needed and name.partition(".")[0] in roots]
    if lacking:
        return f"it lacks {lacking[0]}" + (f" and {len(lacking) - 1} more" if len(lacking) > 1 else "")
    if further:
        return f"it has {further[0]} besides"
    for name in needed:
        if inside[name].dim() < (2 if name.endswith("weight") else 1):
            return f"its {name} has shape {tuple(inside[name].shape)}"
    return {name: inside[name] for name in needed}


def _filled(network: _Network, tensors: Mapping[str, Tensor], path: Path) -> VAE:
    """Build the network of ours with the weights of theirs."""
    encoder, heads, decoder = network.names
    first, code = tensors[f"{encoder[0]}.weight"], tensors[f"{decoder[0]}.weight"]
    channels = first.shape[1] if first.dim() == 4 else first.shape[-1] // 64**2
    model = network.build(max(1, int(code.shape[-1])), max(1, int(channels)))
    state = model.state_dict()
    for kind in ("weight", "bias"):
        if len({tensors[f"{name}.{kind}"].shape for name in heads}) > 1:
            raise ValueError(f"load_foreign: {path}: {kind} of {' and '.join(heads)} must have one shape")
        head = torch.cat([tensors[f"{name}.{kind}"] for name in heads])
        if network.turns:
            head = torch.cat([head[::2], head[1::2]])
        theirs = [
            *((name, tensors[f"{name}.{kind}"]) for name in encoder),
            (" and ".join(heads), head),
            *((name, tensors[f"{name}.{kind}"]) for name in decoder),
        ]
        for layer, (name, tensor) in zip(_layers(model), theirs, strict=True):
            shape = state[f"{layer}.{kind}"].shape
            if tensor.shape != shape:
                raise ValueError(
                    f"load_foreign: {path}: {kind} of {name} must have shape {tuple(shape)}, "
                    f"got {tuple(tensor.shape)}"
                )
            state[f"{layer}.{kind}"] = tensor
    model.load_state_dict(state)
    return model
