"""The forecast step of a decision: read as known, forecast, write `forecasts.*`.

Belongs here: that one step with its effects on the lake, called by the asset, the command line and
tests alike. Not here: how a target is forecast (`day_ahead`), rows (`records`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.curation.desk_view import desk_view
from energy_assets.forecasting.day_ahead import DayForecast, Forecaster, forecast_day
from energy_assets.forecasting.hindcasts import Progress
from energy_assets.forecasting.lifecycle.in_force import ensembles_in_force
from energy_assets.forecasting.members.serving import MemoryModels, ModelStore
from energy_assets.forecasting.profiles import (
    FloatArray,
    mtu_slots,
    slot_matrix,
    slots_per_day,
)
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.records import (
    LakeHindcasts,
    quantile_rows,
    scenario_rows,
    score_rows,
)
from energy_assets.forecasting.targets import (
    IMBALANCE_SPREAD,
    PRICE,
    output_units,
    target_names,
)
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit
from energy_assets.quality.verdicts import (
    Verdict,
    system_series,
    unusable,
    verdict_frame,
    verdicts,
)


@dataclass(frozen=True)
class ForecastRun:
    """A written forecast.

    Attributes:
        forecast: The forecast.
        rows_written: Rows appended; 0 where nothing changed.
    """

    forecast: DayForecast
    rows_written: int


def run_verdicts(
    lake: Lake, desk: Desk, stamp: RunStamp, ingested_before: datetime | None = None
) -> list[Verdict]:
    """Judge every input of a decision and write `quality.verdicts`."""
    known = desk_view(lake, desk, stamp.decision_time, ingested_before)
    found = verdicts(known, desk, stamp.delivery_day)
    frame = stamp.on(verdict_frame(found), "quality.verdicts")
    lake.append("quality.verdicts", frame, scope=desk.name)
    return found


def run_forecast(
    lake: Lake,
    desk: Desk,
    stamp: RunStamp,
    *,
    ingested_before: datetime | None = None,
    models: ModelStore | None = None,
    may_train: bool = True,
    progress: Progress | None = None,
) -> ForecastRun:
    """Forecast a delivery day with the champions as of its decision; write quantiles and scenarios.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        ingested_before: Only rows written before this are read.
        models: Where trained models are kept; in memory if left out.
        may_train: False: a trained model that is not there leaves its member out.
        progress: Told about hindcasts made.

    Raises:
        ForecastUnavailableError: A target cannot be forecast; nothing was written.
    """
    known = desk_view(lake, desk, stamp.decision_time, ingested_before)
    found = verdicts(known, desk, stamp.delivery_day)
    reasons = {target: unusable(found, target) for target in target_names(desk)}
    forecast = forecast_day(
        known,
        desk,
        stamp.delivery_day,
        series=system_series(desk, stamp.delivery_day),
        forecaster=Forecaster(
            store=LakeHindcasts(lake, desk, stamp.run_id),
            models=models or MemoryModels(),
            ensembles=ensembles_in_force(lake, desk, stamp.decision_time, ingested_before),
            may_train=may_train,
            progress=progress,
        ),
        unusable={target: reason for target, reason in reasons.items() if reason},
    )
    written = 0
    for table_id, frame in (
        ("forecasts.quantiles", quantile_rows(forecast)),
        ("forecasts.scenarios", scenario_rows(forecast.scenarios)),
    ):
        result = lake.append(table_id, stamp.on(frame, table_id), scope=desk.name)
        written += result.rows_written
    return ForecastRun(forecast, written)


def run_scores(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp, at: datetime) -> int:
    """Score a delivery day's forecast against outcomes known at a time; returns rows written."""
    rows = lake.read(
        "forecasts.quantiles",
        scope=desk.name,
        start=day.start,
        end=day.end,
        where=stamp.where,
    )
    quantiles, models = quantiles_by_target(rows, day)
    outcome = outcomes(lake, desk, day, at)
    naive = weekly_naives(lake, desk, day, at)
    scores = score_rows(day, outcome, quantiles, models, naive)
    frame = stamp.on(scores, "forecasts.scores")
    return lake.append("forecasts.scores", frame, scope=desk.name).rows_written


