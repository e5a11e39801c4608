from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting.boosted_trees import TreeSettings, fit_quantile_trees, fit_trees
from energy_assets.forecasting.level_interpolation import percentiles_of
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.output_quantiles import OutputQuantilesMember
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.weather_features import (
    dark_slots,
    past_levels,
    slot_features,
)
from energy_assets.forecasting.scoring import mae, pinball99

SMALL = TreeSettings(30, 0.1, 8, 20, 0.5, 0.5)
START = date(2024, 1, 1)


def days_from(count: int) -> list[date]:
    return [START + timedelta(days=n) for n in range(count)]


def solar_plant(days: int = 90, slots: int = 24) -> TargetHistory:
    rng = np.random.default_rng(1)
    hour = np.arange(slots) * 24 / slots
    clear = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0) * (np.abs(hour - 12) < 6)
    cloud = rng.uniform(0.2, 1, (days, 1))
    irradiance = np.round(900 * clear * cloud, 3)
    power = np.clip(irradiance / 25 + rng.normal(0, 2, irradiance.shape) * (clear > 0), 0, 30)
    power[-2:] = np.nan
    return TargetHistory(
        "solar",
        days_from(days),
        power,
        drivers={"irradiance": irradiance},
        bounds=(0.0, 30.0),
        outcome_lag=2,
    )


def town(days: int = 250, slots: int = 24) -> TargetHistory:
    """A growing load with a week and a temperature, and a forecast of it that is too low."""
    rng = np.random.default_rng(2)
    hour = np.arange(slots) * 24 / slots
    working = np.array([day.weekday() < 5 for day in days_from(days)])[:, None]
    temperature = 10 + 5 * rng.standard_normal((days, 1)) + np.zeros((days, slots))
    load = 60 + 20 * np.sin(hour / 24 * np.pi) + 10 * working - 0.5 * temperature
    load = load + np.arange(days)[:, None] * 0.1 + rng.normal(0, 1, load.shape)
    forecast = 0.95 * load + rng.normal(0, 2, load.shape)
    load[-2:] = np.nan
    return TargetHistory(
        "load",
        days_from(days),
        load,
        drivers={"load_forecast": forecast, "temperature": temperature},
        daily={"holiday": np.zeros(days)},
        bounds=(0.0, np.inf),
        outcome_lag=2,
    )


