"""The joint table: NumPy's edges, chunks, processes."""

import numpy as np
import pytest
import torch

from fastdis import metrics
from fastdis.metrics import JointTable
from support import workers


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, size, 5000) for size in (3, 6, 40)], axis=1)
    codes = rng.standard_normal((5000, 4)) + factors[:, [0, 1, 2, 0]] / 9
    return codes.astype(np.float32), factors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [1, 20, 257])
def test_edges_are_those_of_numpy(dtype: type, bins: int) -> None:
    rng = np.random.default_rng(1)
    for scale in (1e-20, 1e-3, 1.0, 1e5):
        codes = (rng.standard_normal((300, 5)) * scale + rng.standard_normal(5) * scale).astype(dtype)
        codes[:, 4] = 0.3  # constant: NumPy widens by 1/2
        table = JointTable.of(codes, rng.integers(0, 2, (300, 1)), bins=bins)
        for edges, column in zip(table.edges.numpy(), codes.T, strict=True):
            np.testing.assert_array_equal(edges, np.histogram(column, bins)[1])


def test_chunks_and_merging_give_the_bits_of_one_pass(data: tuple[np.ndarray, np.ndarray]) -> None:
    codes, factors = data
    whole = JointTable.of(codes, factors)
    parts = [JointTable(codes.min(axis=0), codes.max(axis=0), [3, 6, 40]) for _ in range(2)]
    for start in range(0, 5000, 700):
        parts[start % 1400 // 700].update(codes[start : start + 700], factors[start : start + 700])
    merged = parts[0].merge(parts[1])
    assert torch.equal(merged.counts, whole.counts)
    assert merged.samples == 5000
    assert metrics.mig(merged).score == metrics.mig(codes, factors).score
    assert metrics.jemmig(merged).score == metrics.jemmig(codes, factors).score


def test_two_processes_give_the_bits_of_one(data: tuple[np.ndarray, np.ndarray], tmp_path) -> None:
    torch.multiprocessing.spawn(workers.fill_table, (str(tmp_path), *data), nprocs=2)
    whole = JointTable.of(*data).counts.numpy()
    for rank in range(2):
        np.testing.assert_array_equal(np.load(tmp_path / f"{rank}.npy"), whole)


def test_pairs_sum_to_the_samples(data: tuple[np.ndarray, np.ndarray]) -> None:
    table = JointTable.of(*data)
    for k, size in enumerate((3, 6, 40)):
        pairs = table.pairs(k)
        assert pairs.shape == (4, 20, size)
        np.testing.assert_array_equal(pairs.sum(dim=(1, 2)).numpy(), [5000] * 4)
        np.testing.assert_array_equal(pairs[0].sum(dim=0).numpy(), np.bincount(data[1][:, k]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda c, f: (c + 9, f), ValueError, "codes must lie within the range"),
        (lambda c, f: (c, f + 3), ValueError, "factors must be below 3 in column 0, got class 5"),
        (lambda c, f: (c[:, :3], f), ValueError, "must have 4 and 3 columns, got 3 and 3"),
        (lambda c, f: (c.astype(np.float64), f), TypeError, "codes must have the dtype of the range"),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused(data, change, error, message) -> None:
    codes, factors = data
    table = JointTable(codes.min(axis=0), codes.max(axis=0), [3, 6, 40])
    with pytest.raises(error, match=message):
        table.update(*change(codes, factors))
    assert table.samples == 0


def test_what_a_table_cannot_be_made_of_is_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    low, high = np.zeros(2, np.float32), np.ones(2, np.float32)
    with pytest.raises(ValueError, match="low and high must be finite, low at most high"):
        JointTable(high, low, [3])
    with pytest.raises(ValueError, match=r"low and high must have shape \(codes,\)"):
        JointTable(low, high[:1], [3])
    with pytest.raises(TypeError, match="low and high must be float32 or float64"):
        JointTable(low.astype(int), high.astype(int), [3])
    with pytest.raises(ValueError, match="factor_sizes must all be at least 1"):
        JointTable(low, high, [3, 0])
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        JointTable(low, high, [3], bins=0)
    with pytest.raises(ValueError, match="at least 1 sample, got 0"):
        metrics.mig(JointTable(low, high, [3]))
    with pytest.raises(ValueError, match="same range, bins and factor sizes"):
        JointTable(low, high, [3]).merge(JointTable(low, high, [4]))
    with pytest.raises(TypeError, match="factors must be left out where a JointTable is given"):
        metrics.mig(JointTable.of(*data), data[1])
    with pytest.raises(TypeError, match="factors must be given beside codes"):
        metrics.mig(data[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_code_of_any_size_lies_in_one_bin(dtype: type) -> None:
    largest = float(np.finfo(dtype).max)
    for value in (0.3, -1e8, 2.0**53, 1e30, -largest, largest):
        codes = np.full((40, 1), value, dtype)
        table = JointTable.of(codes, np.arange(40)[:, None] % 2)
        assert (np.diff(table.edges.numpy()) > 0).all()
        assert np.count_nonzero(table.counts.sum(dim=2)) == 1
        assert table.information().mutual_information == 0
