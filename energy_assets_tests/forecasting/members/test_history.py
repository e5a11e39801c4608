"""TargetHistory: shapes, cuts, and what a decision may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.forecasting.calendar_features import holiday_columns
from energy_assets.forecasting.members.history import TargetHistory, is_dummy, rolling
from energy_assets_tests.forecasting.members.markets import market


@given(
    days=st.integers(2, 40),
    slots=st.sampled_from([24, 48, 96]),
    lag=st.integers(1, 3),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_before_blanks_what_a_decision_cannot_know(days, slots, lag, data):
    row = data.draw(st.integers(0, days - 1))
    history = replace(market(days, slots), outcome_lag=lag)
    cut = history.before(row)
    assert cut.day == history.days[row]
    assert len(cut.days) == row + 1
    known = max(row + 1 - lag, 0)
    np.testing.assert_array_equal(cut.outcome[:known], history.outcome[:known])
    assert np.isnan(cut.outcome[known:]).all()
    assert cut.trained_until == (history.days[known - 1] if known else None)
    # Drivers of the day itself are known; the source is not written to.
    np.testing.assert_array_equal(cut.drivers["wind"], history.drivers["wind"][: row + 1])
    assert len(cut.daily["gas"]) == row + 1
    assert np.isfinite(history.outcome).all()


@given(days=st.integers(1, 30), newest=st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_newest_keeps_the_day_and_so_many_before(days, newest):
    history = market(days)
    cut = history.newest(newest)
    assert cut.day == history.day
    assert len(cut.days) == min(newest, days - 1) + 1
    np.testing.assert_array_equal(cut.outcome, history.outcome[-len(cut.days) :])
    assert cut.slots == history.slots


def test_rolling_is_before_of_every_day():
    history = market(12)
    cuts = list(rolling(history, history.days[5], history.days[8]))
    assert [cut.day for cut in cuts] == list(history.days[5:9])
    np.testing.assert_array_equal(cuts[2].outcome, history.before(7).outcome)


def test_complete_days_have_outcome_and_drivers():
    history = market(6)
    history.outcome[1, 3] = np.nan
    history.drivers["wind"][4, 0] = np.nan
    assert history.complete.tolist() == [True, False, True, True, False, True]


def test_trained_until_counts_a_day_known_in_part():
    history = market(6).before(5)
    history.outcome[4, 1:] = np.nan
    assert history.trained_until == history.days[4]
    history.outcome[:] = np.nan
    assert history.trained_until is None


def test_weekday_counts_from_monday():
    assert market(3).weekday.tolist() == [2.0, 3.0, 4.0]


def test_a_day_outside_is_named():
    history = market(5)
    for day in (history.days[0] - timedelta(days=1), history.days[-1] + timedelta(days=1)):
        with pytest.raises(InputError, match=str(day)):
            history.row_of(day)


@pytest.mark.parametrize(
    ("kind", "values"), [("drivers", np.zeros((2, 23))), ("daily", np.zeros(3))]
)
def test_shapes_that_differ_are_refused(kind, values):
    days = [date(2025, 3, 29), date(2025, 3, 30)]
    with pytest.raises(InputError, match="price: odd"):
        TargetHistory("price", days, np.zeros((2, 24)), **{kind: {"odd": values}})


def test_holidays_and_their_neighbours_are_dummies_and_fuel_is_not():
    days = [date(2026, 5, 1)]
    assert all(map(is_dummy, holiday_columns("DE", days)))
    assert not any(map(is_dummy, ("gas", "coal", "load")))