@pytest.mark.parametrize("slots", [24, 48, 96])
def test_solar_is_dark_at_night_and_within_capacity(slots: int) -> None:
    history = solar_plant(slots=slots)
    made = OutputQuantilesMember(91, trees=SMALL).fit(history).predict(history)
    assert made.shape == (slots, 99)
    assert (np.diff(made, axis=1) >= 0).all()
    assert (made[: slots // 24 * 5] == 0).all()
    assert made.max() <= 30.0
    noon = slots // 2
    assert made[noon, 89] > made[noon, 9] + 1.0


def test_a_night_with_output_is_not_called_dark() -> None:
    # A driver that is zero half of the day while the plant feeds in says nothing about night.
    history = solar_plant()
    outcome = np.where(np.isfinite(history.outcome), history.outcome + 5.0, np.nan)
    moved = replace(history, outcome=outcome)
    made = OutputQuantilesMember(91, trees=SMALL).fit(moved)
    assert not made.dark_is_zero


def test_wind_learns_the_power_curve_and_censors() -> None:
    rng = np.random.default_rng(4)
    front = np.repeat(rng.standard_normal((220, 4)), 6, axis=1)
    speed = np.abs(9 + 4 * front + 0.5 * rng.standard_normal((220, 24)))
    power = np.clip(0.06 * speed**3 + rng.normal(0, 3, speed.shape), 0, 50)
    history = TargetHistory(
        "wind", days_from(220), power, {"wind_speed_100m": speed}, bounds=(0, 50), outcome_lag=2
    )
    fitted = OutputQuantilesMember(182).fit(history.before(200))
    rows = range(200, 220)
    made = np.stack([fitted.predict(history.before(row)) for row in rows])
    climate = np.broadcast_to(np.quantile(power[:190], np.arange(1, 100) / 100), made.shape)
    assert pinball99(made, power[200:]) < 0.25 * pinball99(climate, power[200:])
    calm = speed[200:] < 3
    gale = speed[200:] > 13
    assert (made[calm][:, 0] == 0).mean() > 0.8
    assert (made[gale][:, -1] == 50).mean() > 0.8


def test_load_beats_the_forecast_it_is_given_and_follows_growth() -> None:
    whole = town()
    truth = town().outcome
    fitted = OutputQuantilesMember(182).fit(whole.before(220))
    assert fitted.baseline.driver == "load_forecast"
    rows = list(range(220, 245))
    made = np.stack([fitted.predict(whole.before(row)) for row in rows])
    given_forecast = whole.drivers["load_forecast"][rows]
    assert mae(made[:, :, 49], truth[rows]) < 0.5 * mae(given_forecast, truth[rows])
    # Higher than anything it was trained on: trees alone could not say so.
    assert np.nanmax(made) > np.nanmax(whole.outcome[:219])


def test_nothing_after_the_decision_changes_a_bit() -> None:
    whole, row = town(160), 120
    outcome = whole.outcome.copy()
    outcome[row - 1 :] = 1e6
    drivers = {name: values.copy() for name, values in whole.drivers.items()}
    daily = {name: values.copy() for name, values in whole.daily.items()}
    for values in (*drivers.values(), *daily.values()):
        values[row + 1 :] = -99.0
    spoiled = replace(whole, outcome=outcome, drivers=drivers, daily=daily)
    kind = OutputQuantilesMember(91, trees=SMALL)
    made = []
    for history in (whole, spoiled):
        fitted = kind.fit(history.before(row - 5))
        made.append(fitted.predict(history.before(row)))
    assert np.array_equal(made[0], made[1])
    # The test can fail: what is known at the decision does matter.
    outcome[row - 8] += 50.0
    changed = kind.fit(spoiled.before(row - 5)).predict(spoiled.before(row))
    assert not np.array_equal(made[0], changed)


def test_features_of_a_day_do_not_depend_on_how_many_are_asked_for() -> None:
    history = town(420)
    many = slot_features(history, np.arange(380, 420))
    one = slot_features(history, np.array([419]))
    assert many.names == one.names
    np.testing.assert_array_equal(many.values[-1], one.values[0])


def test_past_levels_are_as_old_as_the_lag_says() -> None:
    values = np.arange(400.0)[:, None] + np.zeros((400, 24))
    found = past_levels("x", values, np.array([390]), 2)
    expected = {
        "x_newest": 388.0,
        "x_before": 387.0,
        "x_same_weekday": 383.0,
        "x_week_by_slot": 385.0,
        "x_envelope": 388.0,
        "x_newest_level": 388.0,
        "x_week_level": 385.0,
        "x_year_growth": 385.0 - 23.0,
    }
    assert {name: value[0, 0] for name, value in found.items()} == expected


def test_hours_around_a_slot_reach_into_the_day_before_only() -> None:
    series = np.arange(5 * 24.0).reshape(5, 24)
    history = TargetHistory("wind", days_from(5), series, {"wind_speed": series})
    found = slot_features(history, np.array([2]))
    assert found.column("wind_speed_3h_before")[0, 0] == series[1, 21]
    assert found.column("wind_speed_3h_after")[0, 22] == series[2, 23]
    first = slot_features(history, np.array([0]))
    assert first.column("wind_speed_1h_before")[0, 0] == series[0, 0]


def test_dusk_is_not_dark() -> None:
    dark = dark_slots(solar_plant(), np.array([50]))[0]
    assert dark[:6].all()
    assert not dark[6:18].any()
    assert dark[19:].all()


def test_dump_and_load_give_the_same_bits_and_other_bytes_are_refused() -> None:
    history = town(120)
    kind = OutputQuantilesMember(91, trees=SMALL)
    fitted = kind.fit(history)
    again = kind.load(fitted.dump())
    assert again.trained_until == fitted.trained_until == history.days[-3]
    assert np.array_equal(again.predict(history), fitted.predict(history))
    assert kind.fit(history).dump() == fitted.dump()
    with pytest.raises(MemberUnavailableError, match="found other bytes"):
        kind.load(b"no model")


def test_what_is_missing_is_said() -> None:
    kind = member("output_quantiles_91")
    with pytest.raises(MemberUnavailableError, match="expected 28 days with outcomes, found 18"):
        kind.fit(town(20))
    history = town(100)
    fitted = OutputQuantilesMember(91, trees=SMALL).fit(history)
    history.drivers["temperature"][-1, 3] = np.nan
    with pytest.raises(MemberUnavailableError, match="expected temperature of"):
        fitted.predict(history)
    # A driver without values in the newest week is left out of the next model.
    history.drivers["temperature"][-9:] = np.nan
    assert OutputQuantilesMember(91, trees=SMALL).fit(history).drivers == ("load_forecast",)


def test_shared_bins_give_the_same_trees_as_separate_fits() -> None:
    rng = np.random.default_rng(6)
    features = rng.normal(size=(400, 5))
    outcome = features[:, 0] + rng.normal(size=400)
    shared = fit_quantile_trees(features, outcome, SMALL, (0.1, 0.9), seed=4)
    for level, trees in zip((0.1, 0.9), shared, strict=True):
        alone = fit_trees(features, outcome, SMALL, level=level, seed=4)
        np.testing.assert_array_equal(trees.predict(features), alone.predict(features))


@given(
    st.lists(st.floats(-50, 50), min_size=7, max_size=7),
    st.floats(0.1, 10),
    st.floats(-100, 100),
)
@settings(max_examples=40, deadline=None)
def test_percentiles_rise_pass_through_the_levels_and_move_with_the_unit(
    values: list[float], scale: float, shift: float
) -> None:
    levels = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
    made = percentiles_of(levels, np.array(values))
    assert (np.diff(made) >= 0).all()
    np.testing.assert_allclose(made[[1, 9, 29, 49, 69, 89, 97]], np.sort(values), atol=1e-9)
    moved = percentiles_of(levels, np.array(values) * scale + shift)
    np.testing.assert_allclose(moved, made * scale + shift, atol=1e-6)


def test_percentiles_of_a_normal_are_exact() -> None:
    levels = (0.1, 0.5, 0.9)
    made = percentiles_of(levels, norm.ppf(levels, 3, 2)[None])
    np.testing.assert_allclose(made[0], norm.ppf(np.arange(1, 100) / 100, 3, 2))


@pytest.mark.parametrize("levels", [(0.5,), (0.5, 0.1), (0.0, 0.5), (0.1, 0.5, 0.9)])
def test_levels_that_do_not_fit_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        percentiles_of(levels, np.zeros((4, 2)))


def test_a_real_wind_farm_is_forecast_better_than_by_its_climatology(real_data: Path) -> None:
    power = pd.read_csv(real_data / "gefcom2012-wind/train.csv.gz")
    power.index = pd.to_datetime(power["date"].astype(str), format="%Y%m%d%H")
    weather = pd.read_parquet(
        real_data / "gefcom2012-wind/wind_forecasts.parquet", filters=[("farm", "==", 1)]
    )
    issue = pd.to_datetime(weather["date"].astype(str), format="%Y%m%d%H")
    weather.index = issue + pd.to_timedelta(weather["hors"].astype(int), unit="h")
    weather = weather[(issue.dt.hour == 0).to_numpy() & weather["hors"].between(24, 47).to_numpy()]
    days = [date(2009, 7, 3) + timedelta(days=n) for n in range(220)]
    grid = pd.date_range(days[0], periods=220 * 24, freq="h")
    outcome = power["wp1"].reindex(grid).to_numpy(float).reshape(-1, 24)
    speed = weather["ws"].reindex(grid).to_numpy(float).reshape(-1, 24)
    history = TargetHistory(
        "wp1", days, outcome, {"wind_speed": speed}, bounds=(0.0, 1.0), outcome_lag=2
    )
    fitted = OutputQuantilesMember(182).fit(history.before(192))
    made = np.stack([fitted.predict(history.before(row)) for row in range(192, 220)])
    climate = np.quantile(outcome[:190], np.arange(1, 100) / 100, axis=0).T
    reference = pinball99(np.broadcast_to(climate, made.shape), outcome[192:])
    assert pinball99(made, outcome[192:]) < 0.85 * reference
