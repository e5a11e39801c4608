"""The inputs of a desk's decision: which series, for which periods, at which service level.

An input is a table and series that one of the desk's forecasts reads. What it must fulfil comes
from the registry (`Table.service`); which series there are comes from the desk's feeds, its units
and the knowledge rules: a system forecast that is published after the decision is no input of it.

Belongs here: inputs as data. Not here: judging them (`service_levels`, `verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from energy_assets.feeds.knowledge_rules import AfterPeriod, BeforeDelivery, knowledge_rule
from energy_assets.lakehouse.tables import table
from energy_assets.market import Session, load_area
from energy_assets.portfolio import (
    Desk,
    EntsoeFeed,
    FilesFeed,
    FuelUse,
    LoadUnit,
    MappedFilesFeed,
    ReferenceMarketFeed,
    SolarUnit,
    ThermalUnit,
    WindUnit,
)

PRICE = "price"
# Features reach back one week; a month of meter readings carries a unit's forecast.
PRICE_LAG_DAYS = 7
METER_DAYS = 28
FUEL_MAX_AGE = timedelta(days=7)
# Prices and forecasts come in periods of up to an hour, meters in quarter-hours.
_MARKET_MINUTES, _METER_MINUTES = 60, 15
# What each forecast series of ENTSO-E brings, under the names of `raw.system_forecasts`.
_ENTSOE_FORECASTS = MappingProxyType(
    {"load_forecast": ("load",), "wind_solar_forecast": ("wind", "solar")}
)


@dataclass(frozen=True)
class Input:
    """One input of a decision.

    Attributes:
        table: Table id.
        scope: Data set.
        where: Column values that select the series, in the order of the table's key.
        start: First moment needed.
        end: First moment no longer needed.
        minutes: Grid the completeness is counted on; None where rows come irregularly.
        feeds: What depends on it: `price` or a unit's name.
    """

    table: str
    scope: str
    where: tuple[tuple[str, str], ...]
    start: datetime
    end: datetime
    minutes: int | None
    feeds: str

    @property
    def name(self) -> str:
        """`table:series`, as shown and stored."""
        return ":".join((self.table, *(value for _, value in self.where)))

    @property
    def series(self) -> str:
        """The series as `quality.point_verdicts` names it, without a vintage."""
        return ",".join(f"{column}={value}" for column, value in self.where)

    @property
    def max_age(self) -> timedelta | None:
        """Oldest acceptable newest knowledge time, from the registry."""
        return table(self.table).service.freshness

    @property
    def coverage(self) -> float:
        """Share of the grid that must be there, from the registry."""
        return table(self.table).service.completeness or 0.0


def inputs(desk: Desk, day: date) -> list[Input]:
    """Every input that the desk's forecasts of a delivery day need."""
    session = load_area(desk.area).session()
    delivery = session.delivery_day(day)
    week = session.delivery_day(day - timedelta(days=PRICE_LAG_DAYS)).start

    def of_area(table_id: str, series: str, start: datetime, end: datetime) -> Input:
        where = (("series", series),)
        return Input(table_id, desk.area, where, start, end, _MARKET_MINUTES, PRICE)

    wanted = [of_area("raw.market_prices", "day_ahead", week, delivery.start)]
    wanted += [
        of_area("raw.system_forecasts", series, delivery.start, delivery.end)
        for series in system_series(desk, day)
    ]
    for unit in desk.units:
        if isinstance(unit, WindUnit | SolarUnit | LoadUnit):
            wanted.append(_metered(desk, session, unit.name, day))
        if isinstance(unit, WindUnit | SolarUnit):
            wanted += _weather(desk, session, unit, day)
        if isinstance(unit, ThermalUnit) and unit.fuel is not None:
            wanted += _fuel(desk, unit.name, unit.fuel, delivery.start)
    return wanted


def system_series(desk: Desk, day: date) -> list[str]:
    """Names of the system forecasts that the desk's feeds bring in time for a delivery day."""
    names: set[str] = set()
    for feed in desk.feeds:
        if isinstance(feed, FilesFeed):
            names.update(feed.columns.forecasts)
        elif isinstance(feed, MappedFilesFeed):
            names.update(feed.forecasts)
        elif isinstance(feed, ReferenceMarketFeed):
            names.update(("load", "solar", "wind"))
        elif isinstance(feed, EntsoeFeed):
            for series in feed.series:
                if series in _ENTSOE_FORECASTS and _is_in_time(desk, feed.source, series, day):
                    names.update(_ENTSOE_FORECASTS[series])
    return sorted(names)


def fuel_scope(desk: Desk) -> str:
    """Where the desk's fuel prices lie: global, or a synthetic area's own data set."""
    return desk.area if load_area(desk.area).synthetic else "global"


def _is_in_time(desk: Desk, source: str, series: str, day: date) -> bool:
    """Whether a series is known at the decision, by the rule in force on the delivery day."""
    rule = knowledge_rule(source, series, day)
    if isinstance(rule, BeforeDelivery):
        return rule.on(day) <= desk.decision_time(day)
    return not isinstance(rule, AfterPeriod)


def _metered(desk: Desk, session: Session, unit: str, day: date) -> Input:
    # Meters of the day before yesterday are the newest known at a morning decision.
    first = session.delivery_day(day - timedelta(days=METER_DAYS + 1)).start
    last = session.delivery_day(day - timedelta(days=1)).start
    where = (("unit", unit),)
    return Input("raw.meter_readings", desk.name, where, first, last, _METER_MINUTES, unit)


def _weather(desk: Desk, session: Session, unit: WindUnit | SolarUnit, day: date) -> list[Input]:
    delivery = session.delivery_day(day)
    variable = "wind_speed_100m" if isinstance(unit, WindUnit) else "irradiance"
    return [
        Input(
            "raw.weather_forecasts",
            desk.area,
            (("site", site), ("variable", variable)),
            delivery.start,
            delivery.end,
            _MARKET_MINUTES,
            unit.name,
        )
        for site in desk.weather_sites(unit.name)
    ]


def _fuel(desk: Desk, unit: str, fuel: FuelUse, end: datetime) -> list[Input]:
    return [
        Input(
            "raw.fuel_prices",
            fuel_scope(desk),
            (("product", product),),
            end - FUEL_MAX_AGE,
            end,
            None,
            unit,
        )
        for product in (fuel.product, fuel.co2_product)
    ]
