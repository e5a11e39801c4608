"""Matrices of what was known: actuals as known now, forecasts as known at each day's decision.

A training row must look like the row of the day to forecast, so a forecast series takes, for every
day, the newest vintage that the desk could know at *that* day's decision time.

Belongs here: choosing vintages and laying them out by day and slot. Not here: reading
(`lakehouse.point_in_time`), features (`price`, `unit_output`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl

from energy_assets.forecasting.profiles import FloatArray, slot_matrix, wall_clock_columns
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.preference import newest_vintage
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import Session, load_area
from energy_assets.portfolio import Desk


def actual_matrix(
    known: PointInTime,
    table: str,
    scope: str,
    where: Mapping[str, str],
    value: str,
    *,
    session: Session,
    first: date,
    last: date,
    slots: int,
) -> FloatArray:
    """A measured or published series as known at the decision time, (days, slots)."""
    rows = known.as_of(
        table,
        scope=scope,
        start=session.delivery_day(first).start,
        end=session.delivery_day(last).end,
        where=dict(where),
        columns=["period_start", "resolution_min", value],
    )
    return slot_matrix(rows, value, session, first, last, slots)


def price_matrix(
    known: PointInTime, area: str, first: date, last: date, slots: int, series: str = "day_ahead"
) -> FloatArray:
    """Prices of an area as known at the decision time, (days, slots), currency/MWh."""
    return actual_matrix(
        known,
        "raw.market_prices",
        area,
        {"series": series},
        "price",
        session=load_area(area).session(),
        first=first,
        last=last,
        slots=slots,
    )


def vintage_matrix(
    known: PointInTime,
    table: str,
    scope: str,
    where: Mapping[str, str],
    value: str,
    *,
    desk: Desk,
    first: date,
    last: date,
    slots: int,
) -> FloatArray:
    """A forecast series by day and slot, each day as known at its own decision time.

    Args:
        known: Rows as of the decision.
        table: A table with vintages.
        scope: Data set.
        where: Selects the series.
        value: Value column.
        desk: Gives each day's decision time.
        first: First day.
        last: Last day, included.
        slots: Slots a day.

    Returns:
        (days, slots), NaN where no vintage was known in time.
    """
    session = load_area(desk.area).session()
    columns = ["issue_time", "period_start", "resolution_min", "source", value]

    def rows(since: date, until: date, at: datetime) -> pl.DataFrame:
        return known.as_of(
            table,
            scope=scope,
            at=at,
            start=session.delivery_day(since).start,
            end=session.delivery_day(until).end,
            where=dict(where),
        )

    dated = (
        rows(first, last, known.decision_time)
        .with_columns(wall_clock_columns(session, last, 60)[0])
        .join(decision_times(desk, first, last), on="label", maintain_order="left")
    )
    late = pl.col("knowledge_time") > pl.col("decision_time")
    in_time = [dated.filter(~late).select(columns)]
    # A vintage revised after a day's decision hides what was known then: read as of that time.
    hidden = dated.filter(late, pl.col("issue_time") <= pl.col("decision_time"))
    revised = hidden["label"].unique().sort()
    in_time += [rows(day, day, desk.decision_time(day)).select(columns) for day in revised]
    newest = newest_vintage(pl.concat(in_time), known.source_order)
    return slot_matrix(newest, value, session, first, last, slots)


def decision_times(desk: Desk, first: date, last: date) -> pl.DataFrame:
    """Columns `label` and `decision_time` for every day from first to last."""
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return pl.DataFrame(
        {"label": days, "decision_time": [desk.decision_time(day) for day in days]},
        schema={"label": pl.Date, "decision_time": UTC_TIME},
    )
