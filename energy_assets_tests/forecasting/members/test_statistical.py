"""ARIMA, MSTL and seasonal quantiles: orders, filtering, gaps, leaks, bounds and stored form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting import arima
from energy_assets.forecasting.members.auto_arima import AutoArima
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.filled_history import FilledHistory, known_inputs
from energy_assets.forecasting.members.mstl import Mstl
from energy_assets.forecasting.members.seasonal_quantiles import SeasonalQuantiles
from energy_assets_tests.forecasting.members.markets import (
    assert_knows_nothing_later,
    assert_round_trip,
    market,
    mean_errors,
)

NONE = np.zeros((0, 0))


def driven_series(rows: int = 220, seed: int = 0):
    """An AR(1) around a regression on the first two of four regressors; the others are no news."""
    rng = np.random.default_rng(seed)
    regressors = rng.normal(size=(rows, 4))
    regressors[:, 2] = regressors[:, 0] + regressors[:, 1]
    regressors[:, 3] = 1.0
    noise = np.zeros(rows)
    for row in range(1, rows):
        noise[row] = 0.7 * noise[row - 1] + rng.normal(0, 0.3)
    return 3 + 2 * regressors[:, 0] - regressors[:, 1] + noise, regressors


def small(history, slots=2):
    """Few slots keep the order search short."""
    return replace(
        history,
        outcome=history.outcome[:, :slots].copy(),
        drivers={name: rows[:, :slots].copy() for name, rows in history.drivers.items()},
    )


def test_arima_uses_regressors_and_leaves_dependent_ones_out():
    series, regressors = driven_series()
    model = arima.fit(series, regressors, 1, arima.ArimaSettings())
    assert model.used == (True, True, False, False)
    np.testing.assert_allclose(model.coefficients[-2:], [2.0, -1.0], atol=0.15)
    assert model.order[0] == 1
    assert model.coefficients[0] == pytest.approx(0.7, abs=0.15)


def test_arima_forecast_is_that_of_statsmodels_with_the_same_parameters():
    statespace = pytest.importorskip("statsmodels.tsa.statespace.sarimax")
    series, regressors = driven_series()
    model = arima.Arima((1, 0, 1), (1, 0, 0), 7, True, (0.6, 0.2, 0.3, 3.0, 2.0, -1.0), (True,) * 2)
    regressors = regressors[:, :2]
    ours = arima.forecast(model, series[:-3], regressors[:-3], regressors[-3:])
    around_mean = series[:-3] - 3.0 - regressors[:-3] @ [2.0, -1.0]
    other = statespace.SARIMAX(around_mean, order=(1, 0, 1), seasonal_order=(1, 0, 0, 7))
    state = other.filter([0.6, 0.2, 0.3, 1.0])
    expected = state.forecast(3) + 3.0 + regressors[-3:] @ [2.0, -1.0]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_arima_of_a_constant_series_is_the_constant():
    model = arima.fit(np.full(60, 4.0), np.zeros((60, 0)), 7, arima.ArimaSettings())
    path = arima.forecast(model, np.full(60, 4.0), np.zeros((60, 0)), np.zeros((3, 0)))
    np.testing.assert_array_equal(path, 4.0)


def test_arima_of_nothing_says_so():
    with pytest.raises(InputError, match="ARIMA series"):
        arima.fit(np.zeros(0), NONE, 7, arima.ArimaSettings())


# One slot keeps the order search short; a daily pattern needs two.
MEMBERS = [(AutoArima(60), 1), (Mstl(28), 2), (SeasonalQuantiles(28), 2)]


@pytest.mark.parametrize(("member", "slots"), MEMBERS)
class TestEvery:
    def test_changes_nothing_with_what_comes_later(self, member, slots):
        assert_knows_nothing_later(member, small(market(110), slots), 100)

    def test_model_read_back_is_the_same(self, member, slots):
        assert_round_trip(member, small(market(100), slots), 90)

    def test_other_bytes_are_refused(self, member, slots):
        for content in (b"", b"\x80\x04", b'{"trained_until": "2025-01-01"}', b"[]"):
            with pytest.raises(MemberUnavailableError, match=member.spec.name):
                member.load(content)

    def test_too_little_history_is_refused(self, member, slots):
        with pytest.raises(MemberUnavailableError, match="expected"):
            member.fit(small(market(40), slots).before(3))

    def test_keeps_within_bounds(self, member, slots):
        history = small(market(100, bounds=(39.0, 41.0)), slots)
        path = member.fit(history.before(95)).predict(history.before(95))
        assert path.min() >= 39.0
        assert path.max() <= 41.0

    def test_an_outcome_known_two_days_late_is_not_used(self, member, slots):
        history = replace(small(market(110), slots), outcome_lag=2)
        assert_knows_nothing_later(member, history, 100)


@pytest.mark.parametrize(
    ("member", "slots", "last"), [(AutoArima(80), 1, 119), (Mstl(28), 24, 107)]
)
def test_beats_the_weekly_naive(member, slots, last):
    error, naive = mean_errors(member, small(market(120), slots), range(105, last))
    assert error < 0.5 * naive


def test_a_driver_missing_when_fitted_is_not_used_and_missing_later_is_an_error():
    for member, slots in ((AutoArima(56), 1), (Mstl(28), 2)):
        history = small(market(100), slots)
        history.drivers["wind"][95:] = np.nan
        fitted = member.fit(history.before(95))
        assert fitted.inputs == ("holiday", "gas")
        assert np.isfinite(fitted.predict(history.before(96))).all()
        with pytest.raises(MemberUnavailableError, match="wind"):
            member.fit(history.before(90)).predict(history.before(96))


def test_half_hours_are_days_like_any_other():
    history = market(70, slots=48)
    path = Mstl(22).fit(history.before(60)).predict(history.before(60))
    assert path.shape == (48,)
    assert np.abs(path - history.outcome[60]).mean() < 4


def test_gaps_are_filled_from_the_week_before_and_unknown_days_lengthen_the_horizon():
    history = market(40).before(35)
    history.outcome[20, 5] = np.nan
    history.outcome[33:] = np.nan
    filled = FilledHistory.of(history, known_inputs(history))
    assert filled.known == 33
    assert filled.outcome[20, 5] == history.outcome[13, 5]
    columns, dummies = filled.of_slot(3)
    assert columns.shape == (36, 5)
    assert dummies.tolist() == [False, False, False, True, False]
    # The newest slot of the last day is that of the newest day known.
    assert columns[-1, 2] == history.outcome[32, -1]
    path = Mstl(28).fit(history).predict(history)
    assert np.isfinite(path).all()


def test_nothing_known_for_a_fortnight_is_an_error():
    history = market(60).before(55)
    history.outcome[38:] = np.nan
    with pytest.raises(MemberUnavailableError, match="14 days"):
        Mstl().fit(history)


def test_seasonal_quantiles_are_those_of_the_same_kind_of_day():
    history = market(60)
    row = next(row for row in range(50, 60) if history.days[row].weekday() == 2)
    history.daily["holiday"][:] = 0.0
    member = SeasonalQuantiles(28)
    path = member.fit(history.before(row)).predict(history.before(row))
    working = [r for r in range(row - 28, row) if history.days[r].weekday() < 5]
    expected = np.quantile(history.outcome[working], 0.5, axis=0)
    np.testing.assert_allclose(path[:, 49], expected)
    assert path.shape == (24, 99)
    assert (np.diff(path, axis=1) >= 0).all()
    # A holiday in the middle of the week is a Sunday: the four Sundays are the sample.
    history.daily["holiday"][row] = 1.0
    sundays = [r for r in range(row - 28, row) if history.days[r].weekday() == 6]
    path = member.fit(history.before(row)).predict(history.before(row))
    np.testing.assert_allclose(path[:, 49], np.quantile(history.outcome[sundays], 0.5, axis=0))
