"""InfoMEC: against its equations written out, and by construction."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fastdis import metrics
from fastdis.metrics._sampling import split
from support import slow_metrics


def crossed(*sizes: int, repeats: int = 1) -> np.ndarray:
    grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.repeat(grid, repeats, axis=0)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    factors = crossed(2, 3, 4, repeats=20)
    noise = np.random.default_rng(0).standard_normal((480, 4))
    return np.column_stack([factors, factors.sum(axis=1)]) + 0.5 * noise, factors


def test_m_and_c_are_concentrations_of_normalised_information(data) -> None:
    codes, factors = data
    found = metrics.infomec(codes, factors)
    information = np.array(slow_metrics.information_matrix(codes, factors))
    nmi = information / np.array([slow_metrics.entropy(column.tolist()) for column in factors.T])
    np.testing.assert_allclose(found.nmi, nmi)
    modular = np.mean([max(row) / sum(row) for row in nmi])
    compact = np.mean([max(column) / sum(column) for column in nmi.T])
    assert found.score == found.infom == pytest.approx((modular - 1 / 3) / (1 - 1 / 3))
    assert found.infoc == pytest.approx((compact - 1 / 4) / (1 - 1 / 4))


def test_e_is_the_entropy_that_linear_classifiers_take_off(data) -> None:
    codes, factors = data
    found = metrics.infomec(codes, factors)
    learn, score = split("test", 480, 10_000, 5_000, np.random.default_rng(0))
    for k in range(3):
        labels, truth = factors[learn, k], factors[score, k]
        model = LogisticRegression(C=1e8, tol=1e-8, max_iter=5000).fit(codes[learn], labels)
        frequency = np.bincount(labels) / len(labels)
        null = log_loss(truth, np.tile(frequency, (len(truth), 1)), labels=np.arange(len(frequency)))
        expected = 1 - log_loss(truth, model.predict_proba(codes[score])) / null
        assert found.per_factor[k] == pytest.approx(expected, abs=0.01)
    assert found.infoe == pytest.approx(found.per_factor.mean())
    assert found.infoe < found.infoe_train < 1


def test_by_construction() -> None:
    factors = crossed(3, 4, repeats=40)
    codes = factors.astype(np.float64)
    perfect = metrics.infomec(codes, factors)
    for part in (perfect.infom, perfect.infoc, perfect.infoe):
        assert part == pytest.approx(1, abs=1e-3)
    twice = metrics.infomec(np.hstack([codes, codes]), factors)
    assert twice.infom == pytest.approx(1)
    assert twice.infoc == pytest.approx((1 / 2 - 1 / 4) / (1 - 1 / 4))
    turned = metrics.infomec(codes @ [[1.0, 1.0], [1.0, -1.0]], factors)
    assert turned.infom < 0.25
    assert turned.infoe > 0.9
    dead = metrics.infomec(np.zeros((480, 3)), factors)
    assert (dead.infom, dead.infoc, dead.active_codes) == (0, 0, ())
    assert dead.infoe == pytest.approx(0, abs=1e-4)


def test_a_code_of_a_twentieth_of_the_range_is_not_active() -> None:
    factors = crossed(3, 4, repeats=10)
    codes = np.column_stack([factors, 0.1 * factors.sum(axis=1)])
    found = metrics.infomec(codes, factors)
    assert found.active_codes == (0, 1, 2)
    small = metrics.infomec(codes * [1, 1, 0.25], factors)
    assert small.active_codes == (0, 1)
    assert small.infom == pytest.approx(1)
    assert found.infom < 0.9


def test_codes_without_information_count_as_chance() -> None:
    factors = crossed(2, 4, repeats=20)
    codes = np.column_stack([factors, np.tile(np.arange(20), 8)])  # the last says nothing
    found = metrics.infomec(codes, factors)
    assert found.infom == pytest.approx(2 / 3)
    assert found.infoc == pytest.approx(1)
