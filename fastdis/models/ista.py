"""Sparse coding by unrolled iterations: ISTA with the decoder's dictionary; LISTA, which learns its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import _checks
from ._layers import check_codes, check_images
from .autoencoder import Autoencoder


class Dictionary(nn.Module):
    """Map codes to images by a sum of atoms of length 1: x = D z.

    The atoms are the columns of the weight, divided by their lengths: without a fixed length large atoms and
    small codes would make any L1 penalty vanish (Olshausen & Field 1996).

    Args:
        latents: number of atoms.
        image_shape: (channels, height, width).

    Shape:
        z (batch, latents) -> (batch, *image_shape).

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> atoms = fastdis.models.Dictionary(3, image_shape=(1, 8, 8)).atoms()
        >>> atoms.shape, torch.allclose(atoms.norm(dim=0), torch.ones(3))
        (torch.Size([64, 3]), True)
    """

    def __init__(self, latents: int = 10, *, image_shape: Sequence[int] = (1, 64, 64)) -> None:
        super().__init__()
        self.latents = _checks.integer("Dictionary", "latents", latents)
        self.image_shape = torch.Size(
            _checks.integer("Dictionary", f"image_shape[{axis}]", size)
            for axis, size in enumerate(_checks.sequence("Dictionary", "image_shape", image_shape))
        )
        atoms = torch.randn(self.image_shape.numel(), self.latents)
        self.weight = nn.Parameter(nn.functional.normalize(atoms, dim=0))

    def atoms(self) -> Tensor:
        """Return D, (pixels, latents), with columns of length 1."""
        return nn.functional.normalize(self.weight, dim=0)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        return (z @ self.atoms().T).view(len(z), *self.image_shape)


class ISTAEncoder(nn.Module):
    """Encode by iterative shrinkage and thresholding: minimise 1/2 |x - D z|² + weight Σ_d |z_d| over z.

    ::

        z <- shrink(z - D^T (D z - x) / L, weight / L),    z = 0 first
        shrink(v, t) = sign(v) max(|v| - t, 0)

    Daubechies et al. 2004; Gregor & LeCun 2010 (Learning Fast Approximations of Sparse Coding).
    L is the largest sum of a row of |D^T D|, no less than its largest eigenvalue, so that no step raises the
    objective. One iteration is an encoder whose weights are the decoder's, transposed: this is how lecture 15
    explains tied weights. The dictionary belongs to the decoder, which a model must hold too.

    With ``learned`` it is LISTA (Gregor & LeCun): z <- shrink(W x + S z, t) with W, S and t of its own, that
    begin as those of ISTA, t at least 0. Trained on the same objective it needs far fewer iterations.

    Args:
        dictionary: the decoder.
        weight: the weight of the absolute values, finite and at least 0: that of the objective.
        iterations: how many, at least 1.
        learned: learn W, S and t.

    Shape:
        images (batch, *image_shape) -> codes (batch, latents).

    Raises:
        TypeError: weight is not a number, iterations not an integer, or the images do not have the dtype of
            the weights.
        ValueError: one of them is out of range, or the images have another shape.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> dictionary = fastdis.models.Dictionary(2, image_shape=(1, 1, 2))
        >>> with torch.no_grad():
        ...     dictionary.weight.copy_(torch.eye(2)) is None  # orthogonal atoms: the solution is shrink(x)
        False
        >>> encoder = fastdis.models.ISTAEncoder(dictionary, weight=0.25, iterations=1)
        >>> encoder(torch.tensor([[[[1.0, 0.125]]]])).tolist()
        [[0.75, 0.0]]
    """

    def __init__(
        self, dictionary: Dictionary, *, weight: float = 1.0, iterations: int = 20, learned: bool = False
    ) -> None:
        super().__init__()
        self.weight = _checks.number("ISTAEncoder", "weight", weight, low=0)
        self.iterations = _checks.integer("ISTAEncoder", "iterations", iterations)
        self._dictionary = (dictionary,)  # a tuple, so that it stays the decoder's
        self.channels = dictionary.image_shape[0]
        self.learned = learned
        if learned:
            with torch.no_grad():
                first, again, threshold = self._steps()
            self.first, self.again = nn.Parameter(first.clone()), nn.Parameter(again.clone())
            self.threshold = nn.Parameter(threshold.expand(dictionary.latents).clone())

    def forward(self, images: Tensor) -> Tensor:
        dictionary = self._dictionary[0]
        check_images(self, images, tuple(dictionary.image_shape), dictionary)
        pixels = images.flatten(1).to(dictionary.weight.dtype)
        if images.is_meta:  # torch has no autocast there
            return self._solved(pixels)
        with torch.autocast(images.device.type, enabled=False):  # many steps: half precision would add up
            return self._solved(pixels)

    def _solved(self, pixels: Tensor) -> Tensor:
        first, again, threshold = (
            (self.first, self.again, self.threshold.relu()) if self.learned else self._steps()
        )
        driven = pixels @ first
        z = shrink(driven, threshold)
        for _ in range(self.iterations - 1):
            z = shrink(driven + z @ again, threshold)
        return z

    def _steps(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return D/L, I - D^T D/L and weight/L, which a step is made of."""
        atoms = self._dictionary[0].atoms()
        gram = atoms.T @ atoms
        bound = gram.abs().sum(1).amax()
        eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        return atoms / bound, eye - gram / bound, self.weight / bound

    def extra_repr(self) -> str:
        return f"weight={self.weight}, iterations={self.iterations}, learned={self.learned}"


def shrink(values: Tensor, threshold: Tensor) -> Tensor:
    """Move values towards 0 by a threshold of at least 0, those within it to 0.

    Example:
        >>> import torch
        >>> shrink(torch.tensor([-2.0, 0.5, 2.0]), torch.tensor(1.0))
        tensor([-1.,  0.,  1.])
    """
    return (values - threshold).relu() - (-values - threshold).relu()


def ista_autoencoder(
    latents: int = 10,
    *,
    channels: int = 1,
    weight: float = 1.0,
    iterations: int = 20,
    learned: bool = False,
) -> Autoencoder:
    """Build a dictionary and the encoder that solves for its sparse codes: ISTA, or LISTA if ``learned``.

    Train it with `fastdis.losses.SparseAE` of likelihood "gaussian" and the same weight.

    Args:
        latents: number of atoms.
        channels: channels of the images, at least 1.
        weight: the weight of the absolute values, finite and at least 0.
        iterations: of the encoder, at least 1.
        learned: learn the encoder's matrices, which then are not the dictionary's.

    Raises:
        TypeError: a size is not an integer, or weight is not a number.
        ValueError: one of them is out of range.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.ista_autoencoder(latents=5)(torch.rand(2, 1, 64, 64)).z.shape
        torch.Size([2, 5])
    """
    latents, channels, iterations = _checks.integers(
        "ista_autoencoder", latents=latents, channels=channels, iterations=iterations
    )
    weight = _checks.number("ista_autoencoder", "weight", weight, low=0)
    dictionary = Dictionary(latents, image_shape=(channels, 64, 64))
    encoder = ISTAEncoder(dictionary, weight=weight, iterations=iterations, learned=learned)
    return Autoencoder(encoder, dictionary)
