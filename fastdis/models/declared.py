"""The models by name: one entry each, which the command line and the tests read."""

from collections.abc import Callable
from dataclasses import dataclass

from .burgess import burgess_autoencoder, burgess_vae
from .hierarchical import hierarchical_vae
from .infogan import infogan
from .ista import ista_autoencoder
from .kim import kim_2d_vae, kim_3d_vae
from .mlp import chen_vae, linear_vae
from .song import song_vae
from .tied import linear_autoencoder, mlp_autoencoder, stacked_autoencoder
from .vae import VAE


@dataclass(frozen=True)
class Model:
    """State what can be known of a model before it is built.

    make: a function of ``latents``, ``channels`` and settings of its own, by name.
    kind: which objectives it suits: those whose own model is of the same kind. "vae" draws its codes from
        posteriors, "layers" has several layers of them, "ae" has codes without noise, "gan" generates images
        and reads the codes back.
    side: the height and width of its images, in pixels.
    """

    make: Callable[..., VAE]
    kind: str = "vae"
    side: int = 64


MODELS = {
    "burgess": Model(burgess_vae),
    "kim-2d": Model(kim_2d_vae),
    "kim-3d": Model(kim_3d_vae),
    "chen": Model(chen_vae),
    "song": Model(song_vae),
    "linear": Model(linear_vae),
    "burgess-ae": Model(burgess_autoencoder, kind="ae"),
    "mlp-ae": Model(mlp_autoencoder, kind="ae"),
    "linear-ae": Model(linear_autoencoder, kind="ae"),
    "stacked-ae": Model(stacked_autoencoder, kind="ae"),
    "ista-ae": Model(ista_autoencoder, kind="ae"),
    "hierarchical": Model(hierarchical_vae, kind="layers"),
    "infogan": Model(infogan, kind="gan"),
}
