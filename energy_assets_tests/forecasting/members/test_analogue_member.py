from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.forecasting.analogues import analogue_quantiles, analogue_ranks
from energy_assets.forecasting.members.analogue import AnalogueMember
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member

CAPACITY = 50.0


def wind_farm(days: int = 120, slots: int = 24, lag: int = 2) -> TargetHistory:
    rng = np.random.default_rng(3)
    speed = np.abs(8 + 3 * rng.standard_normal((days, 1)) + rng.standard_normal((days, slots)))
    power = np.clip(0.1 * speed**3 + rng.normal(0, 4, speed.shape), 0, CAPACITY)
    power[-lag:] = np.nan
    labels = [date(2024, 1, 1) + timedelta(days=n) for n in range(days)]
    return TargetHistory(
        "wind",
        labels,
        power,
        drivers={"wind_speed_100m": speed},
        bounds=(0.0, CAPACITY),
        outcome_lag=lag,
    )


@pytest.mark.parametrize("slots", [24, 48, 96])
def test_wind_is_looked_up_by_speed_and_its_smoothed_value(slots: int) -> None:
    history = wind_farm(slots=slots)
    fitted = AnalogueMember(91).fit(history)
    # 91 days with outcomes end two days before the day to forecast.
    speed = history.drivers["wind_speed_100m"][-93:]
    width = slots // 8
    padded = np.pad(speed, ((0, 0), (width, width)), mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1, axis=1).mean(axis=2)
    predictors = np.stack([speed / 0.5, smooth / 0.5 / 2], axis=2)
    past = predictors[:91].reshape(-1, 2)
    outcome = history.outcome[-93:-2].reshape(-1)
    expected = analogue_quantiles(past, outcome, predictors[-1])
    np.testing.assert_allclose(fitted.predict(history), expected, rtol=1e-12)
    ranks = analogue_ranks(past, outcome, np.repeat(np.arange(91), slots))
    np.testing.assert_allclose(fitted.ranks().reshape(-1), ranks, rtol=1e-12)


def test_quantiles_lie_in_what_happened_and_beat_climatology() -> None:
    history = wind_farm(200)
    truth = history.outcome.copy()
    errors, climate = [], []
    for row in range(150, 190):
        now = history.before(row)
        quantiles = AnalogueMember(91).fit(now).predict(now)
        assert quantiles.shape == (24, 99)
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert quantiles.min() >= 0
        assert quantiles.max() <= CAPACITY
        errors.append(np.abs(quantiles[:, 49] - truth[row]).mean())
        climate.append(np.abs(np.nanmedian(now.outcome, axis=0) - truth[row]).mean())
    assert np.mean(errors) < 0.5 * np.mean(climate)


def test_a_holiday_looks_like_a_sunday() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(100)]
    weekday = np.array([day.weekday() for day in days])
    off = np.zeros(100)
    off[-1] = 1.0
    load = np.where(weekday >= 5, 5.0, 10.0)[:, None] + np.zeros((100, 24))
    load[-2:] = np.nan
    assert weekday[-1] < 5
    history = TargetHistory("load", days, load, daily={"holiday": off}, outcome_lag=2)
    found = AnalogueMember(91).fit(history).predict(history)
    assert (found == 5.0).all()


def test_spread_depends_on_the_price_level() -> None:
    rng = np.random.default_rng(5)
    price = rng.uniform(0, 100, (120, 24))
    price[-1] = 90.0
    spread = price - 50 + rng.normal(0, 1, price.shape)
    spread[-2:] = np.nan
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(120)]
    history = TargetHistory(
        "imbalance_spread", days, spread, drivers={"day_ahead_price": price}, outcome_lag=2
    )
    found = AnalogueMember(91).fit(history).predict(history)
    assert found[:, 49].mean() == pytest.approx(40.0, abs=8.0)


def test_nothing_after_the_decision_changes_a_bit() -> None:
    whole = wind_farm(120)
    row = 100
    outcome, speed = whole.outcome.copy(), whole.drivers["wind_speed_100m"].copy()
    outcome[row - 1 :] = 1e6
    speed[row + 1 :] = -7.0
    spoiled = TargetHistory(
        "wind", whole.days, outcome, {"wind_speed_100m": speed}, {}, whole.bounds, 2
    )
    clean, dirty = whole.before(row), spoiled.before(row)
    made = AnalogueMember(91).fit(clean).predict(clean)
    assert np.array_equal(made, AnalogueMember(91).fit(dirty).predict(dirty))


def test_dump_and_load_give_the_same_bits_and_other_bytes_are_refused() -> None:
    history = wind_farm()
    kind = member("analogues_91")
    fitted = kind.fit(history)
    again = kind.load(fitted.dump())
    assert again.trained_until == fitted.trained_until == history.days[-3]
    assert np.array_equal(again.predict(history), fitted.predict(history))
    with pytest.raises(MemberUnavailableError, match="found other bytes"):
        kind.load(b"no archive")


def test_too_little_history_and_missing_weather_are_said() -> None:
    with pytest.raises(MemberUnavailableError, match=r"expected 14 days of outcomes, found 8\.0"):
        AnalogueMember(91).fit(wind_farm(10))
    history = wind_farm()
    fitted = AnalogueMember(91).fit(history)
    history.drivers["wind_speed_100m"][-1, 3] = np.nan
    with pytest.raises(MemberUnavailableError, match="found gaps"):
        fitted.predict(history)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_bytes_that_are_no_archive_are_one_clear_line(content: bytes) -> None:
    with pytest.raises(MemberUnavailableError, match=r"^analogues: expected .*, found other bytes"):
        AnalogueMember().load(content)
