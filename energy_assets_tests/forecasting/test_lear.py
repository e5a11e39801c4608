"""LEAR: the solver against scikit-learn, the transform, gaps, shapes and speed of the layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.forecasting import lear
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.coordinate_descent import solve_targets


def market(days: int = 120, periods: int = 24, seed: int = 7) -> tuple[np.ndarray, ...]:
    """Prices driven by a residual load with weekly shape, and the residual load's forecast."""
    rng = np.random.default_rng(seed)
    weekday = np.arange(days) % 7
    level = np.cumsum(rng.normal(0, 1, days))[:, None]
    shape = 10 * np.sin(np.arange(periods) / periods * 2 * np.pi)
    wind = rng.normal(0, 1, (days, 1)) + rng.normal(0, 0.3, (days, periods))
    prices = 40 + level + shape - 8 * wind - 6 * (weekday >= 5)[:, None]
    return prices + rng.normal(0, 0.5, (days, periods)), wind, weekday


def problem(days: int = 120, periods: int = 24):
    prices, wind, weekday = market(days, periods)
    features, dummies = lear.feature_matrix(prices, [wind], weekday)
    return features[7:], prices[7:], dummies


def solved(x: np.ndarray, y: np.ndarray, shares: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and penalties at each share of the smallest all-zero penalty, warm-started."""
    gram, correlations = x.T @ x / len(x), np.ascontiguousarray(y.T @ x / len(x))
    largest = np.abs(correlations).max(axis=1)
    coefficients, gradients = np.zeros_like(correlations), correlations.copy()
    path = []
    for share in shares:
        solve_targets(gram, share * largest, coefficients, gradients, 1e-13 * y.var(0), 10_000)
        np.testing.assert_allclose(gradients, correlations - coefficients @ gram, atol=1e-9)
        path.append(coefficients.copy())
    return np.stack(path), np.outer(shares, largest)


def collinear(rows: int, columns: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(size=(rows, columns)), axis=1)
    x[:, 4] = x[:, 3]
    y = x[:, :3].sum(axis=1)[:, None] + rng.normal(0, 1.0, (rows, 4))
    return x - x.mean(0), y - y.mean(0)


@pytest.mark.parametrize(("rows", "columns"), [(200, 30), (25, 60)])
def test_solver_reaches_the_optimum_scikit_learn_finds(rows, columns):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = collinear(rows, columns)
    path, penalties = solved(x, y, [0.3, 0.1, 0.03])
    for p in range(4):
        for beta, penalty in zip(path[:, p], penalties[:, p], strict=True):
            model = linear_model.Lasso(
                alpha=penalty, tol=1e-10, max_iter=200_000, fit_intercept=False
            )
            other = model.fit(x, y[:, p]).coef_
            ours, theirs = (
                ((y[:, p] - x @ b) ** 2).mean() / 2 + penalty * np.abs(b).sum()
                for b in (beta, other)
            )
            assert ours <= theirs * (1 + 1e-9)
            np.testing.assert_allclose(x @ beta, x @ other, atol=1e-3)


@given(st.integers(0, 10_000), st.integers(10, 80), st.integers(6, 80))
@settings(max_examples=30, deadline=None)
def test_solution_meets_the_optimality_conditions(seed, rows, columns):
    x, y = collinear(rows, columns, seed)
    path, penalties = solved(x, y, [1.0, 0.5, 0.2, 0.05])
    assert not path[0].any()
    for coefficients, penalty in zip(path, penalties, strict=True):
        gradient = (y - x @ coefficients.T).T @ x / rows
        band = penalty[:, None] * np.ones(columns)
        assert (np.abs(gradient) <= band * (1 + 1e-3)).all()
        on = coefficients != 0
        expected = (band * np.sign(coefficients))[on]
        np.testing.assert_allclose(gradient[on], expected, rtol=1e-3)


@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(-500, 500))
@settings(max_examples=25, deadline=None)
def test_transform_round_trip(seed, scale, shift):
    values = np.random.default_rng(seed).standard_t(2, (40, 3)) * scale + shift
    transform = Asinh.fit(values, np.array([False, False, True]))
    transformed = transform.forward(values)
    np.testing.assert_array_equal(transformed[:, 2], values[:, 2])
    np.testing.assert_allclose(transform.inverse(transformed), values, rtol=1e-7, atol=1e-6 * scale)


@pytest.mark.parametrize("periods", [24, 48, 96])
@pytest.mark.parametrize("days", [56, 120])
def test_beats_the_weekly_naive_for_every_resolution_and_with_few_days(periods, days):
    features, targets, dummies = problem(days + 20, periods)
    errors, naive = [], []
    for day in range(len(targets) - 10, len(targets)):
        forecast = lear.fit_predict(features[:day], targets[:day], features[day], dummies=dummies)
        assert forecast.shape == (periods,)
        errors.append(np.abs(forecast - targets[day]).mean())
        naive.append(np.abs(targets[day - 7] - targets[day]).mean())
    assert np.mean(errors) < 0.5 * np.mean(naive)


def test_hourly_features_serve_quarter_hour_targets():
    features, targets, dummies = problem(100, 24)
    quarters = np.repeat(targets, 4, axis=1) + np.tile([-1.0, -0.5, 0.5, 1.0], 24)
    forecast = lear.fit_predict(features[:-1], quarters[:-1], features[-1], dummies=dummies)
    hourly = lear.fit_predict(features[:-1], targets[:-1], features[-1], dummies=dummies)
    np.testing.assert_allclose(forecast.reshape(24, 4).mean(axis=1), hourly, atol=1e-3)


def test_forecast_does_not_depend_on_the_unit():
    features, targets, dummies = problem()
    plain = lear.fit_predict(features[:-1], targets[:-1], features[-1], dummies=dummies)
    units = np.where(dummies, 1.0, 1000.0)
    scaled = lear.fit_predict(
        features[:-1] * units, 100 * targets[:-1], features[-1] * units, dummies=dummies
    )
    np.testing.assert_allclose(scaled, 100 * plain, rtol=1e-6)


def test_rows_with_gaps_are_left_out_and_nothing_else():
    features, targets, dummies = problem()
    gaps = features.copy()
    gaps[10, 3] = np.nan
    late = targets.copy()
    late[20, 5] = np.nan
    kept = np.setdiff1d(np.arange(len(features) - 1), [10, 20])
    np.testing.assert_array_equal(
        lear.fit_predict(gaps[:-1], late[:-1], features[-1], dummies=dummies),
        lear.fit_predict(features[kept], targets[kept], features[-1], dummies=dummies),
    )


def test_feature_missing_tomorrow_is_left_out_of_the_fit():
    features, targets, dummies = problem()
    tomorrow = features[-1].copy()
    tomorrow[100:103] = np.nan
    without = np.delete(np.arange(len(tomorrow)), [100, 101, 102])
    np.testing.assert_array_equal(
        lear.fit_predict(features[:-1], targets[:-1], tomorrow, dummies=dummies),
        lear.fit_predict(
            features[:-1, without], targets[:-1], tomorrow[without], dummies=dummies[without]
        ),
    )


def test_constant_columns_get_no_weight_and_constant_targets_are_returned():
    features, targets, dummies = problem()
    features[:, 5] = 12.3
    targets[:, 4] = 0.0
    model = lear.fit(features[:-1], targets[:-1], dummies=dummies)
    assert not model.coefficients[:, 5].any()
    assert model.predict(features[-1])[4] == 0.0


def test_forecast_stays_near_what_was_seen():
    features, targets, dummies = problem()
    wild = np.where(dummies, features[-1], features[-1] * 1e6)
    forecast = lear.fit_predict(features[:-1], targets[:-1], wild, dummies=dummies)
    spread = np.ptp(targets)
    assert (np.abs(forecast - targets.mean()) < 10 * spread).all()


def test_recent_days_count_more_with_a_half_life():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 3))
    y = np.where(np.arange(200) < 150, x[:, 0], -x[:, 0])[:, None] * np.ones(4)
    weighted = lear.fit(x, y, lear.LearConfig(half_life_days=10))
    plain = lear.fit(x, y)
    assert (weighted.coefficients[:, 0] < 0).all()
    assert (plain.coefficients[:, 0] > 0).all()


def test_repeated_fit_is_bit_identical():
    features, targets, dummies = problem()
    first, second = (
        lear.fit_predict(features[:-1], targets[:-1], features[-1], dummies=dummies)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_feature_layout_is_the_published_one():
    days = 10
    prices = np.arange(days * 24.0).reshape(days, 24)
    load, wind = prices + 1000, prices + 2000
    features, dummies = lear.feature_matrix(prices, [load, wind], np.arange(days) % 7)
    assert features.shape == (days, 247)
    assert dummies.sum() == 7
    assert np.isnan(features[:7]).any(axis=1).all()
    row = features[8]
    np.testing.assert_array_equal(row[:24], prices[7])
    np.testing.assert_array_equal(row[72:96], prices[1])
    np.testing.assert_array_equal(row[96:120], load[8])
    np.testing.assert_array_equal(row[216:240], wind[1])
    np.testing.assert_array_equal(row[240:], np.eye(7)[1])


def test_no_feature_reads_the_price_of_its_own_day_or_later():
    prices, wind, weekday = market(30)
    before, _ = lear.feature_matrix(prices, [wind], weekday)
    prices[20:] = 9999.0
    after, _ = lear.feature_matrix(prices, [wind], weekday)
    np.testing.assert_array_equal(before[:21], after[:21])


def test_too_little_history_is_one_clear_line():
    features, targets, dummies = problem()
    with pytest.raises(InputError, match="at least 14 days"):
        lear.fit(features[:10], targets[:10], dummies=dummies)
    with pytest.raises(InputError, match="LEAR targets"):
        lear.fit(features[:50], targets[:40], dummies=dummies)
