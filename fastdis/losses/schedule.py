"""How far a setting has come that rises with the steps of training."""

from torch import Tensor


def risen(function: str, step: int | Tensor | None, iterations: int) -> float | Tensor:
    """min(1, step / iterations), from 0 at the first step; a tensor for a tensor, as captured graphs need.

    Raises:
        TypeError: step is None.

    Example:
        >>> risen("AnnealedVAE", 25, 100), risen("AnnealedVAE", 400, 100)
        (0.25, 1.0)
    """
    if step is None:
        raise TypeError(f"{function}: step must be the number of steps done before this one, got None")
    share = step / iterations
    return share.clamp(max=1) if isinstance(share, Tensor) else min(share, 1.0)
