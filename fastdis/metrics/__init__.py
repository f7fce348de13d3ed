"""Scores of disentanglement: codes (samples, codes) and factors (samples, factors) in, a result out.

Every score takes NumPy arrays or tensors and returns a frozen result: ``.score``, its parts, ``.to_dict()``,
and a line when printed. `METRICS` declares them all. Defaults follow Locatello et al. 2019. Units are nats.
"""

from ._errors import NoInterval, NotComputable
from ._result import Interval, Result
from .aam import AAMResult, aam
from .beta_vae_score import BetaVAEResult, beta_vae_score
from .clusterability import ClusterabilityResult, clusterability
from .dci import DCIResult, dci
from .dcimig import DCIMIGResult, dcimig
from .downstream import DownstreamResult, downstream
from .evaluate import Evaluation, evaluate
from .explicitness import ExplicitnessResult, explicitness
from .factor_vae_score import FactorVAEResult, factor_vae_score
from .files import read_arrays
from .infomec import InfoMECResult, infomec
from .irs import IRSResult, irs
from .jemmig import JEMMIGResult, jemmig
from .joint_table import JointTable
from .linear_action import LinearActionResult, linear_action
from .linear_interpolation import LinearInterpolationResult, linear_interpolation
from .mcc import MCCResult, mcc
from .metric import METRICS, Metric
from .mig import MIGResult, mig
from .mig_sup import MIGSupResult, mig_sup
from .modularity import ModularityResult, modularity
from .posterior_mig import PosteriorMIGResult, posterior_mig
from .r2 import R2Result, r2
from .robust_mig import RobustMIGResult, robust_mig
from .sap import SAPResult, sap
from .udr import UDRResult, udr
from .unsupervised import UnsupervisedResult, unsupervised

__all__ = [
    "METRICS",
    "AAMResult",
    "BetaVAEResult",
    "ClusterabilityResult",
    "DCIMIGResult",
    "DCIResult",
    "DownstreamResult",
    "Evaluation",
    "ExplicitnessResult",
    "FactorVAEResult",
    "IRSResult",
    "InfoMECResult",
    "Interval",
    "JEMMIGResult",
    "JointTable",
    "LinearActionResult",
    "LinearInterpolationResult",
    "MCCResult",
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
    "UDRResult",
    "UnsupervisedResult",
    "aam",
    "beta_vae_score",
    "clusterability",
    "dci",
    "dcimig",
    "downstream",
    "evaluate",
    "explicitness",
    "factor_vae_score",
    "infomec",
    "irs",
    "jemmig",
    "linear_action",
    "linear_interpolation",
    "mcc",
    "mig",
    "mig_sup",
    "modularity",
    "posterior_mig",
    "r2",
    "read_arrays",
    "robust_mig",
    "sap",
    "udr",
    "unsupervised",
]
