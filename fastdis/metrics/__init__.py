"""Scores of disentanglement: codes (samples, codes) and factors (samples, factors) in, a result out.

Every score takes NumPy arrays or tensors and returns a frozen result: ``.score``, its parts, ``.to_dict()``,
and a line when printed. `METRICS` declares them all. Defaults follow Locatello et al. 2019. Units are nats.
"""

from ._errors import NoInterval, NotComputable
from ._result import Interval, Result
from .aam import AAMResult, aam
from .beta_vae_score import BetaVAEResult, beta_vae_score
from .dci import DCIResult, dci
from .dcimig import DCIMIGResult, dcimig
from .downstream import DownstreamResult, downstream
from .evaluate import Evaluation, evaluate
from .explicitness import ExplicitnessResult, explicitness
from .factor_vae_score import FactorVAEResult, factor_vae_score
from .files import read_arrays
from .irs import IRSResult, irs
from .jemmig import JEMMIGResult, jemmig
from .metric import METRICS, Metric
from .mig import MIGResult, mig
from .mig_sup import MIGSupResult, mig_sup
from .modularity import ModularityResult, modularity
from .posterior_mig import PosteriorMIGResult, posterior_mig
from .r2 import R2Result, r2
from .robust_mig import RobustMIGResult, robust_mig
from .sap import SAPResult, sap
from .table import JointTable
from .unsupervised import UnsupervisedResult, unsupervised

__all__ = [
    "METRICS",
    "AAMResult",
    "BetaVAEResult",
    "DCIMIGResult",
    "DCIResult",
    "DownstreamResult",
    "Evaluation",
    "ExplicitnessResult",
    "FactorVAEResult",
    "IRSResult",
    "Interval",
    "JEMMIGResult",
    "JointTable",
    "MIGResult",
    "MIGSupResult",
    "Metric",
    "ModularityResult",
    "NoInterval",
    "NotComputable",
    "PosteriorMIGResult",
    "R2Result",
    "Result",
    "RobustMIGResult",
    "SAPResult",
    "UnsupervisedResult",
    "aam",
    "beta_vae_score",
    "dci",
    "dcimig",
    "downstream",
    "evaluate",
    "explicitness",
    "factor_vae_score",
    "irs",
    "jemmig",
    "mig",
    "mig_sup",
    "modularity",
    "posterior_mig",
    "r2",
    "read_arrays",
    "robust_mig",
    "sap",
    "unsupervised",
]
