"""Curation of delivery days: read what is known, write the curated tables.

Each table is replaced by scope and delivery day, a calendar month at a time: curating a day again
with the same raw rows commits nothing. Days are the session's, so a clock-change day has 23 or 25
hours of rows.

Belongs here: those steps with their effects on the lake. Not here: the rules (the other modules).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import polars as pl

from energy_assets.curation.availability import unit_availability
from energy_assets.curation.desk_view import desk_view
from energy_assets.curation.generation import LONGEST_FILL, unit_generation
from energy_assets.curation.market_series import market_series
from energy_assets.curation.outages import OUTAGES, parts_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk

SERIES, GENERATION, AVAILABILITY = (
    "curated.market_series",
    "curated.unit_generation",
    "curated.unit_availability",
)
OfDay = Callable[[DeliveryDay], pl.DataFrame]


@dataclass(frozen=True)
class Curated:
    """What curating some days of one table came to.

    Attributes:
        rows: Rows the days have.
        written: Rows written; 0 where nothing had changed.
    """

    rows: int
    written: int


def run_curation(lake: Lake, desk: Desk, days: Sequence[date], at: datetime) -> dict[str, Curated]:
    """Curate a desk's delivery days, and its area's, as known at a time; by table.

    Args:
        lake: The lake.
        desk: The desk.
        days: Delivery days.
        at: What is known by then is used; forecasts by each day's decision time at the latest.
    """
    return {
        SERIES: curate_series(lake, desk, days, at),
        AVAILABILITY: curate_availability(lake, desk, days, at),
        GENERATION: curate_generation(lake, desk, days, at),
    }


def curate_series(lake: Lake, desk: Desk, days: Sequence[date], at: datetime) -> Curated:
    """Write `curated.market_series` of the desk's area."""

    def prepare(month: Sequence[DeliveryDay]) -> OfDay:
        known = desk_view(lake, desk, at)
        for name in ("market_prices", "system_actuals", "system_forecasts"):
            known.preload(f"raw.{name}", scope=desk.area, start=month[0].start, end=month[-1].end)
        return lambda day: market_series(known, desk, day)

    return _replace(lake, SERIES, desk.area, desk, days, prepare)


def curate_availability(lake: Lake, desk: Desk, days: Sequence[date], at: datetime) -> Curated:
    """Write `curated.unit_availability`: every revision of every message known by then."""
    stored = lake.read(OUTAGES, scope=desk.name, latest_revision=False)
    revisions = stored.filter(pl.col("knowledge_time") <= at)
    return _replace(
        lake,
        AVAILABILITY,
        desk.name,
        desk,
        days,
        lambda _: lambda day: unit_availability(desk, day, revisions),
    )


def curate_generation(lake: Lake, desk: Desk, days: Sequence[date], at: datetime) -> Curated:
    """Write `curated.unit_generation`."""

    def prepare(month: Sequence[DeliveryDay]) -> OfDay:
        known = desk_view(lake, desk, at)
        start, end = month[0].start - LONGEST_FILL, month[-1].end + LONGEST_FILL
        for table_id in ("raw.meter_readings", "raw.telemetry"):
            known.preload(table_id, scope=desk.name, start=start, end=end)
        return lambda day: _generation(known, desk, day)

    return _replace(lake, GENERATION, desk.name, desk, days, prepare)


def _generation(known: PointInTime, desk: Desk, day: DeliveryDay) -> pl.DataFrame:
    parts = parts_in_force(known.as_of(OUTAGES, scope=desk.name))

    def around(table_id: str) -> pl.DataFrame:
        start, end = day.start - LONGEST_FILL, day.end + LONGEST_FILL
        return known.as_of(table_id, scope=desk.name, start=start, end=end)

    readings = around("raw.meter_readings")
    samples = around("raw.telemetry").filter(pl.col("signal") == "power")
    return pl.concat(
        unit_generation(
            unit,
            day,
            readings.filter(pl.col("unit") == unit.name),
            samples.filter(pl.col("unit") == unit.name),
            parts,
        )
        for unit in desk.units
    )


def _replace(
    lake: Lake,
    table_id: str,
    scope: str,
    desk: Desk,
    days: Sequence[date],
    prepare: Callable[[Sequence[DeliveryDay]], OfDay],
) -> Curated:
    """Make and replace the rows of delivery days, month by month."""
    rows = written = 0
    for month in _months(desk, days):
        of_day = prepare(month)
        made = pl.concat(of_day(day).with_columns(delivery_day=pl.lit(day.label)) for day in month)
        columns = [column.name for column in table(table_id).columns]
        frame = made.select(
            *(pl.col(name).cast(table(table_id).schema[name]) for name in columns), "delivery_day"
        )
        result = lake.replace(table_id, frame, scope=scope, by=["delivery_day"])
        rows, written = rows + frame.height, written + result.rows_written
    return Curated(rows, written)


def _months(desk: Desk, days: Sequence[date]) -> Iterator[list[DeliveryDay]]:
    session = load_area(desk.area).session()
    for _, labels in groupby(sorted(set(days)), key=lambda day: (day.year, day.month)):
        yield [session.delivery_day(label) for label in labels]
