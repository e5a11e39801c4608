"""Forecasts on record: those in force beside what came true, and those of one configuration.

Of a delivery day the live forecast counts, else the newest replay; of several decisions the last,
or for a configuration the one at the desk's own decision time. Read a week at a time: a quarter of
quarter-hourly percentiles of all targets would not fit a small machine.

Not here: what is made of them (`drift`, `validation`), outcomes (`forecasting.runs`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date

import polars as pl

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.lifecycle.drift import DayMeasure, measure
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.reading import Where
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

QUANTILES = "forecasts.quantiles"
OutcomesOf = Callable[[DeliveryDay], Mapping[str, FloatArray]]
_DAYS_AT_ONCE = 7
_MODES = ("live", "replay")


def measured_days(
    lake: Lake, desk: Desk, days: Sequence[date], outcomes_of: OutcomesOf
) -> dict[str, dict[date, DayMeasure]]:
    """Every target's measured days, oldest first; days without forecast or outcome are left out.

    Args:
        lake: The lake.
        desk: The desk.
        days: Delivery days, in order.
        outcomes_of: What came true on a day by target, (MTUs,), NaN where not known.
    """
    found: dict[str, dict[date, DayMeasure]] = {}
    for day, rows in _by_day(lake, desk, days, {}):
        actual = outcomes_of(day)
        for target, quantiles in _in_force(rows, day).items():
            measured = measure(quantiles, actual[target]) if target in actual else None
            if measured is not None:
                found.setdefault(target, {})[day.label] = measured
    return found


def recorded_days(
    lake: Lake, desk: Desk, target: str, model: str, versions: Collection[str], days: Sequence[date]
) -> Iterator[tuple[DeliveryDay, FloatArray]]:
    """What one model said of a target at each day's own decision, (MTUs, 99), oldest day first.

    Args:
        lake: The lake.
        desk: The desk.
        target: Target.
        model: Model that made the quantiles.
        versions: Its versions that count.
        days: Delivery days, in order; those without forecast are left out.
    """
    where = {"target": target, "model": model, "model_version": sorted(versions)}
    for day, rows in _by_day(lake, desk, days, where):
        own = rows.filter(pl.col("decision_time") == desk.decision_time(day.label))
        quantiles = _in_force(own, day).get(target)
        if quantiles is not None:
            yield day, quantiles


def _by_day(
    lake: Lake, desk: Desk, days: Sequence[date], where: Where
) -> Iterator[tuple[DeliveryDay, pl.DataFrame]]:
    """Rows of each delivery day that has any, in order."""
    session = load_area(desk.area).session()
    for some in _weeks(days):
        first, last = (session.delivery_day(day) for day in (some[0], some[-1]))
        rows = lake.read(
            QUANTILES,
            scope=desk.name,
            start=first.start,
            end=last.end,
            where={"delivery_day": some, "mode": list(_MODES), **where},
        )
        by_day = {day: group for (day,), group in rows.group_by("delivery_day")}
        for label in some:
            if label in by_day:
                yield session.delivery_day(label), by_day[label]


def _in_force(rows: pl.DataFrame, day: DeliveryDay) -> dict[str, FloatArray]:
    """Percentiles (MTUs, 99) by target; members, kept at fewer levels, are left out."""
    size = day.mtu_count * len(PERCENTILES)
    batch = ["target", "model", "mode", "decision_time"]
    whole = rows.filter(pl.len().over(batch) == size)
    newest = (
        whole.select(*batch)
        .unique()
        # "live" sorts before "replay".
        .sort(["target", "mode", "decision_time", "model"], descending=[False, False, True, False])
        .unique("target", keep="first", maintain_order=True)
    )
    ordered = whole.join(newest, on=batch, how="semi").sort("target", "period_start", "level")
    return {
        str(target): group["value"].to_numpy().reshape(day.mtu_count, len(PERCENTILES))
        for (target,), group in ordered.group_by("target", maintain_order=True)
    }


def _weeks(days: Sequence[date]) -> Iterator[list[date]]:
    for place in range(0, len(days), _DAYS_AT_ONCE):
        yield list(days[place : place + _DAYS_AT_ONCE])
