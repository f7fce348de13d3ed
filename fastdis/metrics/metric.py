"""Every score, declared once, in the table that `evaluate`, the torchmetrics wrapper and the tests read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from ._result import Result
from .aam import AAMResult, aam
from .beta_vae_score import BetaVAEResult, beta_vae_score
from .dci import DCIResult, dci
from .dcimig import DCIMIGResult, dcimig
from .downstream import DownstreamResult, downstream
from .explicitness import ExplicitnessResult, explicitness
from .factor_vae_score import FactorVAEResult, factor_vae_score
from .irs import IRSResult, irs
from .jemmig import JEMMIGResult, jemmig
from .mig import MIGResult, mig
from .mig_sup import MIGSupResult, mig_sup
from .modularity import ModularityResult, modularity
from .posterior_mig import PosteriorMIGResult, posterior_mig
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
    """Declare a score: all that is to be known of it before it is computed.

    name: what `evaluate` calls it.
    function: takes (codes, factors, *, ...); posterior_mig takes (mean, logvar, factors).
    result: the type of what the function returns, with its title, its definition and its largest value.
    group: the heading under which it is reported.
    needs: "table", the joint table of codes and factors; "classes", their rows; "votes", rows some of which
        share the value of a factor; "codes", no factors; "posteriors", means and log variances.
    unchanged_by: what may be done to the arrays without changing the score, the seed given.
    deterministic: whether the score draws nothing; then it takes a seed only for its interval, if at all.
    """

    name: str
    function: Callable[..., Result]
    result: type[Result]
    group: Group
    needs: Needs
    unchanged_by: Changes
    deterministic: bool = True

    @property
    def takes_confidence(self) -> bool:
        """Whether the function has an argument ``confidence``, for an interval over samples or votes."""
        return self.needs in ("table", "votes")

    @property
    def no_interval(self) -> str:
        """Why there is no interval by resampling; empty where there is one."""
        return self.result.no_interval


_CODES: Changes = frozenset({"codes reordered"})
_FACTORS: Changes = frozenset({"factors reordered"})
_AFFINE: Changes = frozenset({"codes shifted", "codes scaled", "codes scaled alike", "codes reflected"})
_DOUBLED: Changes = frozenset({"samples doubled"})
_SAMPLES: Changes = frozenset({"samples reordered"})
_VALUES: Changes = frozenset({"values renumbered"})
_MOVED: Changes = frozenset({"codes shifted", "codes reflected"})
_OWN_SCALE: Changes = frozenset({"codes scaled"})
_REFLECTED: Changes = frozenset({"codes reflected"})
_ALL = _CODES | _FACTORS | _AFFINE | _DOUBLED | _SAMPLES | _VALUES
_TREES = _FACTORS | _AFFINE - _REFLECTED
_VOTES = _CODES | _MOVED | _VALUES

_GBT, _LOGISTIC = partial(downstream, predictor="gbt"), partial(downstream, predictor="logistic")

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
        Metric("posterior_mig", posterior_mig, PosteriorMIGResult, "information", "posteriors", _ALL),
        Metric(
            "explicitness",
            explicitness,
            ExplicitnessResult,
            "prediction",
            "classes",
            _ALL - _DOUBLED - _SAMPLES,
            False,
        ),
        Metric("sap", sap, SAPResult, "prediction", "classes", _CODES | _FACTORS, False),
        Metric("dci", dci, DCIResult, "prediction", "classes", _TREES, False),
        Metric("downstream_gbt", _GBT, DownstreamResult, "prediction", "classes", _TREES, False),
        Metric(
            "downstream_logistic",
            _LOGISTIC,
            DownstreamResult,
            "prediction",
            "classes",
            _VOTES | _FACTORS,
            False,
        ),
        Metric("factor_vae_score", factor_vae_score, FactorVAEResult, "votes", "votes", _VOTES, False),
        Metric("beta_vae_score", beta_vae_score, BetaVAEResult, "votes", "votes", _VOTES, False),
        Metric("irs", irs, IRSResult, "interventions", "classes", _ALL - _DOUBLED - _OWN_SCALE),
        Metric("unsupervised", unsupervised, UnsupervisedResult, "unsupervised", "codes", _ALL),
    )
}
