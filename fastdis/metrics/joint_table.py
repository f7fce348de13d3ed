"""The joint table of codes and factors, from which several scores follow, and its entropies in nats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks
from ..kernels import joint_histogram
from ._arguments import Array, Checked, checked, checked_whole, wide
from ._errors import NotComputable
from ._factors import scored_factors

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Information:
    """Entropies and mutual information in nats, by the plug-in estimator; constant factors are left out.

    mutual_information: (codes, factors).
    code_entropy: (codes,), of the binned codes.
    factor_entropy: (factors,).
    factors: the columns of the factors kept.
    values: how many values of each occur.
    samples, bins: of the table.
    """

    mutual_information: Float
    code_entropy: Float
    factor_entropy: Float
    factors: tuple[int, ...]
    values: tuple[int, ...]
    samples: int
    bins: int

    @property
    def joint_entropy(self) -> Float:
        """H(code, factor) = H(code) + H(factor) - I(code; factor), (codes, factors)."""
        return self.code_entropy[:, None] + self.factor_entropy - self.mutual_information


class JointTable:
    """counts[code, bin, o_k + value]: how often each bin of a code meets each value of factor k.

    Bins are NumPy's: equal widths over the range of a code, the maximum in the last bin. Counts are integers,
    so any order of :meth:`update`, any number of threads and any split over processes give the same bits.

    Attributes:
        counts: (codes, bins, values of all factors) int64.
        edges: (codes, bins + 1), in the dtype of the codes.
        sizes: the number of values of each factor.
        complete: the samples are known to be every combination of the factors, equally often.
        replicates: entropies of resampled samples, for confidence intervals; () unless asked for.

    Args:
        low: the smallest value of each code over the whole data set, (codes,), float32 or float64.
        high: the largest, like low.
        factor_sizes: one more than the largest class of each factor.
        bins: the number of bins.

    Example:
        A data set larger than memory, in two chunks whose range is known:

        >>> import numpy as np
        >>> codes = np.array([[0.0], [0.1], [0.9], [1.0]])
        >>> factors = np.array([[0], [0], [1], [1]])
        >>> table = JointTable(codes.min(axis=0), codes.max(axis=0), [2], bins=2)
        >>> for rows in (slice(0, 2), slice(2, 4)):
        ...     _ = table.update(codes[rows], factors[rows])
        >>> table.information().mutual_information.round(4).tolist()  # log 2
        [[0.6931]]
    """

    def __init__(self, low: Array, high: Array, factor_sizes: Sequence[int], *, bins: int = 20) -> None:
        self.edges = _edges(torch.as_tensor(low), torch.as_tensor(high), bins)
        self.sizes = tuple(int(size) for size in factor_sizes)
        if not self.sizes or min(self.sizes) < 1:
            raise ValueError(f"JointTable: factor_sizes must all be at least 1, got {self.sizes}")
        self.counts = torch.zeros(
            len(self.edges), bins, sum(self.sizes), dtype=torch.int64, device=self.edges.device
        )
        self.replicates: tuple[Information, ...] = ()
        self.complete = False

    @classmethod
    def of(
        cls,
        codes: Array,
        factors: Array,
        *,
        bins: int = 20,
        replicates: int = 0,
        seed: int = 0,
        function: str = "JointTable",
    ) -> "JointTable":
        """Count a whole data set, binned over its own range.

        Args:
            codes, factors: as every score takes them.
            bins: the number of bins.
            replicates: how many times to resample the samples, each weighted by a draw from Poisson(1), the
                same for all codes and factors; a complete grid has no sampling error and is not resampled.
            seed: of the weights.
            function: the name that errors begin with.

        Raises:
            TypeError, ValueError, RuntimeError: as every score raises them.
            NotComputable: there are fewer samples than bins.
        """
        data = checked_whole(function, codes, factors)
        _checks.integer(function, "bins", bins)
        _checks.integer(function, "replicates", replicates, low=0)
        _checks.seed(function, seed)
        if len(data.codes) < bins:
            raise NotComputable(
                f"{function}: codes must have at least bins={bins} rows, got {len(data.codes)}"
                f"{wide(data.codes)}"
            )
        table = cls(data.low, data.high, data.sizes, bins=bins)
        table._add(data)
        if replicates:
            table.complete = is_complete(data.classes.cpu().numpy())
            if not table.complete:
                table.replicates = _resample(function, table, data, replicates, seed)
        return table

    @property
    def samples(self) -> int:
        """The number of rows counted."""
        return int(self.counts[0, :, : self.sizes[0]].sum())

    def update(self, codes: Array, factors: Array) -> "JointTable":
        """Count more rows, and return the table.

        Raises:
            ValueError: another number of columns, a code out of range, a class beyond its factor's size.
            TypeError: codes of another dtype than the range, which would be rounded differently.
        """
        data = checked("JointTable.update", codes, factors)
        if data.codes.dtype != self.edges.dtype:
            raise TypeError(
                f"JointTable.update: codes must have the dtype of the range, {self.edges.dtype}, "
                f"got {data.codes.dtype}"
            )
        columns = (data.codes.shape[1], data.classes.shape[1])
        if columns != (len(self.edges), len(self.sizes)):
            raise ValueError(
                f"JointTable.update: codes and factors must have {len(self.edges)} and {len(self.sizes)} "
                f"columns, got {columns[0]} and {columns[1]}"
            )
        low, high = self.edges[:, 0], self.edges[:, -1]
        if bool((data.low < low).any() | (data.high > high).any()):
            row, d = (int(i) for i in ((data.codes < low) | (data.codes > high)).nonzero()[0])
            raise ValueError(
                f"JointTable.update: codes must lie within the range, {float(low[d])} to {float(high[d])} "
                f"in column {d}, got {float(data.codes[row, d])} in row {row}"
            )
        for k, (size, most) in enumerate(zip(data.sizes, self.sizes, strict=True)):
            if size > most:
                raise ValueError(
                    f"JointTable.update: factors must be below {most} in column {k}, got class {size - 1}"
                )
        self._add(data)
        return self

    def merge(self, other: "JointTable") -> "JointTable":
        """Add the counts of a table with the same range, bins and factor sizes, and return this one."""
        if self.sizes != other.sizes or not torch.equal(self.edges, other.edges):
            raise ValueError("JointTable.merge: other must have the same range, bins and factor sizes")
        self.counts += other.counts
        self.replicates, self.complete = (), False
        return self

    def all_reduce(self, group: "torch.distributed.ProcessGroup | None" = None) -> "JointTable":
        """Add up the counts of all processes of a torch.distributed group, in each, and return the table."""
        torch.distributed.all_reduce(self.counts, group=group)
        self.replicates, self.complete = (), False
        return self

    def pairs(self, factor: int) -> Tensor:
        """Return the counts of one factor, (codes, bins, values)."""
        start = sum(self.sizes[:factor])
        return self.counts[:, :, start : start + self.sizes[factor]]

    def information(self, *, function: str = "JointTable.information") -> Information:
        """Compute entropies and mutual information; warn of constant factors and leave them out.

        Raises:
            NotComputable: nothing was counted, no factor varies, or one looks continuous.
        """
        samples = self.samples
        if samples == 0:
            raise NotComputable(f"{function}: the table must hold at least 1 sample, got 0")
        counts = self.counts.cpu().numpy()
        ends = np.cumsum(self.sizes)
        by_value = np.split(counts[0].sum(axis=0), ends[:-1])
        keep = scored_factors(function, by_value)
        mutual, code_entropy, factor_entropy = nats(counts.astype(np.float64), self.sizes)
        return Information(
            mutual_information=mutual[:, keep],
            code_entropy=code_entropy,
            factor_entropy=factor_entropy[keep],
            factors=tuple(keep),
            values=tuple(int(np.count_nonzero(by_value[k])) for k in keep),
            samples=samples,
            bins=counts.shape[1],
        )

    def _add(self, data: Checked) -> None:
        self.replicates, self.complete = (), False
        self.counts += joint_histogram.joint_histogram(data.codes, data.classes, self.edges, self.sizes)


def nats(counts: Float, sizes: Sequence[int]) -> tuple[Float, Float, Float]:
    """Return mutual information (..., codes, factors), H(code) (..., codes) and H(factor) (..., factors).

    I = sum_bv n_bv / n log(n_bv n / (n_b n_v)), counts of shape (..., codes, bins, values of all factors).
    Where a code has one bin only, every ratio is exactly 1 and I exactly 0.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    by_bin = counts[..., : sizes[0]].sum(axis=-1, keepdims=True)
    by_value = counts.sum(axis=-2, keepdims=True)
    n = by_bin.sum(axis=-2, keepdims=True)
    expected = by_bin * by_value
    ratio = np.divide(counts * n, expected, out=np.ones_like(counts), where=counts > 0)
    terms = (counts * np.log(ratio, out=ratio)).sum(axis=-2)
    mutual = np.maximum(np.add.reduceat(terms, starts, axis=-1) / n[..., 0], 0.0)
    factor_entropy = np.add.reduceat(_entropy_terms(by_value / n), starts, axis=-1)[..., 0, 0, :]
    return mutual, _entropy_terms(by_bin / n).sum(axis=(-2, -1)), factor_entropy


