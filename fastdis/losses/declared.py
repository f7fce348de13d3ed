"""The objectives by name: one entry each, which the command line, the training loop and the tests read."""

from dataclasses import dataclass

from torch import nn

from .ada_gvae import AdaGVAE
from .ada_ml_vae import AdaMLVAE
from .adaptive_capacity_vae import AdaptiveCapacityVAE
from .ae import AE
from .annealed_vae import AnnealedVAE
from .beta_tcvae import BetaTCVAE
from .beta_vae import BetaVAE
from .constrained_vae import ConstrainedVAE
from .contractive_ae import ContractiveAE
from .denoising_ae import DenoisingAE
from .dip_vae import DIPVAE
from .factor_vae import FactorVAE
from .hfvae import HFVAE
from .hierarchical_elbo import HierarchicalELBO
from .infogan import InfoGAN
from .kl_weighted_vae import KLWeightedVAE
from .per_latent_capacity_vae import PerLatentCapacityVAE
from .sparse_ae import SparseAE
from .stacked_denoising_ae import StackedDenoisingAE
from .vae import VAE


@dataclass(frozen=True)
class Objective:
    """State what can be known of an objective before it is built.

    make: its class.
    model: the model it trains unless told otherwise, by its name in `fastdis.models.MODELS`; any other model
        of the same kind suits it too.
    pairs: whether its batches are pairs of images, as `fastdis.data.Pairs` gives them.
    players: whose optimisers take turns in a step, as ``optimizers`` and ``turns`` of the class name them. A
        player other than "model" is a network that the objective builds, and an argument of its class.
    """

    make: type[nn.Module]
    model: str = "burgess"
    pairs: bool = False
    players: tuple[str, ...] = ("model",)


OBJECTIVES = {
    "vae": Objective(VAE),
    "beta-vae": Objective(BetaVAE),
    "annealed-vae": Objective(AnnealedVAE),
    "per-latent-capacity-vae": Objective(PerLatentCapacityVAE),
    "adaptive-capacity-vae": Objective(AdaptiveCapacityVAE),
    "kl-weighted-vae": Objective(KLWeightedVAE),
    "constrained-vae": Objective(ConstrainedVAE),
    "beta-tcvae": Objective(BetaTCVAE),
    "factor-vae": Objective(FactorVAE, players=("model", "discriminator")),
    "dip-vae": Objective(DIPVAE),
    "hfvae": Objective(HFVAE),
    "hierarchical-elbo": Objective(HierarchicalELBO, model="hierarchical"),
    "ada-gvae": Objective(AdaGVAE, pairs=True),
    "ada-ml-vae": Objective(AdaMLVAE, pairs=True),
    "ae": Objective(AE, model="burgess-ae"),
    "denoising-ae": Objective(DenoisingAE, model="burgess-ae"),
    "sparse-ae": Objective(SparseAE, model="burgess-ae"),
    "contractive-ae": Objective(ContractiveAE, model="mlp-ae"),
    "stacked-denoising-ae": Objective(StackedDenoisingAE, model="stacked-ae"),
    "infogan": Objective(InfoGAN, model="infogan", players=("model", "critic")),
}
