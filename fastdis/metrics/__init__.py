"""Scores of disentanglement: codes (samples, codes) and factors (samples, factors) in, a result out.

Every score takes NumPy arrays or tensors and returns a frozen result: ``.score``, its parts, ``.to_dict()``,
and a line when printed. Defaults follow Locatello et al. 2019. Units are nats.
"""

from .mig import MIGResult, mig
from .table import JointTable

__all__ = ["JointTable", "MIGResult", "mig"]
