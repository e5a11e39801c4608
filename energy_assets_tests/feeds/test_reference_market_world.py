"""Plausibility of the simulated world: levels, shapes, errors and correlations."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from energy_assets.feeds import Window
from energy_assets.feeds.reference_market.german_calendar import (
    easter_sunday,
    holidays,
    is_holiday,
    local_time,
    weekday,
)
from energy_assets.feeds.reference_market.outages import outage_messages
from energy_assets.feeds.reference_market.power_system import load_shape
from energy_assets.feeds.reference_market.time_axis import day_number
from energy_assets.feeds.reference_market.weather import clear_sky
from energy_assets.market import load_area
from energy_assets.portfolio import ThermalUnit

SESSION = load_area("SIM_DE_LU").session()
YEAR = Window(
    SESSION.delivery_day(date(2026, 1, 1)).start, SESSION.delivery_day(date(2026, 12, 31)).end
)


@pytest.fixture(scope="module")
def world(feeds, later):
    return {name: feed.fetch(YEAR, later) for name, feed in feeds.items() if "weather" not in name}


@pytest.fixture(scope="module")
def prices(world):
    local = pl.col("period_start").dt.convert_time_zone("Europe/Berlin")
    return world["day_ahead_prices"].with_columns(hour=local.dt.hour(), day=local.dt.date())


def test_price_level_spread_and_tails_are_german_like(prices):
    price = prices["price"]
    assert 60 < price.mean() < 100
    assert 40 < price.std() < 60
    assert 0.02 < (price < 0).mean() < 0.07
    assert 0.001 < (price > 250).mean() < 0.02
    rules = SESSION.curve_rules(date(2026, 1, 1))
    assert price.min() >= rules.price(rules.price_min_ticks)
    assert price.max() <= rules.price(rules.price_max_ticks)
    ticks = price / rules.price_tick
    assert (ticks - ticks.round()).abs().max() < 1e-6


def test_price_has_a_solar_dip_an_evening_peak_and_cheap_weekends(prices):
    by_hour = dict(prices.group_by("hour").agg(pl.col("price").mean()).rows())
    assert by_hour[13] < by_hour[3] < by_hour[8]
    assert max(by_hour, key=by_hour.get) in range(17, 21)
    weekend = prices["day"].dt.weekday() > 5
    assert prices.filter(weekend)["price"].mean() < prices.filter(~weekend)["price"].mean() - 10


def test_quarter_hours_ramp_inside_the_hour(prices):
    inside = pl.col("price") - pl.col("price").mean().over("day", "hour", "period_start_hour")
    spread = (
        prices.with_columns(period_start_hour=pl.col("period_start").dt.truncate("1h"))
        .select(inside.abs().mean())
        .item()
    )
    assert 2 < spread < 12


def test_price_follows_the_morning_forecast_but_not_exactly(world, prices):
    forecast = _residual(_morning(world["system_forecasts"]), "forecast")
    joined = prices.join(forecast, on="period_start")
    middle = joined.filter(pl.col("forecast").is_between(10_000, 55_000))
    assert 0.75 < np.corrcoef(middle["price"], middle["forecast"])[0, 1] < 0.97


def test_imbalance_price_moves_with_the_system_forecast_error(world):
    actual = _residual(world["system_actuals"], "actual")
    forecast = _residual(_morning(world["system_forecasts"]), "forecast")
    spread = (
        world["imbalance_prices"]
        .join(world["day_ahead_prices"], on="period_start", suffix="_day_ahead")
        .join(actual, on="period_start")
        .join(forecast, on="period_start")
        .select(
            spread=pl.col("price") - pl.col("price_day_ahead"),
            error=pl.col("actual") - pl.col("forecast"),
        )
    )
    assert spread.height > 35_000
    assert 0.4 < np.corrcoef(spread["spread"], spread["error"])[0, 1] < 0.8
    assert 50 < spread["spread"].std() < 150


def test_evening_forecasts_beat_morning_forecasts(world):
    actual = world["system_actuals"].select("series", "period_start", actual="value_mw")
    error = (pl.col("value_mw") - pl.col("actual")).abs().mean()
    score = (
        world["system_forecasts"]
        .with_columns(evening=pl.col("issue_time").dt.hour() > 12)
        .join(actual, on=["series", "period_start"])
        .group_by("series", "evening")
        .agg(error=error, mean=pl.col("actual").mean())
    )
    by_key = {(series, evening): value for series, evening, value, _ in score.rows()}
    for series in ("load", "wind", "solar"):
        assert by_key[series, True] < 0.92 * by_key[series, False]
    assert 300 < by_key["load", False] < 1500
    assert 1000 < by_key["wind", False] < 3500


def test_weather_forecast_error_grows_with_lead_time(feeds, later):
    window = Window(YEAR.start, YEAR.start + timedelta(days=120))
    actual = feeds["weather_actuals"].fetch(window, later)
    forecasts = feeds["weather_forecasts"].fetch(window, later)
    key = ["site", "variable", "period_start"]
    error = (pl.col("value") - pl.col("value_actual")).pow(2).mean().sqrt()
    scores = (
        forecasts.join(actual, on=key, suffix="_actual")
        .with_columns(
            half_days=(pl.col("period_start") - pl.col("issue_time")).dt.total_hours() // 12
        )
        .group_by("site", "variable", "half_days")
        .agg(error=error)
        .sort("half_days")
    )
    for (site, variable, *_), group in scores.group_by("site", "variable"):
        errors = group.sort("half_days")["error"].to_list()
        assert len(errors) == 5, (site, variable)
        assert errors[4] > 1.4 * errors[0], (site, variable)
        assert errors[4] > errors[2] > errors[0], (site, variable)
    nights = forecasts.filter(
        (pl.col("variable") == "irradiance") & (pl.col("period_start").dt.hour() == 23)
    )
    assert nights["value"].max() == 0


def test_load_follows_the_local_clock_through_a_clock_change():
    # Monday 07:00-09:00 local before and after the clock change of 29 March 2026.
    before = np.array([day_number(date(2026, 3, 23)) * 1440 + 60 * hour for hour in (6, 7, 8)])
    after = before + 7 * 1440 - 60
    assert local_time(before).hour.tolist() == local_time(after).hour.tolist() == [7, 8, 9]
    assert load_shape(before) == pytest.approx(load_shape(after), abs=1.5)
    sunday = load_shape(before - 1440)
    assert (load_shape(before) - sunday > 10).all()


def test_holidays_have_a_sundays_load():
    noon = np.array([day_number(day) * 1440 + 11 * 60 for day in holidays(2026)])
    week_later = noon + 7 * 1440
    on_working_day = weekday(noon // 1440) < 5
    on_working_day &= ~is_holiday(week_later // 1440)
    assert (load_shape(noon) < load_shape(week_later) - 5)[on_working_day].all()


@pytest.mark.parametrize(
    ("year", "easter"),
    [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5))],
)
def test_easter_is_found(year, easter):
    assert easter_sunday(year) == easter
    assert easter + timedelta(days=39) in holidays(year)


def test_the_sun_is_highest_near_noon_in_june_and_down_at_night():
    june = day_number(date(2026, 6, 21)) * 1440
    day = clear_sky(june + np.arange(0, 1440, 15))
    assert 850 < day.max() < 1000
    assert abs(int(day.argmax()) * 15 - (12 * 60 - 40)) <= 15
    assert day[0] == day[4 * 2] == 0
    december = clear_sky(june + 183 * 1440 + np.arange(0, 1440, 15))
    assert december.max() < 0.4 * day.max()
    assert (december > 0).sum() < 0.55 * (day > 0).sum()


def test_fuels_close_on_trading_days_and_are_known_that_evening(world):
    fuels = world["fuel_prices"]
    assert set(fuels["product"]) == {"gas_hhv", "coal_lhv", "eua"}
    assert fuels["price_date"].dt.weekday().max() == 5
    assert date(2026, 12, 25) not in fuels["price_date"].to_list()
    local = fuels["knowledge_time"].dt.convert_time_zone("Europe/Berlin")
    assert (local.dt.date() == fuels["price_date"]).all()
    assert (local.dt.hour() == 18).all()
    assert fuels.group_by("product").len()["len"].n_unique() == 1


def test_outages_take_a_few_percent_and_their_messages_are_consistent():
    unit = ThermalUnit(name="gas", capacity_mw=100, constant_cost=50)
    start, end = 50 * 365 * 1440, 70 * 365 * 1440
    messages = outage_messages(1, (unit,), start, end)
    latest = {}
    for message in sorted(messages, key=lambda m: (m.message_id, m.message_revision)):
        earlier = latest.get(message.message_id)
        if earlier is not None:
            assert message.message_revision == earlier.message_revision + 1
            assert message.published_at > earlier.published_at
            assert message.event_start == earlier.event_start
        assert message.event_end > message.event_start
        assert message.event_end > message.published_at
        assert 0 <= message.available_mw < unit.capacity_mw
        if message.outage_type == "planned" and message.message_revision == 1:
            assert message.published_at < message.event_start
        latest[message.message_id] = message
    active = [m for m in latest.values() if m.event_status == "active"]
    missing = sum((1 - m.available_mw / 100) * (m.event_end - m.event_start) for m in active)
    assert 0.04 < missing / (end - start) < 0.08
    assert any(m.event_status == "withdrawn" for m in messages)
    extended = [m for m in messages if m.message_revision == 2 and m.outage_type == "planned"]
    assert any(m.event_status == "active" for m in extended)


def test_meters_stay_within_the_units_limits_and_signs(world, reference_desk):
    power = world["meter_readings"].with_columns(power=pl.col("energy_mwh") * 4)
    by_unit = {name: group["power"] for (name,), group in power.group_by("unit")}
    assert set(by_unit) == {"wind", "solar", "load"}
    for name in ("wind", "solar"):
        capacity = reference_desk.unit(name).capacity_mw
        assert by_unit[name].min() >= 0
        # A substitute value may lie above capacity; it is corrected later.
        assert by_unit[name].max() <= 1.15 * capacity
    assert by_unit["load"].max() < 0
    assert by_unit["load"].mean() > -reference_desk.unit("load").peak_mw
    assert 0.2 < by_unit["wind"].mean() / 50 < 0.45
    assert 0.08 < by_unit["solar"].mean() / 30 < 0.2


def test_few_readings_are_corrected_days_later_with_another_value(world):
    key = ["unit", "period_start"]
    meters = world["meter_readings"].sort(*key, "knowledge_time")
    both = meters.filter(pl.struct(key).is_duplicated())
    assert 0.001 < both.height / 2 / meters.height < 0.02
    first, second = both.unique(key, keep="first"), both.unique(key, keep="last")
    pair = first.join(second, on=key, suffix="_corrected")
    delay = pair["knowledge_time_corrected"] - pair["knowledge_time"]
    assert delay.min() >= timedelta(days=1)
    nonzero = pair.filter(pl.col("energy_mwh_corrected") != 0)
    assert (nonzero["energy_mwh"] != nonzero["energy_mwh_corrected"]).mean() > 0.95


def test_a_units_meter_follows_the_forecast_at_its_site(feeds, world, later):
    window = Window(YEAR.start, YEAR.start + timedelta(days=60))
    wind = feeds["weather_forecasts"].fetch(window, later)
    forecast = wind.filter(
        pl.col("site") == "wind",
        pl.col("variable") == "wind_speed_100m",
        (pl.col("period_start") - pl.col("issue_time")).dt.total_hours().is_between(24, 35),
    )
    hourly = (
        world["meter_readings"]
        .filter(pl.col("unit") == "wind")
        .group_by(pl.col("period_start").dt.truncate("1h"))
        .agg(pl.col("energy_mwh").mean())
    )
    joined = forecast.join(hourly, on="period_start")
    assert 0.75 < np.corrcoef(joined["value"], joined["energy_mwh"])[0, 1] < 0.97


def _morning(forecasts: pl.DataFrame) -> pl.DataFrame:
    return forecasts.filter(pl.col("issue_time").dt.hour() < 12)


def _residual(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    sign = pl.when(pl.col("series") == "load").then(1.0).otherwise(-1.0)
    return frame.group_by("period_start").agg((sign * pl.col("value_mw")).sum().alias(name))
