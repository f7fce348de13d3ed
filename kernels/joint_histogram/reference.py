"""The specification, in plain PyTorch, on any device."""

from collections.abc import Sequence

import torch
from torch import Tensor


def code_range(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of each column; amin and amax propagate NaN."""
    return codes.amin(dim=0), codes.amax(dim=0)


def narrow_classes(factors: Tensor) -> tuple[Tensor, Tensor]:
    """The factors as int64, and the largest class of each, 65,536 or more where one is out of range."""
    classes = factors.to(torch.int64)
    return classes, torch.where(classes < 0, 65_536, classes).amax(dim=0)


def joint_histogram(codes: Tensor, classes: Tensor, edges: Tensor, sizes: Sequence[int]) -> Tensor:
    """counts[d, b, o_k + c]: the bin is the number of inner edges at or below the value."""
    bins = edges.shape[1] - 1
    counts = []
    for code, inner in zip(codes.T, edges[:, 1:-1], strict=True):
        bin_of = torch.searchsorted(inner.contiguous(), code.contiguous(), right=True)
        pairs = [
            torch.bincount(bin_of * size + classes[:, k].long(), minlength=bins * size).reshape(bins, size)
            for k, size in enumerate(sizes)
        ]
        counts.append(torch.cat(pairs, dim=1))
    return torch.stack(counts)


def resampled_sums(
    bins: Tensor, classes: Tensor, weights: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of n log n over the cells, bins and values of each weighted table."""

    def sums(cells: Tensor) -> Tensor:
        counts = torch.stack([torch.bincount(cells, weights=w) for w in weights.double()])
        return torch.xlogy(counts, counts).sum(dim=1)

    values = [column.long() for column in classes]
    joint = [
        torch.stack([sums(row.long() * size + c) for c, size in zip(values, sizes, strict=True)], dim=1)
        for row in bins
    ]
    by_bin = torch.stack([sums(row.long()) for row in bins], dim=1)
    return torch.stack(joint, dim=1), by_bin, torch.stack([sums(c) for c in values], dim=1)
