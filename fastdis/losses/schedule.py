"""A setting that rises linearly with the steps of training."""

from torch import Tensor

from .. import _checks


def risen(function: str, step: int | Tensor | None, iterations: int) -> float | Tensor:
    """Compute min(1, step / iterations), from 0 at the first step.

    A step that is a tensor, as graphs captured on a GPU need it, gives a tensor.

    Raises:
        TypeError: step is None, or neither an integer nor a tensor.
        ValueError: step is below 0.

    Example:
        >>> risen("AnnealedVAE", 25, 100), risen("AnnealedVAE", 400, 100)
        (0.25, 1.0)
    """
    if step is None:
        raise TypeError(f"{function}: step must be the number of steps done before this one, got None")
    if isinstance(step, Tensor):
        return (step / iterations).clamp(max=1)
    return min(_checks.integer(function, "step", step, low=0) / iterations, 1.0)
