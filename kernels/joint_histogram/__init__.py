"""How often each bin of a code meets each value of a factor: one pass over the data, every pair counted.

For codes z of shape (samples, codes) and factors v of shape (samples, factors)::

    counts[d, b, o_k + c] = #{ i : bin_d(z_id) = b and v_ik = c },    o_k = |V_1| + ... + |V_(k-1)|
    bin_d(x)              = #{ j in 1 .. bins - 1 : edges[d, j] <= x }

so that bin_d(x) is ``np.digitize(x, edges[d, :-1]) - 1``, with the largest value in the last bin. Counts are
integers: no bit of them depends on the order of the samples or on the number of threads.

Least work, a sample: a subtraction, a product and a comparison for each code, one increment for each code and
factor; 4 codes + 2 factors bytes read (float32 codes, 16-bit classes). On the CPU factors are merged while
the counters of a code fit the L1 cache: five factors of dSprites count as three, which leaves three
increments a code instead of five. On the GPU bins are found once and written transposed, then each factor is
counted in shared memory: 4 codes factors bytes more are read, and no atomic addition reaches memory.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _dispatch
from . import reference

LARGEST_CLASS = 65_535


def code_range(codes: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Find the smallest and largest value of each code, (codes,) each; NaN for a code that holds a NaN.

    Args:
        codes: (samples, codes), float32 or float64.
        backend: "auto", "reference" or "numba".
    """
    if _dispatch.choose("code_range", backend, codes) == "numba":
        from . import numba_cpu

        return numba_cpu.code_range(codes)
    return reference.code_range(codes)


def narrow_classes(factors: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Give the classes in the type the histogram reads, and each factor's largest class, (factors,) int64.

    A class below 0 or above 65,535 makes the largest class of its factor at least 65,536.

    Args:
        factors: (samples, factors), an integer dtype.
        backend: "auto", "reference" or "numba".
    """
    if _dispatch.choose("narrow_classes", backend, factors) == "numba":
        from . import numba_cpu

        return numba_cpu.narrow_classes(factors)
    return reference.narrow_classes(factors)


def joint_histogram(
    codes: Tensor, classes: Tensor, edges: Tensor, sizes: Sequence[int], *, backend: str = "auto"
) -> Tensor:
    """Count every (bin of a code, value of a factor), (codes, bins, sum of sizes) int64.

    Args:
        codes: (samples, codes), float32 or float64, each within its edges.
        classes: (samples, factors), from :func:`narrow_classes`, each below its size.
        edges: (codes, bins + 1), ascending, in the dtype of the codes.
        sizes: the number of values of each factor.
        backend: "auto", "reference", "numba" or "triton".

    Raises:
        ValueError: the backend's name is unknown.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch
        >>> codes, factors = torch.tensor([[0.1], [0.2], [0.9]]), torch.tensor([[0], [1], [1]])
        >>> classes, _ = narrow_classes(factors)
        >>> joint_histogram(codes, classes, torch.tensor([[0.0, 0.5, 1.0]]), [2]).tolist()
        [[[1, 1], [0, 1]]]
    """
    chosen = _dispatch.choose("joint_histogram", backend, codes, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        return numba_cpu.joint_histogram(codes, classes, edges, sizes)
    if chosen == "triton":
        from . import triton_gpu

        with torch.cuda.device_of(codes):
            return triton_gpu.joint_histogram(codes, classes, edges, sizes)
    return reference.joint_histogram(codes, classes, edges, sizes)


def resampled_sums(
    bins: Tensor, classes: Tensor, weights: Tensor, sizes: Sequence[int], *, backend: str = "auto"
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute what entropies need of the joint table of weighted samples, for many sets of weights.

    With n the weighted counts of a set r: joint[r, d, k] = sum_bc n_bc log n_bc, by_bin[r, d] = sum_b n_b
    log n_b and by_value[r, k] = sum_c n_c log n_c, from which I = (joint - by_bin - by_value) / n + log n.

    Args:
        bins: (codes, samples) int32, the bin of each code from 0.
        classes: (factors, samples) int32, each below its size.
        weights: (sets, samples) uint8.
        sizes: the number of values of each factor.
        backend: "auto", "reference" or "numba".

    Returns:
        joint (sets, codes, factors), by_bin (sets, codes) and by_value (sets, factors), float64.
    """
    if _dispatch.choose("resampled_sums", backend, bins) == "numba":
        from . import numba_cpu

        return numba_cpu.resampled_sums(bins, classes, weights, sizes)
    return reference.resampled_sums(bins, classes, weights, sizes)
