"""The intraday forecast of a desk's wind, solar and load units, made at any time.

Guidance of wind and solar is output as a function of the weather forecasts, newest vintage first;
of a load the median of its day-ahead forecasts, where half of the past has them. From 12 to 36
hours ahead the forecast hands over to the day-ahead quantiles in force.

Where nothing newer than two hours was seen, or the unit has no model, the forecast is the day-ahead
one and says so; periods it does not reach get the model's, whose leads then count from the old
value, and without a model the quantiles of the time of day.

Belongs here: training, serving and the rungs. Not here: reading (`reading`), the model
(`boosting`), rows of tables (`rows`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.boosted_trees import trees_from_text
from energy_assets.forecasting.intraday.boosting import FittedIntraday, IntradayModel
from energy_assets.forecasting.intraday.features import REACH_DAYS
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.forecasting.intraday.reading import UnitReading
from energy_assets.forecasting.intraday.weather_guidance import (
    apply_weather,
    fit_weather,
    weather_guidance,
)
from energy_assets.forecasting.members.archives import archive
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.targets import output_units
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import Mode
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk

if TYPE_CHECKING:
    import lightgbm

INTRADAY, DAY_AHEAD, TIME_OF_DAY = "intraday", "day_ahead", "time_of_day"
STALE_AFTER = timedelta(hours=2)
HANDOVER_HOURS = (12.0, 36.0)
WINDOW_DAYS = 182
_LEAST_DAYS = 7
# Share of the past with a day-ahead forecast from which on errors are learnt against it.
_KEPT_SHARE = 0.5


@dataclass(frozen=True)
class IntradayForecast:
    """Quantiles of one unit's output from now on.

    Attributes:
        target: The unit's name.
        at: When it was made, UTC.
        days: Delivery days the horizon touches.
        starts: UTC start of each MTU, in time order.
        minutes: Length of each MTU.
        quantiles: MW (consumption for a load), (MTUs, 99).
        model: Rung of the nearest periods: `intraday`, `day_ahead` or `time_of_day`.
        version: Version of the model.
        seen_until: End of the newest live value, None without any.
        note: Why a lower rung was used, empty where none was.
    """

    target: str
    at: datetime
    days: tuple[DeliveryDay, ...]
    starts: tuple[datetime, ...]
    minutes: tuple[int, ...]
    quantiles: FloatArray
    model: str
    version: str
    seen_until: datetime | None
    note: str = ""


@dataclass(frozen=True)
class UnitModel:
    """What is trained for one unit.

    Attributes:
        weather: Output by weather; None for a load, or where there is too little weather.
        on_day_ahead: Whether the guidance is the median of the day-ahead forecasts.
        intraday: The intraday model on top of either, or of the mean of the time of day.
        version: Hash of what the forecasts depend on beside data.
    """

    weather: lightgbm.Booster | None
    on_day_ahead: bool
    intraday: FittedIntraday
    version: str

    def dump(self) -> bytes:
        """Both parts as a NumPy archive without pickles."""
        file = io.BytesIO()
        np.savez(
            file,
            allow_pickle=False,
            weather=np.array("" if self.weather is None else self.weather.model_to_string()),
            intraday=np.frombuffer(self.intraday.dump(), dtype=np.uint8),
            on_day_ahead=np.array(self.on_day_ahead),
            version=np.array(self.version),
        )
        return file.getvalue()


def load_unit_model(content: bytes) -> UnitModel:
    """Read what `UnitModel.dump` wrote.

    Raises:
        MemberUnavailableError: It is no such archive.
    """
    with archive(content, "intraday: expected a unit's model") as found:
        text, inner = str(found["weather"]), found["intraday"].tobytes()
        on_day_ahead, version = bool(found["on_day_ahead"]), str(found["version"])
    weather = trees_from_text(text) if text else None
    return UnitModel(weather, on_day_ahead, IntradayModel().load(inner), version)


def day_ahead_rows(
    lake: Lake, desk: Desk, at: datetime, mode: Mode = "live", days: int = WINDOW_DAYS
) -> pl.DataFrame:
    """Rows of `forecasts.quantiles` of the day-ahead decisions made by a time.

    Args:
        lake: The lake.
        desk: The desk.
        at: Only decisions not later than this.
        mode: `live`, or `replay` in a backtest.
        days: How far back delivery may lie.
    """
    rows = lake.read(
        "forecasts.quantiles",
        scope=desk.name,
        start=at - timedelta(days=days),
        where={
            "session": "day_ahead",
            "mode": mode,
            "target": [unit.name for unit in output_units(desk)],
        },
    )
    return rows.filter(pl.col("decision_time") <= at)


def train_units(
    known: PointInTime,
    desk: Desk,
    at: datetime,
    horizon_hours: int = 36,
    *,
    day_ahead: pl.DataFrame | None = None,
    model: IntradayModel | None = None,
) -> dict[str, UnitModel]:
    """Train every unit whose history suffices; the others are left out.

    Args:
        known: Rows as of the training.
        desk: The desk.
        at: Newest knowledge that may count.
        horizon_hours: Longest lead.
        day_ahead: Rows of `forecasts.quantiles`, past decisions among them (`day_ahead_rows`).
        model: Kind of model.
    """
    kind = model or IntradayModel(WINDOW_DAYS)
    made = {}
    for unit in output_units(desk):
        days = kind.spec.window_days or WINDOW_DAYS
        reading = UnitReading(known, desk, unit, at, horizon_hours, days, day_ahead)
        try:
            made[unit.name] = _train(reading, kind)
        except MemberUnavailableError:
            continue
    return made


def intraday_forecast(
    known: PointInTime,
    desk: Desk,
    at: datetime,
    horizon_hours: int = 36,
    *,
    day_ahead: pl.DataFrame | None = None,
    models: Mapping[str, UnitModel] | None = None,
) -> dict[str, IntradayForecast]:
    """Quantiles of every wind, solar and load unit from the MTU of a moment on.

    Args:
        known: Rows as of the decision, its time not before `at`.
        desk: The desk.
        at: When the forecast is made.
        horizon_hours: How far it reaches; MTUs that begin within it are forecast.
        day_ahead: Rows of `forecasts.quantiles` (`day_ahead_rows`).
        models: Trained models (`train_units`); trained now if left out.

    Raises:
        InputError: `at` lies after the decision time or has no zone.
        MemberUnavailableError: A unit has neither model, nor day-ahead forecast, nor a past.
    """
    if models is None:
        models = train_units(known, desk, at, horizon_hours, day_ahead=day_ahead)
    return {
        unit.name: _serve(
            UnitReading(known, desk, unit, at, horizon_hours, REACH_DAYS, day_ahead),
            models.get(unit.name),
        )
        for unit in output_units(desk)
    }


def _train(reading: UnitReading, kind: IntradayModel) -> UnitModel:
    history, weather = reading.history(), reading.weather
    past = np.arange(len(history.outcome)) < history.origin
    booster = None if weather is None else fit_weather(weather, history.outcome, past)
    median = reading.day_ahead_median
    kept = np.isfinite(median.values[0, past]).mean()
    on_day_ahead = booster is None and bool(kept >= _KEPT_SHARE)
    if weather is not None and booster is not None:
        guidance = weather_guidance(weather, history.outcome, history.origin, history.per_day)
        history = reading.history(guidance)
    elif on_day_ahead:
        history = reading.history(median)
    return UnitModel(booster, on_day_ahead, kind.fit(history), kind.version)


def _serve(reading: UnitReading, model: UnitModel | None) -> IntradayForecast:
    history = reading.history()
    if model is not None and model.weather is not None and reading.weather is not None:
        history = reading.history(apply_weather(model.weather, reading.weather))
    elif model is not None and model.on_day_ahead:
        history = reading.history(reading.day_ahead_median)
    day_ahead = reading.day_ahead_in_force()
    there = _whole(day_ahead)
    note = _reason(reading, history, model)
    made = np.full(day_ahead.shape, np.nan)
    if model is not None and history.last_seen is not None:
        made = model.intraday.predict(history)
    share = np.ones(len(there)) if note else _handed_over(history)
    quantiles = np.where(there[:, None], _mixed(made, day_ahead, share), made)
    gaps = ~_whole(quantiles)
    if gaps.any():
        quantiles[gaps] = _time_of_day(history)[gaps]
    rung = INTRADAY
    if note:
        rung = DAY_AHEAD if there[0] else TIME_OF_DAY if gaps[0] else INTRADAY
    return _answer(reading, quantiles, rung, model, note)


def _reason(reading: UnitReading, history: RollingHistory, model: UnitModel | None) -> str:
    """Why the intraday model cannot lead; empty where it can."""
    name = history.target
    if history.last_seen is None:
        return f"{name}: no telemetry and no meter reading is known"
    age = reading.at - history.time_of(history.last_seen + 1)
    if age > STALE_AFTER:
        hours = age.total_seconds() / 3600
        return f"{name}: the newest value is {hours:.1f} hours old"
    return "" if model is not None else f"{name}: no intraday model is trained"


def _handed_over(history: RollingHistory) -> FloatArray:
    """Share of the day-ahead quantiles by period, (H,)."""
    hours = (history.periods - history.origin) / history.per_hour
    low, high = HANDOVER_HOURS
    share: FloatArray = np.clip((hours - low) / (high - low), 0.0, 1.0)
    return share


def _mixed(made: FloatArray, day_ahead: FloatArray, share: FloatArray) -> FloatArray:
    """Quantiles averaged level by level; a model that says nothing has no share."""
    weight = np.where(_whole(made), share, 1.0)[:, None]
    return np.where(weight < 1, np.nan_to_num(made) * (1 - weight), 0.0) + day_ahead * weight


def _whole(quantiles: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(quantiles).all(axis=1), dtype=bool)


def _time_of_day(history: RollingHistory) -> FloatArray:
    """Quantiles of the last outcomes at the same time of day and those beside it, (H, 99)."""
    day, last = history.per_day, history.origin
    around = np.arange(-1, 2)
    rows = []
    for period in history.periods:
        places = period + around[:, None] - day * np.arange(1, REACH_DAYS)
        values = history.outcome[places[(places >= 0) & (places < last)]]
        known = values[np.isfinite(values)]
        if len(known) < _LEAST_DAYS:
            msg = f"{history.target}: expected {_LEAST_DAYS} days of outcomes, found fewer"
            raise MemberUnavailableError(msg)
        rows.append(np.quantile(known, PERCENTILES))
    return np.stack(rows)


def _answer(
    reading: UnitReading,
    quantiles: FloatArray,
    rung: str,
    model: UnitModel | None,
    note: str,
) -> IntradayForecast:
    """The forecast on the MTUs of its delivery days, of the plant that is there."""
    history = reading.history()
    quantiles = quantiles * reading.share[history.origin :, None]
    starts, minutes, rows = [], [], []
    for day in reading.days:
        for mtu in day.mtus:
            first = round((mtu.start - reading.origin_time).total_seconds() / 60)
            first //= history.minutes
            if first < 0 or first >= len(quantiles):
                continue
            starts.append(mtu.start)
            minutes.append(mtu.minutes)
            # Parts of one MTU rise and fall together: their quantiles are averaged.
            rows.append(quantiles[first : first + mtu.minutes // history.minutes].mean(axis=0))
    newest = history.last_seen
    return IntradayForecast(
        reading.unit.name,
        reading.at,
        tuple(reading.days),
        tuple(starts),
        tuple(minutes),
        np.stack(rows),
        rung,
        "" if model is None else model.version,
        None if newest is None else history.time_of(newest + 1),
        note,
    )
