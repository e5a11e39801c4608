"""Quantile regression averaging against a linear program; historical simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from energy_assets.errors import InputError
from energy_assets.forecasting import quantile_regression as qr
from energy_assets.forecasting.scoring import pinball


def sample(rows: int = 300, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = 40 + 15 * rng.normal(size=rows)
    members = truth[:, None] + rng.normal(0, [2.0, 4.0, 8.0], (rows, 3))
    return members, truth + rng.standard_t(4, rows)


def exact_loss(members: np.ndarray, actual: np.ndarray, level: float) -> float:
    """Least mean check loss of a linear quantile regression, by linear programming (HiGHS)."""
    rows, count = members.shape
    cost = np.r_[np.zeros(count + 1), np.full(rows, level), np.full(rows, 1 - level)]
    equal = np.hstack([np.ones((rows, 1)), members, np.eye(rows), -np.eye(rows)])
    bounds = [(None, None)] * (count + 1) + [(0, None)] * (2 * rows)
    result = linprog(cost / rows, A_eq=equal, b_eq=actual, bounds=bounds, method="highs")
    return float(result.fun)


@pytest.mark.parametrize("level", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_loss_is_that_of_the_linear_program(level):
    members, actual = sample()
    levels = np.array([level])
    fitted = qr.fit(members, actual, levels, ridge=1e-9, bandwidth=1e-3)
    loss = pinball(fitted.predict(members), actual, levels)[0]
    assert loss == pytest.approx(exact_loss(members, actual, level), rel=1e-3)
    default = qr.fit(members, actual, levels)
    loss = pinball(default.predict(members), actual, levels)[0]
    assert loss == pytest.approx(exact_loss(members, actual, level), rel=0.06)


def test_quantiles_are_calibrated_and_favour_the_good_member():
    members, actual = sample(4000)
    fitted = qr.fit(members, actual)
    below = (actual[:, None] < fitted.predict(members)).mean(axis=0)
    np.testing.assert_allclose(below, qr.PERCENTILES, atol=0.015)
    assert fitted.weights[49, 0] > fitted.weights[49, 1] > fitted.weights[49, 2] > 0


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_never_crosses_and_stays_finite_with_few_rows(seed, rows, count):
    rng = np.random.default_rng(seed)
    members = rng.standard_t(2, (rows, count)) * 50
    quantiles = qr.fit(members, rng.standard_t(2, rows) * 50).predict(members)
    assert quantiles.shape == (rows, 99)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_identical_members_share_one_weight():
    members, actual = sample()
    doubled = np.column_stack([members, members[:, 0]])
    fitted = qr.fit(doubled, actual)
    np.testing.assert_allclose(fitted.weights[:, 0], fitted.weights[:, 3], atol=1e-6)


def test_member_that_never_varied_gets_no_weight():
    members, actual = sample()
    constant = np.column_stack([members, np.full(len(members), 7.0)])
    fitted = qr.fit(constant, actual)
    assert not fitted.weights[:, 3].any()
    np.testing.assert_allclose(
        fitted.predict(constant), qr.fit(members, actual).predict(members), atol=1e-4
    )
    only = qr.fit(np.full((50, 2), 3.0), np.arange(50.0))
    assert not only.weights.any()
    assert only.predict(np.array([3.0, 3.0]))[49] == pytest.approx(24.5, abs=1.0)


@pytest.mark.parametrize(("scale", "shift"), [(100.0, 0.0), (1.0, 1000.0), (0.01, -5.0)])
def test_follows_the_unit(scale, shift):
    members, actual = sample()
    plain = qr.fit(members, actual).predict(members)
    moved = qr.fit(members * scale + shift, actual * scale + shift)
    np.testing.assert_allclose(
        moved.predict(members * scale + shift), plain * scale + shift, atol=1e-3 * scale
    )


def test_perfect_members_give_a_point():
    actual = np.linspace(0, 100, 200)
    quantiles = qr.fit(np.column_stack([actual, actual]), actual).predict(actual[:, None] * [1, 1])
    np.testing.assert_allclose(quantiles, np.repeat(actual[:, None], 99, axis=1), atol=10)


def test_rows_with_nan_are_left_out_and_none_left_is_refused():
    members, actual = sample(100)
    holes = members.copy()
    holes[3, 1] = np.nan
    late = actual.copy()
    late[5] = np.nan
    kept = np.setdiff1d(np.arange(100), [3, 5])
    np.testing.assert_array_equal(
        qr.fit(holes, late).weights, qr.fit(members[kept], actual[kept]).weights
    )
    with pytest.raises(InputError, match="without NaN"):
        qr.fit(np.full((4, 2), np.nan), actual[:4])
    with pytest.raises(InputError, match="a row for each"):
        qr.fit(members, actual[:4])


def test_historical_simulation_adds_each_period_its_own_error_quantiles():
    rng = np.random.default_rng(4)
    errors = rng.normal(0, [1.0, 5.0], (3000, 2)) + np.array([0.0, 10.0])
    errors[7, 0] = np.nan
    quantiles = qr.historical_simulation(errors, np.array([20.0, 30.0]))
    assert quantiles.shape == (2, 99)
    np.testing.assert_allclose(quantiles[:, 49], [20.0, 40.0], atol=0.3)
    np.testing.assert_allclose(quantiles[:, 97], [20 + 2.054, 40 + 5 * 2.054], rtol=0.03)
    with pytest.raises(InputError, match="none in 1"):
        qr.historical_simulation(np.array([[1.0, np.nan]]), np.zeros(2))


def test_nonnegative_weights_are_those_of_the_constrained_linear_program():
    members, actual = sample()
    # A copy of the best member with extra noise subtracted invites a negative weight.
    rng = np.random.default_rng(5)
    noisy = np.column_stack([members, members[:, 0] + 3 * (members[:, 0] - actual)])
    noisy[:, 3] += rng.normal(0, 0.5, len(actual))
    for level in (0.1, 0.5, 0.9):
        levels = np.array([level])
        assert (qr.fit(noisy, actual, levels).weights < -0.05).any()
        fitted = qr.fit(noisy, actual, levels, ridge=1e-9, bandwidth=1e-3, nonnegative=True)
        assert (fitted.weights >= -1e-12).all()
        cost = np.r_[np.zeros(5), np.full(300, level), np.full(300, 1 - level)] / 300
        equal = np.hstack([np.ones((300, 1)), noisy, np.eye(300), -np.eye(300)])
        bounds = [(None, None)] + [(0, None)] * 604
        exact = linprog(cost, A_eq=equal, b_eq=actual, bounds=bounds, method="highs").fun
        loss = pinball(fitted.predict(noisy), actual, levels)[0]
        assert loss == pytest.approx(exact, rel=1e-3)
