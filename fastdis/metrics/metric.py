"""Every score, declared once, in the table that `evaluate`, the torchmetrics wrapper and the tests read."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias, get_args

from ._result import Result
from .aam import AAMResult, aam
from .beta_vae_score import BetaVAEResult, beta_vae_score
from .clusterability import ClusterabilityResult, clusterability
from .dci import DCIResult, dci
from .dcimig import DCIMIGResult, dcimig
from .downstream import DownstreamResult, downstream
from .explicitness import ExplicitnessResult, explicitness
from .factor_vae_score import FactorVAEResult, factor_vae_score
from .infomec import InfoMECResult, infomec
from .irs import IRSResult, irs
from .jemmig import JEMMIGResult, jemmig
from .linear_action import LinearActionResult, linear_action
from .mcc import MCCResult, mcc
from .mig import MIGResult, mig
from .mig_sup import MIGSupResult, mig_sup
from .modularity import ModularityResult, modularity
from .posterior_mig import PosteriorMIGResult, posterior_mig
from .r2 import R2Result, r2
from .robust_mig import RobustMIGResult, robust_mig
from .sap import SAPResult, sap
from .unsupervised import UnsupervisedResult, unsupervised

Group: TypeAlias = Literal["information", "prediction", "votes", "interventions", "unsupervised"]
Needs: TypeAlias = Literal["table", "classes", "votes", "codes", "posteriors"]
Change: TypeAlias = Literal[
    "samples reordered",
    "samples doubled",
    "codes reordered",
    "codes shifted",
    "codes scaled",  # each by a positive number of its own
    "codes scaled alike",
    "codes reflected",
    "factors reordered",
    "values renumbered",
]
Changes: TypeAlias = frozenset[Change]


@dataclass(frozen=True)
class Metric:
    """Declare a score: what one has to know about it before it is computed.

    name: what `evaluate` calls it.
    function: takes (codes, factors, *, ...); posterior_mig takes (mean, logvar, factors).
    result: the type of what the function returns, with its title, its definition and its largest value.
    group: the heading under which it is reported.
    needs: "table", the joint table of codes and factors; "classes", their rows; "votes", rows some of which
        share the value of a factor; "codes", no factors; "posteriors", means and log variances.
    unchanged_by: what may be done to the arrays without changing the score, the seed given.
    seeded: whether the score draws rows or votes, by a seed. Without, it is deterministic; a seed that its
        function takes is that of the interval.
    continuous: whether there is a rule for factors that are numbers and not classes; the others refuse them.
    """

    name: str
    function: Callable[..., Result]
    result: type[Result]
    group: Group
    needs: Needs
    unchanged_by: Changes
    seeded: bool = False
    continuous: bool = False

    @property
    def takes_confidence(self) -> bool:
        """Whether the function has an argument ``confidence``, for an interval over samples or votes."""
        return "confidence" in inspect.signature(self.function).parameters

    @property
    def no_interval(self) -> str:
        """Why there is no interval by resampling; empty where there is one."""
        return self.result.no_interval


_ALL: Changes = frozenset(get_args(Change))
_DRAWN = _ALL - {"samples reordered", "samples doubled"}  # rows drawn by their number
_ORDER: Changes = frozenset({"codes reordered", "factors reordered"})
_TREES: Changes = frozenset({"factors reordered", "codes shifted", "codes scaled", "codes scaled alike"})
_UNSCALED = _DRAWN - {"codes scaled", "codes scaled alike"}
_VOTES = _UNSCALED - {"factors reordered"}  # a vote draws the number of a factor

_R2 = _DRAWN - {"values renumbered"}
_CLUSTERS = _DRAWN - {"codes scaled"}
_STEPS = _DRAWN - {
    "codes scaled",
    "factors reordered",
    "values renumbered",
}  # pairs are drawn one factor after the other
_RATIOS = _ALL - {"codes scaled"}

_GBT, _LOGISTIC = partial(downstream, predictor="gbt"), partial(downstream, predictor="logistic")

# name, function, result, group, needs, unchanged_by, seeded, continuous; in the order of reports
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mig", mig, MIGResult, "information", "table", _ALL),
        Metric("mig_sup", mig_sup, MIGSupResult, "information", "table", _ALL),
        Metric("jemmig", jemmig, JEMMIGResult, "information", "table", _ALL),
        Metric("dcimig", dcimig, DCIMIGResult, "information", "table", _ALL),
        Metric("robust_mig", robust_mig, RobustMIGResult, "information", "table", _ALL),
        Metric("aam", aam, AAMResult, "information", "table", _ALL),
        Metric("modularity", modularity, ModularityResult, "information", "table", _ALL),
        Metric("infomec", infomec, InfoMECResult, "information", "classes", _RATIOS, True),
        Metric("posterior_mig", posterior_mig, PosteriorMIGResult, "information", "posteriors", _ALL),
        Metric("dci", dci, DCIResult, "prediction", "classes", _TREES, True, True),
        Metric("sap", sap, SAPResult, "prediction", "classes", _ORDER, True, True),
        Metric("r2", r2, R2Result, "prediction", "classes", _R2, True, True),
        Metric("mcc", mcc, MCCResult, "prediction", "classes", _ALL - {"values renumbered"}, False, True),
        Metric("explicitness", explicitness, ExplicitnessResult, "prediction", "classes", _DRAWN, True),
        Metric("downstream_gbt", _GBT, DownstreamResult, "prediction", "classes", _TREES, True),
        Metric("downstream_logistic", _LOGISTIC, DownstreamResult, "prediction", "classes", _UNSCALED, True),
        Metric(
            "clusterability", clusterability, ClusterabilityResult, "prediction", "classes", _CLUSTERS, True
        ),
        Metric("factor_vae_score", factor_vae_score, FactorVAEResult, "votes", "votes", _VOTES, True, True),
        Metric("beta_vae_score", beta_vae_score, BetaVAEResult, "votes", "votes", _VOTES, True, True),
        Metric("irs", irs, IRSResult, "interventions", "classes", _ALL - {"samples doubled", "codes scaled"}),
        Metric("linear_action", linear_action, LinearActionResult, "interventions", "classes", _STEPS, True),
        Metric("unsupervised", unsupervised, UnsupervisedResult, "unsupervised", "codes", _ALL),
    )
}
