"""One verdict per input of a decision, as known at its decision time.

An input is a table and series the desk's forecasts need, with the periods they need it for. Its
verdict is `good`, `suspect` (usable, something is off) or `missing` (the forecast that needs it
steps down). Completeness counts MTUs of the session's grid, so 23- and 25-hour days are complete
with 23 and 25 hours.

Belongs here: which inputs a desk has, completeness and freshness, the overall verdict. Not here:
rows refused on the way in (`screening`), what a rung does about a verdict (`forecasting`,
`bidding`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import TABLES, UTC_TIME
from energy_assets.market import Session, load_area
from energy_assets.portfolio import (
    Desk,
    FilesFeed,
    LoadUnit,
    ReferenceMarketFeed,
    SolarUnit,
    ThermalUnit,
    WindUnit,
)

GOOD, SUSPECT, MISSING = "good", "suspect", "missing"
_ORDER = {GOOD: 0, SUSPECT: 1, MISSING: 2}
# Features reach back one week; a month of meter readings carries a unit's forecast.
PRICE_LAG_DAYS = 7
METER_DAYS = 28
FUEL_MAX_AGE = timedelta(days=7)
METER_COVERAGE = 0.9


@dataclass(frozen=True)
class Input:
    """One input of a decision.

    Attributes:
        table: Table id.
        scope: Data set.
        where: Column values that select the series.
        start: First moment needed.
        end: First moment no longer needed.
        minutes: Grid the completeness is counted on.
        coverage: Share of the grid that must be there; below it the input is missing.
        feeds: What depends on it: `price` or a unit's name.
    """

    table: str
    scope: str
    where: tuple[tuple[str, str], ...]
    start: datetime
    end: datetime
    minutes: int
    coverage: float
    feeds: str

    @property
    def name(self) -> str:
        """`table:series`, as shown and stored."""
        return ":".join((self.table, *(value for _, value in self.where)))


@dataclass(frozen=True)
class Verdict:
    """What was found of one input.

    Attributes:
        source: The input.
        rule: Rule id.
        verdict: good, suspect or missing.
        detail: Expected and found, in words.
    """

    source: Input
    rule: str
    verdict: str
    detail: str


def inputs(desk: Desk, day: date) -> list[Input]:
    """Every input that the desk's forecasts of a delivery day need."""
    session = load_area(desk.area).session()
    delivery = session.delivery_day(day)
    week = session.delivery_day(day - timedelta(days=PRICE_LAG_DAYS)).start
    wanted = [
        Input(
            "raw.market_prices",
            desk.area,
            (("series", "day_ahead"),),
            week,
            delivery.start,
            60,
            1.0,
            "price",
        )
    ]
    wanted += [
        Input(
            "raw.system_forecasts",
            desk.area,
            (("series", series),),
            delivery.start,
            delivery.end,
            60,
            1.0,
            "price",
        )
        for series in system_series(desk)
    ]
    return wanted + _unit_inputs(desk, session, day)


def system_series(desk: Desk) -> list[str]:
    """Names of the system forecasts the desk's feeds bring."""
    names: list[str] = []
    for feed in desk.feeds:
        if isinstance(feed, FilesFeed):
            names += feed.columns.forecasts
        elif isinstance(feed, ReferenceMarketFeed):
            names += ["load", "solar", "wind"]
    return sorted(set(names))


def _unit_inputs(desk: Desk, session: Session, day: date) -> list[Input]:
    delivery = session.delivery_day(day)
    # Meters of the day before yesterday are the newest known at a morning decision.
    first = session.delivery_day(day - timedelta(days=METER_DAYS + 1)).start
    last = session.delivery_day(day - timedelta(days=1)).start
    wanted = []
    for unit in desk.units:
        if isinstance(unit, WindUnit | SolarUnit | LoadUnit):
            wanted.append(
                Input(
                    "raw.meter_readings",
                    desk.name,
                    (("unit", unit.name),),
                    first,
                    last,
                    15,
                    METER_COVERAGE,
                    unit.name,
                )
            )
        if isinstance(unit, WindUnit | SolarUnit):
            variable = "wind_speed_100m" if isinstance(unit, WindUnit) else "irradiance"
            where = (("site", unit.name), ("variable", variable))
            wanted.append(
                Input(
                    "raw.weather_forecasts",
                    desk.area,
                    where,
                    delivery.start,
                    delivery.end,
                    60,
                    1.0,
                    unit.name,
                )
            )
        if isinstance(unit, ThermalUnit) and unit.fuel is not None:
            since = delivery.start - FUEL_MAX_AGE
            wanted += [
                Input(
                    "raw.fuel_prices",
                    fuel_scope(desk),
                    (("product", product),),
                    since,
                    delivery.start,
                    1440,
                    0.0,
                    unit.name,
                )
                for product in (unit.fuel.product, unit.fuel.co2_product)
            ]
    return wanted


def fuel_scope(desk: Desk) -> str:
    """Where the desk's fuel prices lie: global, or a synthetic area's own data set."""
    return desk.area if load_area(desk.area).synthetic else "global"


def verdicts(known: PointInTime, desk: Desk, day: date) -> list[Verdict]:
    """A verdict on every input of the desk's decision for a delivery day."""
    return [_verdict(known, wanted) for wanted in inputs(desk, day)]


def _verdict(known: PointInTime, wanted: Input) -> Verdict:
    rows = known.as_of(
        wanted.table,
        scope=wanted.scope,
        at=known.decision_time,
        start=wanted.start,
        end=wanted.end,
        where=dict(wanted.where),
    )
    if wanted.table == "raw.fuel_prices":
        found = MISSING if rows.is_empty() else GOOD
        detail = f"a close within {FUEL_MAX_AGE.days} days; found {rows.height}"
        return Verdict(wanted, "freshness", found, detail)
    covered, expected = _coverage(rows, wanted)
    share = covered / expected if expected else 1.0
    verdict = GOOD if covered == expected else SUSPECT
    if share < wanted.coverage or covered == 0:
        verdict = MISSING
    detail = f"expected {expected} periods of {wanted.minutes} min, found {covered}"
    return Verdict(wanted, "completeness", verdict, detail)


def _coverage(rows: pl.DataFrame, wanted: Input) -> tuple[int, int]:
    """Periods of the input's grid that are wholly covered, and how many there are."""
    expected = int((wanted.end - wanted.start).total_seconds() // (60 * wanted.minutes))
    quarter = 15
    covered = (
        rows.select("period_start", part=pl.int_ranges(0, pl.col("resolution_min"), quarter))
        .explode("part")
        .select(quarter=pl.col("period_start") + pl.duration(minutes=pl.col("part")))
        .unique()
        .filter(pl.col("quarter") < wanted.end)
        .group_by(slot=pl.col("quarter").dt.truncate(f"{wanted.minutes}m"))
        .len()
    )
    return covered.filter(pl.col("len") * quarter >= wanted.minutes).height, expected


def overall(found: list[Verdict], feeds: str | None = None) -> str:
    """The worst verdict, of all inputs or of those that one forecast depends on."""
    relevant = [v.verdict for v in found if feeds is None or v.source.feeds == feeds]
    return max(relevant, key=_ORDER.__getitem__, default=GOOD)


def verdict_frame(found: list[Verdict]) -> pl.DataFrame:
    """Own columns of `quality.verdicts`."""
    columns = {c.name: c.dtype for c in TABLES["quality.verdicts"].columns}
    rows = [
        (v.source.name, v.rule, v.verdict, v.source.start, v.source.end, v.detail) for v in found
    ]
    return pl.DataFrame(rows, schema={**columns, "window_start": UTC_TIME}, orient="row")
