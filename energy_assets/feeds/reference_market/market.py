"""The reference market as feeds: arrays of the simulator turned into registry rows.

Area tables carry the market area's code as scope (fuel prices too: a synthetic price must never be
found under `global`); outages and meter readings carry the desk's name. Every row's knowledge time
is a publication time of the simulated world:

| rows | published |
|---|---|
| day-ahead prices | the session's publication time |
| imbalance prices | 20 minutes after the imbalance settlement period |
| system forecasts | the day before delivery: issued 07:00, out 08:30; issued 17:00, out 18:00 |
| system actuals | one hour after the quarter-hour |
| weather forecasts | issued 00 and 12 UTC for 60 hours, out 5 hours later |
| weather actuals | 20 minutes after the hour |
| fuel prices | 18:30 on the trading day |
| outages | `published_at` |
| meter readings | 09:00 the day after delivery, corrections days later |

Not here: the simulator itself (the other modules of this package).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.feeds.reference_market.area_rows import AreaRows
from energy_assets.feeds.reference_market.desk_rows import DeskRows
from energy_assets.lakehouse import Table, table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk, FeedSpec, SolarUnit, WindUnit

SOURCE = "reference_market_synthetic"
# One world for all desks: area rows must not depend on who reads them.
SEED = 20160104

Rows = Callable[[Window], pl.DataFrame]


@dataclass(frozen=True)
class ReferenceMarketFeed:
    """One table of the reference market.

    Attributes:
        name: Feed name.
        table: Registry table.
        scope: Market area or desk.
        rows: Own columns and `knowledge_time` of at least the rows of a window.
        selection: Tells the two price feeds apart.
    """

    name: str
    table: Table
    scope: str
    rows: Rows
    selection: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Says that the rows are synthetic."""
        return SOURCE

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows of the window that could be known at `as_of`."""
        typed = typed_frame(self.table, self.rows(window), source=SOURCE, basis="published")
        return known(self.table, typed, window, as_of)


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feeds a desk on the reference market reads."""
    del spec, access  # nothing to set, nothing to reach
    return [*reference_market_feeds(desk)]


def reference_market_feeds(desk: Desk, seed: int = SEED) -> list[ReferenceMarketFeed]:
    """The feeds a desk on the reference market reads."""
    area = load_area(desk.area)
    wind = tuple(unit.name for unit in desk.units_of(WindUnit))
    solar = tuple(unit.name for unit in desk.units_of(SolarUnit))
    of_area = AreaRows(seed, area, wind, solar)
    of_desk = DeskRows(seed, area.session(), desk)

    def feed(
        name: str, table_name: str, scope: str, rows: Rows, **selection: str
    ) -> ReferenceMarketFeed:
        return ReferenceMarketFeed(
            f"reference_market.{name}", table(f"raw.{table_name}"), scope, rows, selection
        )

    return [
        feed(
            "day_ahead_prices",
            "market_prices",
            area.code,
            of_area.day_ahead_prices,
            series="day_ahead",
        ),
        feed(
            "imbalance_prices",
            "market_prices",
            area.code,
            of_area.imbalance_prices,
            series="imbalance",
        ),
        feed("system_forecasts", "system_forecasts", area.code, of_area.system_forecasts),
        feed("system_actuals", "system_actuals", area.code, of_area.system_actuals),
        feed("weather_forecasts", "weather_forecasts", area.code, of_area.weather_forecasts),
        feed("weather_actuals", "weather_actuals", area.code, of_area.weather_actuals),
        feed("fuel_prices", "fuel_prices", area.code, of_area.fuel_prices),
        feed("outages", "outages", desk.name, of_desk.outages),
        feed("meter_readings", "meter_readings", desk.name, of_desk.meter_readings),
    ]
