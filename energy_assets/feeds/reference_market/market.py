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

and, for desks that trade them (`balancing` in the desk's feed):

| rows | published |
|---|---|
| reserve capacity prices | the product's publication time |
| intraday auction prices | the session's publication time, on days the auction is held |
| intraday index | 15 minutes after the quarter-hour |
| balancing energy prices, called reserves | 30 minutes after the quarter-hour |

Not here: the simulator itself (the other modules of this package).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import polars as pl

from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.feeds.reference_market.area_rows import AreaRows
from energy_assets.feeds.reference_market.balancing_rows import (
    AUCTION_SERIES,
    DIRECTIONS,
    BalancingRows,
)
from energy_assets.feeds.reference_market.desk_rows import DeskRows
from energy_assets.lakehouse import Table, table
from energy_assets.market import Area, load_area
from energy_assets.portfolio import Desk, FeedSpec, SolarUnit, WindUnit
from energy_assets.portfolio import ReferenceMarketFeed as ReferenceMarketSpec

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
        selection: Tells the price feeds apart.
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
    del access  # nothing to reach
    assert isinstance(spec, ReferenceMarketSpec)
    return [*reference_market_feeds(desk, balancing=spec.balancing)]


def reference_market_feeds(
    desk: Desk, seed: int = SEED, *, balancing: bool = False
) -> list[ReferenceMarketFeed]:
    """The feeds a desk on the reference market reads.

    Args:
        desk: The desk.
        seed: Seed of the world.
        balancing: Also reserve, intraday and balancing energy.
    """
    area = load_area(desk.area)
    wind = tuple(unit.name for unit in desk.units_of(WindUnit))
    solar = tuple(unit.name for unit in desk.units_of(SolarUnit))
    of_area = AreaRows(seed, area, wind, solar)
    of_desk = DeskRows(seed, area.session(), desk)
    code, name = area.code, desk.name
    return [
        _prices("day_ahead_prices", area, of_area.day_ahead_prices, "day_ahead"),
        _prices("imbalance_prices", area, of_area.imbalance_prices, "imbalance"),
        _feed("system_forecasts", code, of_area.system_forecasts),
        _feed("system_actuals", code, of_area.system_actuals),
        _feed("weather_forecasts", code, of_area.weather_forecasts),
        _feed("weather_actuals", code, of_area.weather_actuals),
        _feed("fuel_prices", code, of_area.fuel_prices),
        _feed("outages", name, of_desk.outages),
        _feed("meter_readings", name, of_desk.meter_readings),
        *(_balancing_feeds(seed, area) if balancing else ()),
    ]


def _balancing_feeds(seed: int, area: Area) -> list[ReferenceMarketFeed]:
    rows = BalancingRows(seed, area)
    return [
        _feed("auction_results", area.code, rows.auction_results),
        *(
            _prices(series, area, partial(rows.intraday_auction, session), series)
            for session, series in AUCTION_SERIES.items()
        ),
        _prices("intraday_index", area, rows.intraday_index, "intraday_index"),
        *(
            _prices(series, area, partial(rows.balancing_prices, direction), series)
            for direction in DIRECTIONS
            for series in (f"balancing_{direction}",)
        ),
        _feed("called_reserves", area.code, rows.called_reserves),
    ]


def _feed(table_name: str, scope: str, rows: Rows) -> ReferenceMarketFeed:
    """The feed of a whole table, named like it."""
    return ReferenceMarketFeed(
        f"reference_market.{table_name}", table(f"raw.{table_name}"), scope, rows
    )


def _prices(name: str, area: Area, rows: Rows, series: str) -> ReferenceMarketFeed:
    """The feed of one price series."""
    return ReferenceMarketFeed(
        f"reference_market.{name}", table("raw.market_prices"), area.code, rows, {"series": series}
    )