def quantiles_by_target(
    rows: pl.DataFrame, day: DeliveryDay
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Quantiles (MTUs, 99) and model by target, from rows of `forecasts.quantiles`.

    Member paths (one level only) are left out.
    """
    quantiles, models = {}, {}
    for (target, model), group in rows.group_by("target", "model", maintain_order=True):
        if group.height != day.mtu_count * len(PERCENTILES):
            continue
        values = group.sort("period_start", "level")["value"].to_numpy()
        quantiles[str(target)] = values.reshape(day.mtu_count, len(PERCENTILES))
        models[str(target)] = str(model)
    return quantiles, models


def outcomes(
    lake: Lake,
    desk: Desk,
    day: DeliveryDay,
    at: datetime,
    ingested_before: datetime | None = None,
) -> Mapping[str, FloatArray]:
    """What came true by target, (MTUs,), NaN where not known yet.

    Args:
        lake: The lake.
        desk: The desk.
        day: The delivery day.
        at: Known by then.
        ingested_before: Only rows written before this are read.
    """
    known = desk_view(lake, desk, at, ingested_before)

    def price(series: str) -> FloatArray:
        rows = known.as_of(
            "raw.market_prices",
            scope=desk.area,
            start=day.start,
            end=day.end,
            where={"series": series},
            columns=["period_start", "resolution_min", "price"],
        )
        return _mean_by_mtu(rows, "price", day)

    found = {PRICE: price("day_ahead")}
    if IMBALANCE_SPREAD in target_names(desk):
        found[IMBALANCE_SPREAD] = price("imbalance") - found[PRICE]
    per_hour = 60 / day.mtu_minutes
    for unit in output_units(desk):
        readings = known.as_of(
            "raw.meter_readings",
            scope=desk.name,
            start=day.start,
            end=day.end,
            where={"unit": unit.name},
            columns=["period_start", "resolution_min", "energy_mwh"],
        )
        energy = _sum_by_mtu(readings, "energy_mwh", day)
        found[unit.name] = (-energy if isinstance(unit, LoadUnit) else energy) * per_hour
    return found


def weekly_naives(
    lake: Lake, desk: Desk, day: DeliveryDay, at: datetime
) -> Mapping[str, FloatArray]:
    """Outcome of the same wall-clock slots a week before by target, (MTUs of the day,).

    Days of unequal length or MTU meet in slots of the wall clock, as in `profiles`.
    """
    session = load_area(desk.area).session()
    before = session.delivery_day(day.label - timedelta(days=7))
    slots = slots_per_day(day.mtu_minutes)

    def on_this_day(values: FloatArray) -> FloatArray:
        frame = pl.DataFrame(
            {"period_start": before.starts, "resolution_min": before.mtu_minutes, "value": values},
            schema_overrides={"period_start": UTC_TIME},
        )
        matrix = slot_matrix(frame, "value", session, before.label, before.label, slots)
        moved: FloatArray = matrix[0][mtu_slots(day, session, slots)]
        return moved

    found = outcomes(lake, desk, before, at)
    return {target: on_this_day(values) for target, values in found.items()}


def _mean_by_mtu(rows: pl.DataFrame, column: str, day: DeliveryDay) -> FloatArray:
    """Mean over each MTU of periods of any length; NaN where they do not fill it."""
    total, filled = np.zeros(day.mtu_count), np.zeros(day.mtu_count)
    for start, minutes, value in rows.select("period_start", "resolution_min", column).iter_rows():
        first = day.position_of(start) - 1
        share = min(1.0, minutes / day.mtu_minutes)
        touched = slice(first, first + max(1, minutes // day.mtu_minutes))
        total[touched] += share * value
        filled[touched] += share
    return np.where(np.isclose(filled, 1.0), total, np.nan)


def _sum_by_mtu(rows: pl.DataFrame, column: str, day: DeliveryDay) -> FloatArray:
    """Sum of the periods inside each MTU; NaN where one is missing."""
    total, minutes_seen = np.zeros(day.mtu_count), np.zeros(day.mtu_count)
    for start, minutes, value in rows.select("period_start", "resolution_min", column).iter_rows():
        position = day.position_of(start) - 1
        total[position] += value
        minutes_seen[position] += minutes
    return np.where(minutes_seen == day.mtu_minutes, total, np.nan)