def bin_numbers(codes: Tensor, edges: Tensor) -> Tensor:
    """Return the bin of every value, (samples, codes) int64."""
    columns = zip(edges[:, 1:-1].contiguous(), codes.T.contiguous(), strict=True)
    return torch.stack([torch.searchsorted(inner, code, right=True) for inner, code in columns], dim=1)


def _entropy_terms(p: Float) -> Float:
    """Return -p log p, 0 at 0."""
    return -p * np.log(p, out=np.zeros_like(p), where=p > 0)


def _edges(low: Tensor, high: Tensor, bins: int) -> Tensor:
    """Return the edges that np.histogram computes, (codes, bins + 1); around a constant code, low -+ 1/2.

    Where bins are narrower than the dtype resolves, edges coincide and the bins between them stay empty.
    np.histogram refuses such a code; a score must not, since codes do collapse.
    """
    _checks.integer("JointTable", "bins", bins)
    if low.dim() != 1 or low.shape != high.shape or not len(low):
        raise ValueError(
            f"JointTable: low and high must have shape (codes,), got {tuple(low.shape)}, {tuple(high.shape)}"
        )
    if low.dtype not in (torch.float32, torch.float64) or high.dtype != low.dtype:
        raise TypeError(
            f"JointTable: low and high must be float32 or float64, got {low.dtype} and {high.dtype}"
        )
    ends = torch.stack([low, high], dim=1).cpu().numpy()
    if not np.isfinite(ends).all() or (ends[:, 0] > ends[:, 1]).any():
        raise ValueError("JointTable: low and high must be finite, low at most high")
    constant = ends[:, :1] == ends[:, 1:]
    largest = np.finfo(ends.dtype).max
    # 1/2 is lost beside a constant of 2**53, and so are bins between it and its neighbours
    half = np.maximum(0.5, bins * np.finfo(ends.dtype).eps * np.abs(ends[:, :1]))
    with np.errstate(over="ignore"):
        around = (ends.astype(np.float64) + half * [-1, 1]).clip(-largest, largest)
        ends = np.where(constant, around, ends).astype(ends.dtype)
        edges = np.stack([np.linspace(first, last, bins + 1, dtype=ends.dtype) for first, last in ends])
    if not np.isfinite(edges).all():
        raise ValueError(f"JointTable: high - low must be finite in {ends.dtype}, got {ends.tolist()}")
    return torch.from_numpy(edges).to(low.device)


