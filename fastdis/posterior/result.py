"""Hold what the decomposition of the KL found."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from ._arguments import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class PosteriorDecomposition:
    """Hold the three parts of the KL in nats, each with the standard error of its outer expectation.

    A standard error is that of independent images. It is therefore an upper bound where z was drawn for all
    images, or for many without replacement. Of a single image there is none, and it is None.

    index_code_mi: I(x; z) = E log q(z|x) - log q(z), at most log N.
    total_correlation: KL(q(z) || prod_d q(z_d)).
    dimwise_kl: sum_d KL(q(z_d) || N(0, 1)); dimwise_kl_per_latent: its terms, (latent,) float64.
    kl: E log q(z|x) - log p(z) over the same samples; the sum of the three.
    truncation_error: a certified bound on what summing fewer than N^2 pairs, tabulating the marginals and
        rounding change in any log density, and so in any of the numbers.
    pairs_evaluated: the share of all pairs of a sample and a posterior that was evaluated.
    posteriors: the images in the mixture. queries: the images of the outer expectation. samples: z of each.
    log_qz: log q(z) of every sample, (samples, queries) float64.
    """

    index_code_mi: float
    index_code_mi_error: float | None
    total_correlation: float
    total_correlation_error: float | None
    dimwise_kl: float
    dimwise_kl_error: float | None
    dimwise_kl_per_latent: Float
    kl: float
    kl_error: float | None
    truncation_error: float
    pairs_evaluated: float
    posteriors: int
    queries: int
    samples: int
    log_qz: Float

    def to_dict(self) -> dict[str, Any]:
        """Return every number as plain Python, ready for JSON; log_qz is left out."""
        numbers = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("dimwise_kl_per_latent", "log_qz")
        }
        return numbers | {"dimwise_kl_per_latent": self.dimwise_kl_per_latent.tolist()}

    def __str__(self) -> str:
        some = "" if self.queries == self.posteriors else f" of {self.queries:,} of them drawn at random"
        parts = {
            "index-code MI": (self.index_code_mi, self.index_code_mi_error),
            "total correlation": (self.total_correlation, self.total_correlation_error),
            "dimension-wise KL": (self.dimwise_kl, self.dimwise_kl_error),
            "KL": (self.kl, self.kl_error),
        }
        lines = [f"q(z) over {self.posteriors:,} images, {self.samples} z from each{some}"]
        for name, (value, error) in parts.items():
            lines.append(f"  {name:<20}{value:9.4f}" + ("" if error is None else f" ± {error:.4f}"))
        share = f"{self.pairs_evaluated:.3%} of the pairs"
        lines.append(f"  nats, certified to {self.truncation_error:.1e} by {share}")
        return "\n".join(lines)
