"""Forecasts of many past days on the record, as a desk's deadline runs leave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl
from scipy.stats import norm

from energy_assets.forecasting.day_ahead import DayForecast, Scenarios
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.records import quantile_rows
from energy_assets.forecasting.target_forecasts import (
    ENSEMBLE,
    Forecaster,
    TargetForecast,
    target_forecast,
)
from energy_assets.forecasting.targets import TargetReader
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import Mode
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.desk_inputs import system_series
from energy_assets_tests.e2e.desks import stamp_of


def record_real(lake: Lake, desk: Desk, days: Sequence[date], targets: Sequence[str]) -> None:
    """Forecast some targets of some days, each as decided then, and record them."""
    known = PointInTime(lake, desk.decision_time(days[-1]))
    series = system_series(desk, days[-1])
    for target in targets:
        TargetReader(known, desk, series).preload(target, days[0], days[-1])
    forecaster = Forecaster()

    def made(day: DeliveryDay) -> list[TargetForecast]:
        view = known.for_decision(desk.decision_time(day.label))
        return [
            target_forecast(view, desk, day.label, target, series=series, forecaster=forecaster)
            for target in targets
        ]

    _record(lake, desk, days, made)


def record_made_up(
    lake: Lake,
    desk: Desk,
    days: Sequence[date],
    version: str,
    spread: float,
    mode: Mode = "live",
    model: str = ENSEMBLE,
) -> None:
    """Record normal price forecasts around zero, those of one configuration."""

    def made(day: DeliveryDay) -> list[TargetForecast]:
        quantiles = np.tile(norm.ppf(PERCENTILES) * spread, (day.mtu_count, 1))
        return [TargetForecast("price", model, version, quantiles, {})]

    _record(lake, desk, days, made, mode)


def _record(
    lake: Lake,
    desk: Desk,
    days: Sequence[date],
    made: Callable[[DeliveryDay], list[TargetForecast]],
    mode: Mode = "live",
) -> None:
    session, frames = load_area(desk.area).session(), []
    for label in days:
        day = session.delivery_day(label)
        targets = {each.target: each for each in made(day)}
        forecast = DayForecast(day, targets, Scenarios(day, np.ones(1), {}))
        stamp = stamp_of(desk, label, mode)
        frames.append(stamp.on(quantile_rows(forecast), "forecasts.quantiles"))
    lake.append("forecasts.quantiles", pl.concat(frames), scope=desk.name)
