"""What no arithmetic carries is refused by name; what it carries is right, at the ends of the range too."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fastdis import metrics, posterior
from fastdis.kernels import aggregated_posterior

Float = NDArray[np.float64]

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "decompose": posterior.decompose,
    "log_density": lambda mean, logvar: posterior.log_density(mean, mean, logvar),
    "sharded_log_density": lambda mean, logvar: posterior.sharded_log_density(mean, mean, logvar),
    "marginal_log_density": lambda mean, logvar: posterior.marginal_log_density(mean, mean, logvar),
    "marginal_curves": posterior.marginal_curves,
}


def codes(dtype: Any) -> tuple[Float, Float]:
    mean = np.random.default_rng(0).standard_normal((40, 3)).astype(dtype)
    return mean, np.full_like(mean, -4)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("dtype", "name", "value", "rule"),
    [
        ("f8", "logvar", -800, "between -200 and 200 in float64, got -800"),
        ("f8", "logvar", 800, "between -200 and 200 in float64, got 800"),
        ("f8", "logvar", -200.5, "between -200 and 200 in float64, got -200.5"),
        ("f4", "logvar", 300, "between -80 and 80 in float32, got 300"),
        ("f4", "logvar", -81, "between -80 and 80 in float32, got -81"),
        ("f8", "mean", 1e300, "between -1e+100 and 1e+100 in float64, got 1e+300"),
        ("f4", "mean", -1e16, "between -1e+15 and 1e+15 in float32, got -1e+16"),
        ("f4", "logvar", math.nan, "finite, got nan"),
        ("f4", "mean", -math.inf, "finite, got -inf"),
    ],
)
def test_absurd_posteriors_are_refused_by_name(
    function: str, dtype: str, name: str, value: float, rule: str
) -> None:
    mean, logvar = codes(dtype)
    (mean if name == "mean" else logvar)[7, 2] = value
    with pytest.raises(ValueError, match=re.escape(rule)) as refused:
        FUNCTIONS[function](mean, logvar)
    assert str(refused.value).startswith(f"{function}: {name} must be ")
    assert str(refused.value).endswith(" in row 7, column 2")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("logvar", [-800.0, 701.0, 2000.0])
def test_the_quadrature_of_mig_refuses_them_too(dtype: str, logvar: float) -> None:
    mean, spread = codes(dtype)
    spread[7, 2] = logvar
    rule = f"posterior_mig: logvar must lie between -700 and 700, got {logvar:g} in row 7, column 2"
    with pytest.raises(ValueError, match=rule):
        metrics.posterior_mig(mean, spread, np.arange(40)[:, None] % 2)


def test_points_out_of_range_are_refused_by_name() -> None:
    mean, logvar = codes("f8")
    for function in (posterior.log_density, posterior.marginal_log_density, posterior.sharded_log_density):
        rule = rf"^{function.__name__}: z must be between -1e\+104 and 1e\+104 in float64"
        with pytest.raises(ValueError, match=rule):
            function(mean * 1e300, mean, logvar)


def test_posteriors_too_narrow_for_their_distance_are_refused() -> None:
    mean, logvar = codes("f8")
    logvar[5, 1] = -70
    rule = (
        r"leave less than 1e\+13 standard deviations .*, got -70 in row 5, column 1, which makes \d\.\de\+15"
    )
    for function in ("decompose", "log_density", "sharded_log_density"):
        with pytest.raises(ValueError, match=rf"^{function}: logvar must {rule}$"):
            FUNCTIONS[function](mean, logvar)
    # beside wide posteriors, whose samples lie far out
    logvar[5, 1], logvar[6, 1] = -30, 70
    with pytest.raises(ValueError, match="decompose: logvar must leave less than"):
        posterior.decompose(mean, logvar)
    mean[:, 1] = 0.5
    logvar[:, 1] = -190
    assert math.isfinite(posterior.decompose(mean, logvar).kl)


@pytest.mark.parametrize(
    ("dtype", "mean", "logvar"),
    [
        *(("f4", 0.0, value) for value in (-80, -60, 60, 80)),
        *(("f8", 0.0, value) for value in (-200, -100, 100, 200)),
        *(("f8", value, -4) for value in (1e15, 1e100)),
        ("f4", 1e15, -4),
    ],
)
def test_the_ends_of_the_range_are_right(dtype: str, mean: float, logvar: float) -> None:
    """Of one Gaussian the KL is 1/2 (mean^2 + e^logvar - 1 - logvar), and there is nothing to tell."""
    means = np.full((2000, 2), mean, dtype)
    result = posterior.decompose(means, np.full_like(means, logvar))
    exact = 0.5 * (mean**2 + math.exp(logvar) - 1 - logvar)
    assert result.dimwise_kl_per_latent == pytest.approx(exact, rel=0.1)
    assert result.index_code_mi == pytest.approx(0, abs=1e-3)
    assert result.total_correlation == pytest.approx(0, abs=1e-3)
    assert 0 < result.truncation_error <= 1e-4


def far_and_narrow() -> tuple[Float, Float, Float]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((60, 4)), rng.standard_normal((300, 4)), rng.uniform(-50, -36, (300, 4))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("equal", [False, True])
def test_points_far_from_everything_are_within_the_bound(dtype: str, equal: bool) -> None:
    """Rounding a log density of -1e17 takes more than a sum relative to it can hold."""
    z, mean, logvar = (array.astype(dtype) for array in far_and_narrow())
    if equal:
        mean[:], logvar[:] = mean[0], logvar[0]
    points, centre, spread = (torch.from_numpy(array) for array in (z, mean, logvar))
    found, error, _ = aggregated_posterior.log_density(points, centre, spread)
    exact, _, _ = aggregated_posterior.log_density(points, centre, spread, backend="reference")
    assert exact.max() < -1e14
    assert ((found - exact).abs() <= error + 1e-15 * exact.abs()).all()
    assert (error <= 1e-12 * exact.abs()).all()


def test_float32_does_not_round_narrow_posteriors_away() -> None:
    """A deviation of 1e-9 beside a mean of 1 is lost in float32: the samples would all be the means."""
    mean = np.arange(1.0, 401.0, dtype="f4").reshape(400, 1)
    logvar = np.full_like(mean, 2 * math.log(1e-9))
    found, exact = posterior.decompose(mean, logvar), posterior.decompose(mean.astype("f8"), logvar)
    assert found.kl == exact.kl
    log_conditional = -0.5 * (1 + 2 * math.log(1e-9) + math.log(2 * math.pi))  # its mean over the noise
    log_prior = float((-0.5 * (mean.astype("f8") ** 2 + math.log(2 * math.pi))).mean())
    assert found.kl == pytest.approx(log_conditional - log_prior, abs=0.15)


def test_a_single_image_has_no_standard_error() -> None:
    result = posterior.decompose(np.array([[0.5]]), np.array([[-2.0]]), samples=3)
    names = ("index_code_mi_error", "total_correlation_error", "dimwise_kl_error", "kl_error")
    assert [getattr(result, name) for name in names] == [None] * 4
    assert [json.loads(json.dumps(result.to_dict()))[name] for name in names] == [None] * 4
    assert "nan" not in str(result)
    assert "±" not in str(result)
    several = posterior.decompose(np.array([[0.5], [1.0]]), np.array([[-2.0], [-1.0]]))
    assert str(several).count("±") == 4


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"samples": 0}, ValueError, "samples must be at least 1, got 0"),
        ({"samples": True}, TypeError, "samples must be an integer, got bool"),
        ({"samples": 2.0}, TypeError, "samples must be an integer, got float 2.0"),
        ({"seed": -1}, ValueError, "seed must be between 0 and 9,223,372,036,854,775,807, got -1"),
        ({"seed": 2**63}, ValueError, "seed must be between 0 and"),
        ({"seed": 0.5}, TypeError, "seed must be an integer, got float 0.5"),
        ({"max_pairs": math.nan}, ValueError, "max_pairs must be finite and above 0, got nan"),
        ({"max_pairs": -1}, ValueError, "max_pairs must be finite and above 0, got -1"),
        ({"max_pairs": "all"}, TypeError, "max_pairs must be a number, got str 'all'"),
        ({"tolerance": math.nan}, ValueError, "tolerance must be between 1e-15 and 1, got nan"),
        ({"tolerance": 0}, ValueError, "tolerance must be between 1e-15 and 1, got 0"),
        ({"tolerance": 5e-324}, ValueError, "tolerance must be between 1e-15 and 1, got"),
        ({"tolerance": "1e-4"}, TypeError, "tolerance must be a number, got str '1e-4'"),
        ({"queries": 0}, ValueError, "queries must be between 1 and 40, got 0"),
        ({"queries": 41}, ValueError, "queries must be between 1 and 40, got 41"),
        ({"queries": 2.5}, TypeError, "queries must be an integer, got float 2.5"),
        ({"queries": "all"}, ValueError, "queries must be 'auto' or an integer, got 'all'"),
    ],
)
def test_numbers_out_of_range(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^decompose: {re.escape(message)}"):
        posterior.decompose(*codes("f4"), **options)


def test_numpy_numbers_and_no_limit_are_taken() -> None:
    mean, logvar = codes("f4")
    expected = posterior.decompose(mean, logvar, samples=2, queries=20, seed=3)
    found = posterior.decompose(
        mean, logvar, samples=np.int64(2), queries=np.int32(20), seed=np.uint8(3), max_pairs=math.inf
    )
    assert found.kl == expected.kl
    assert posterior.marginal_curves(mean, logvar, points=np.int64(5))[0].shape == (5, 3)
    with pytest.raises(ValueError, match="marginal_curves: points must be at least 2, got 1"):
        posterior.marginal_curves(mean, logvar, points=1)


def test_arrays_of_another_machine_are_read() -> None:
    mean, logvar = codes("f8")
    expected = posterior.decompose(mean, logvar).kl
    assert posterior.decompose(mean.astype(">f8"), logvar.astype(">f8")).kl == expected
    assert posterior.decompose(mean.astype(np.longdouble), logvar).kl == expected
