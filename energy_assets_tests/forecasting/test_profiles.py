from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.forecasting.profiles import mtu_slots, slot_matrix
from energy_assets.market import DeliveryDay, load_area

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
LAST_HOURLY, FIRST_QUARTER_HOURLY = date(2025, 9, 30), date(2025, 10, 1)
SESSION = load_area("DE_LU").session()
UTC_TIME = pl.Datetime("us", "UTC")
days = st.dates(date(2023, 1, 1), date(2027, 12, 31))


def series(day: DeliveryDay, values: np.ndarray, minutes: int | None = None) -> pl.DataFrame:
    step = minutes or day.mtu_minutes
    return pl.DataFrame(
        {"period_start": day.grid(step), "resolution_min": step, "value": values},
        schema_overrides={"period_start": UTC_TIME, "resolution_min": pl.Int32},
    )


def matrix(frame: pl.DataFrame, first: date, last: date, slots: int) -> np.ndarray:
    return slot_matrix(frame, "value", SESSION, first, last, slots)


@settings(max_examples=40, deadline=None)
@given(day=days, seed=st.integers(0, 1000))
def test_an_ordinary_day_goes_to_slots_and_back_unchanged(day: date, seed: int) -> None:
    delivery = SESSION.delivery_day(day)
    values = np.random.default_rng(seed).normal(40, 30, delivery.mtu_count)
    slots = 1440 // delivery.mtu_minutes
    back = matrix(series(delivery, values), day, day, slots)[0][mtu_slots(delivery, SESSION, slots)]
    if delivery.hours != 25:
        np.testing.assert_array_equal(back, values)
    assert back.sum() == pytest.approx(values.sum())


@pytest.mark.parametrize("slots", [24, 96])
def test_the_repeated_autumn_hour_is_the_mean_of_both(slots: int) -> None:
    delivery = SESSION.delivery_day(AUTUMN)
    values = np.arange(100.0)
    found = matrix(series(delivery, values), AUTUMN, AUTUMN, slots)[0].reshape(24, -1)
    hours = values.reshape(25, 4)
    assert found[2].mean() == pytest.approx(hours[2:4].mean())
    assert found[1].mean() == pytest.approx(hours[1].mean())
    assert found[3].mean() == pytest.approx(hours[4].mean())
    assert len(mtu_slots(delivery, SESSION, slots)) == 100


@pytest.mark.parametrize("slots", [24, 96])
def test_the_skipped_spring_hour_lies_between_its_neighbours(slots: int) -> None:
    delivery = SESSION.delivery_day(SPRING)
    values = np.arange(92.0)
    found = matrix(series(delivery, values), SPRING, SPRING, slots)[0]
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    per_hour = slots // 24
    assert 2 * per_hour not in mtu_slots(delivery, SESSION, slots)


def test_a_real_gap_on_a_spring_day_stays_a_gap() -> None:
    delivery = SESSION.delivery_day(SPRING)
    frame = series(delivery, np.arange(23.0), 60)
    far = matrix(frame.filter(pl.col("value") != 10.0), SPRING, SPRING, 24)[0]
    assert np.flatnonzero(np.isnan(far)).tolist() == [11]
    beside = matrix(frame.filter(pl.col("value") != 1.0), SPRING, SPRING, 24)[0]
    assert np.flatnonzero(np.isnan(beside)).tolist() == [1, 2]


@settings(max_examples=20, deadline=None)
@given(day=days, seed=st.integers(0, 1000))
def test_an_hourly_value_stands_in_each_of_its_quarter_hours(day: date, seed: int) -> None:
    delivery = SESSION.delivery_day(day)
    values = np.random.default_rng(seed).normal(40, 30, delivery.hours)
    frame = series(delivery, values, 60)
    fine, coarse = matrix(frame, day, day, 96), matrix(frame, day, day, 24)
    if delivery.hours == 23:
        fine, coarse = np.delete(fine, np.s_[8:12], axis=1), np.delete(coarse, 2, axis=1)
    np.testing.assert_array_equal(fine, np.repeat(coarse, 4, axis=1))


def test_quarter_hours_become_their_hourly_mean_across_the_switch() -> None:
    hourly, quarters = SESSION.delivery_day(LAST_HOURLY), SESSION.delivery_day(FIRST_QUARTER_HOURLY)
    assert (hourly.mtu_count, quarters.mtu_count) == (24, 96)
    frame = pl.concat([series(hourly, np.arange(24.0)), series(quarters, np.arange(96.0))])
    found = matrix(frame, LAST_HOURLY, FIRST_QUARTER_HOURLY, 24)
    np.testing.assert_array_equal(found[0], np.arange(24.0))
    np.testing.assert_allclose(found[1], np.arange(96.0).reshape(24, 4).mean(axis=1))
    np.testing.assert_array_equal(
        matrix(frame, LAST_HOURLY, FIRST_QUARTER_HOURLY, 96)[0], np.repeat(np.arange(24.0), 4)
    )


def test_rows_of_other_days_and_missing_values_leave_nothing_behind() -> None:
    day = date(2026, 6, 3)
    before = SESSION.delivery_day(day - timedelta(days=1))
    values = np.arange(96.0)
    values[5] = np.nan
    frame = pl.concat([series(before, np.full(96, 1e6)), series(SESSION.delivery_day(day), values)])
    found = matrix(frame, day, day + timedelta(days=1), 96)
    assert np.isnan(found[0, 5])
    assert np.nanmax(found) == 95.0
    assert np.isnan(found[1]).all()
    assert np.isnan(matrix(frame.clear(), day, day, 24)).all()


def test_a_day_that_starts_the_evening_before_has_its_own_slots() -> None:
    session = load_area("GB").session()
    for day, count in ((SPRING, 23), (AUTUMN, 25), (date(2026, 6, 3), 24)):
        delivery = session.delivery_day(day)
        values = np.arange(float(delivery.hours))
        frame = series(delivery, values, 60)
        found = slot_matrix(frame, "value", session, day, day, 24)[0]
        assert delivery.hours == count
        assert np.isfinite(found).all()
        assert found[0] == 0.0
        assert found[-1] == count - 1
