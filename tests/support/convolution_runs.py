"""Runs of convolutions whose forward pass is exact in float32."""

import itertools

import torch
from torch import Tensor

# widths of the run, then height and width of the images of the smaller side
RUNS = {
    "one layer": ((32, 32), 8, 8),
    "burgess": ((1, 32, 32, 32, 32), 4, 4),
    "kim, colour": ((3, 32, 32, 64, 64), 4, 4),
    "two channels": ((2, 32, 96), 4, 4),
    "rectangles": ((32, 64, 32), 12, 20),
}
Run = tuple[list[Tensor], list[float], bool]


def run_of(name: str, transposed: bool, batch: int, slope: float = 0.0) -> Run:
    """(images, weights..., biases...), slopes (the last layer's is 1 if transposed), direction.

    The numbers are small integers, biases a half more: every sum of the forward pass is exact in float32, so
    that no rounding can move a value over the kink of its rectifier and change a gradient by all of it.
    """
    widths, height, width = RUNS[name]
    torch.manual_seed(0)
    weights = [
        (torch.rand(c, f, 4, 4) < 2 / f**0.5).double() * torch.randint(-1, 2, (c, f, 4, 4))
        for f, c in itertools.pairwise(widths)
    ]
    scale = 2 ** len(weights)
    shape = (widths[0], scale * height, scale * width)
    slopes = [slope] * len(weights)
    outputs = widths[1:]
    if transposed:
        weights.reverse()
        shape = (widths[-1], height, width)
        slopes[-1] = 1.0
        outputs = widths[-2::-1]
    biases = [torch.randint(-3, 3, (c,)).double() + 0.5 for c in outputs]
    return [torch.randint(-2, 3, (batch, *shape)).double(), *weights, *biases], slopes, transposed