def is_complete(classes: NDArray[np.generic]) -> bool:
    """Tell whether the samples (samples, factors) are every combination of values, each equally often."""
    key, combinations = np.zeros(len(classes), np.int64), 1
    for column in classes.T:
        values = np.unique(column)
        key = key * len(values) + np.searchsorted(values, column)
        combinations *= len(values)
        if combinations > len(key):
            return False
    counts = np.bincount(key, minlength=combinations)
    return bool((counts == counts[0]).all())


def _resample(
    function: str, table: JointTable, data: Checked, replicates: int, seed: int
) -> tuple[Information, ...]:
    """Return the entropies of other samples from the same population: the Poisson bootstrap."""
    inner = table.edges[:, 1:-1].contiguous()
    bins = torch.stack(
        [
            torch.searchsorted(edge, code.contiguous(), right=True)
            for edge, code in zip(inner, data.codes.T, strict=True)
        ]
    ).cpu()
    classes = data.classes.T.to("cpu", torch.int32)
    observed = table.information(function=function)
    keep = list(observed.factors)
    sizes = [table.sizes[k] for k in keep]
    generator = np.random.default_rng(seed)
    found: list[Information] = []
    per_batch = max(1, 2**24 // len(data.codes))  # 16 MB of weights
    for start in range(0, replicates, per_batch):
        count = min(per_batch, replicates - start)
        weights = torch.from_numpy(generator.poisson(size=(count, len(data.codes))).astype(np.uint8))
        sums = joint_histogram.resampled_sums(bins, classes[keep], weights, sizes)
        joint, by_bin, by_value = (part.numpy() for part in sums)
        n = weights.sum(dim=1, dtype=torch.int64).double().numpy()
        log_n = np.log(n)
        mutual = (joint - by_bin[:, :, None] - by_value[:, None]) / n[:, None, None] + log_n[:, None, None]
        mutual[mutual < 1e-12] = 0.0  # of a constant code it is 0, without rounding errors
        found += [
            replace(observed, mutual_information=m, code_entropy=code, factor_entropy=factor)
            for m, code, factor in zip(
                mutual,
                log_n[:, None] - by_bin / n[:, None],
                log_n[:, None] - by_value / n[:, None],
                strict=True,
            )
        ]
    return tuple(found)
