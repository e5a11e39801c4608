"""Output of the desk's wind, solar and load units, and the imbalance spread, by analogues.

Each target is a day-by-slot matrix of outcomes and of predictors; predictors of past days are as
they were known at those days' decision times. The analogue ensemble turns them into quantiles for
the delivery day and ranks for the past days (the copula's input).

- wind: wind-speed forecast of the unit's sites, averaged by weight, and its mean over the
  neighbouring hours;
- solar: irradiance forecast of the sites, time of day;
- load: time of day, working day or not;
- imbalance spread (imbalance price minus day-ahead price): time of day, day-ahead price level.

Not here: prices (`price`), joint paths (`day_ahead`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from energy_assets.curation.outages import as_if_available
from energy_assets.forecasting.analogues import analogue_quantiles, analogue_ranks
from energy_assets.forecasting.profiles import FloatArray, slot_matrix, slots_per_day
from energy_assets.forecasting.vintages import price_matrix, vintage_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, WindUnit

OutputUnit = WindUnit | SolarUnit | LoadUnit
IMBALANCE_SPREAD = "imbalance_spread"
MINIMUM_DAYS = 14
# Distances: one unit of each scaled predictor counts the same.
_WIND_SCALE, _SUN_SCALE, _DAY_TYPE_SCALE, _PRICE_SCALE = 0.5, 25.0, 0.05, 10.0


@dataclass(frozen=True)
class SlotForecast:
    """Quantiles of one target by slot, and the ranks of past outcomes.

    Attributes:
        quantiles: (slots, 99).
        ranks: (past days, slots), NaN where a past day has no outcome.
    """

    quantiles: FloatArray
    ranks: FloatArray


class TooLittleHistoryError(Exception):
    """A target cannot be forecast from what is known; the text says what is missing."""


def unit_forecast(known: PointInTime, desk: Desk, unit: OutputUnit, day: date) -> SlotForecast:
    """Quantiles (MW; consumption for a load) of one unit for a delivery day.

    They are those of the whole plant: past outages are taken out of what was metered, those of the
    delivery day enter by MTU (`day_ahead`).

    Raises:
        TooLittleHistoryError: Fewer than `MINIMUM_DAYS` metered days are known.
    """
    first, past_last = window(desk, day)
    session = load_area(desk.area).session()
    slots = slots_per_day(session.delivery_day(day).mtu_minutes)
    readings = known.as_of(
        "raw.meter_readings",
        scope=desk.name,
        start=session.delivery_day(first).start,
        end=session.delivery_day(past_last).end,
        where={"unit": unit.name},
        columns=["period_start", "resolution_min", "energy_mwh"],
    ).with_columns(power_mw=pl.col("energy_mwh") * (60 / pl.col("resolution_min")))
    readings = as_if_available(known, desk, unit, readings)
    quarters = slot_matrix(readings, "power_mw", session, first, past_last, 96)
    # A slot with a quarter-hour missing stays empty.
    power = quarters.reshape(len(quarters), slots, -1).mean(axis=2)
    if isinstance(unit, LoadUnit):
        power = -power
    predictors = _unit_predictors(known, desk, unit, first, day, slots)
    return analogue_forecast(predictors, power, unit.name)


def spread_forecast(known: PointInTime, desk: Desk, day: date, price: FloatArray) -> SlotForecast:
    """Quantiles of imbalance price minus day-ahead price by slot.

    Args:
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day.
        price: Median day-ahead price forecast of the delivery day, (slots,).
    """
    first, past_last = window(desk, day)

    def prices(series: str) -> FloatArray:
        return price_matrix(known, desk.area, first, past_last, len(price), series)

    day_ahead = prices("day_ahead")
    level = np.vstack([day_ahead, price]) / _PRICE_SCALE
    predictors = np.stack([_time_of_day(*level.shape), level], axis=2)
    return analogue_forecast(predictors, prices("imbalance") - day_ahead, IMBALANCE_SPREAD)


def window(desk: Desk, day: date) -> tuple[date, date]:
    """First and last past day of the ranks: the last one is whole at a morning decision."""
    return day - timedelta(days=desk.forecast.qra_window_days + 1), day - timedelta(days=2)


def analogue_forecast(predictors: FloatArray, outcome: FloatArray, name: str) -> SlotForecast:
    """Forecast the delivery day from past days.

    Args:
        predictors: (days + gap, slots, F); the last row is the delivery day.
        outcome: (past days, slots), the first rows of the same days.
        name: Target, for the error.
    """
    count, slots = outcome.shape
    past = predictors[:count].reshape(count * slots, -1)
    flat = outcome.reshape(-1)
    usable = np.isfinite(past).all(axis=1) & np.isfinite(flat)
    if usable.sum() < MINIMUM_DAYS * slots:
        msg = f"{name}: expected {MINIMUM_DAYS} days of outcomes, found {usable.sum() / slots:.1f}"
        raise TooLittleHistoryError(msg)
    query = predictors[-1]
    if not np.isfinite(query).all():
        msg = f"{name}: expected a forecast for every period of the delivery day, found gaps"
        raise TooLittleHistoryError(msg)
    ranks = np.full(count * slots, np.nan)
    day = np.repeat(np.arange(count), slots)
    ranks[usable] = analogue_ranks(past[usable], flat[usable], day[usable])
    quantiles = analogue_quantiles(past[usable], flat[usable], query)
    return SlotForecast(quantiles, ranks.reshape(count, slots))


def _unit_predictors(
    known: PointInTime, desk: Desk, unit: OutputUnit, first: date, day: date, slots: int
) -> FloatArray:
    count = (day - first).days + 1
    time_of_day = _time_of_day(count, slots)
    if isinstance(unit, LoadUnit):
        weekday = np.array([(first + timedelta(days=i)).weekday() for i in range(count)])
        working = np.where(weekday < 5, 0.0, np.where(weekday == 5, 1.0, 2.0))
        day_type = np.repeat(working[:, None], slots, axis=1) / _DAY_TYPE_SCALE
        return np.stack([time_of_day, day_type], axis=2)
    weather = _unit_weather(known, desk, unit, first, day, slots)
    if isinstance(unit, SolarUnit):
        return np.stack([weather / _SUN_SCALE, time_of_day], axis=2)
    return np.stack([weather / _WIND_SCALE, _smoothed(weather) / _WIND_SCALE / 2], axis=2)


def _unit_weather(
    known: PointInTime,
    desk: Desk,
    unit: WindUnit | SolarUnit,
    first: date,
    day: date,
    slots: int,
) -> FloatArray:
    """Mean forecast of a unit's sites by weight, (days, slots); NaN where a site's is missing."""
    variable = "wind_speed_100m" if isinstance(unit, WindUnit) else "irradiance"
    by_site = [
        share
        * vintage_matrix(
            known,
            "raw.weather_forecasts",
            desk.area,
            {"site": site, "variable": variable},
            "value",
            desk=desk,
            first=first,
            last=day,
            slots=slots,
        )
        for site, share in desk.weather_sites(unit.name).items()
    ]
    weather: FloatArray = np.sum(by_site, axis=0)
    return weather


def _time_of_day(count: int, slots: int) -> FloatArray:
    return np.tile(np.arange(slots) * 24.0 / slots, (count, 1))


def _smoothed(values: FloatArray, hours: int = 3) -> FloatArray:
    """Centred mean over neighbouring slots, within the day."""
    width = values.shape[1] * hours // 24
    padded = np.pad(values, ((0, 0), (width, width)), mode="edge")
    total = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    span = 2 * width + 1
    result: FloatArray = (total[:, span:] - total[:, :-span]) / span
    return result
