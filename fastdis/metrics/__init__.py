"""Scores of disentanglement: codes (samples, codes) and factors (samples, factors) in, a result out.

Every score takes NumPy arrays or tensors and returns a frozen result: ``.score``, its parts, ``.to_dict()``,
and a line when printed. Defaults follow Locatello et al. 2019. Units are nats.
"""

from .aam import AAMResult, aam
from .dcimig import DCIMIGResult, dcimig
from .evaluate import Evaluation, evaluate
from .jemmig import JEMMIGResult, jemmig
from .mig import MIGResult, mig
from .mig_sup import MIGSupResult, mig_sup
from .modularity import ModularityResult, modularity
from .robust_mig import RobustMIGResult, robust_mig
from .table import JointTable

__all__ = [
    "AAMResult",
    "DCIMIGResult",
    "Evaluation",
    "JEMMIGResult",
    "JointTable",
    "MIGResult",
    "MIGSupResult",
    "ModularityResult",
    "RobustMIGResult",
    "aam",
    "dcimig",
    "evaluate",
    "jemmig",
    "mig",
    "mig_sup",
    "modularity",
    "robust_mig",
]
