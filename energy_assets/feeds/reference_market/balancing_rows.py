"""Rows of what is traded beside the day-ahead auction: intraday, reserve, balancing energy.

Same contract as `area_rows`. Feeds of one window are fetched one after the other and start from the
same quarter-hours, which are therefore kept for a while. Not here: the prices themselves
(`intraday`, `reserves`, `balancing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import polars as pl

from energy_assets.feeds.interface import Window
from energy_assets.feeds.reference_market.balancing import BalancingMarket
from energy_assets.feeds.reference_market.day_ahead import DayAheadMarket
from energy_assets.feeds.reference_market.imbalance import ImbalanceMarket, QuarterHours
from energy_assets.feeds.reference_market.intraday import IntradayMarket
from energy_assets.feeds.reference_market.noise import Minutes, Values
from energy_assets.feeds.reference_market.power_system import PowerSystem
from energy_assets.feeds.reference_market.reserves import CONTRACTED_MW, ReserveMarket
from energy_assets.feeds.reference_market.time_axis import QUARTER, delivery_days, utc_times
from energy_assets.feeds.reference_market.weather import Weather
from energy_assets.market import Area, load_area

AUCTION_SERIES: Mapping[str, str] = MappingProxyType(
    {"ida1": "intraday_auction_1", "ida2": "intraday_auction_2", "ida3": "intraday_auction_3"}
)
"""Session to the price series of its results: one auction is no revision of another."""
DIRECTIONS = ("up", "down")
_INDEX_DELAY = 15
_BALANCING_DELAY = 30
_WINDOWS_KEPT = 16


@dataclass(frozen=True)
class BalancingRows:
    """Rows of one market area.

    Attributes:
        seed: Seed of the world.
        area: The market area, with reserve products, intraday auctions, continuous trading and
            balancing energy.
    """

    seed: int
    area: Area

    def intraday_auction(self, session: str, window: Window) -> pl.DataFrame:
        """Prices of one intraday auction, one row per quarter-hour it sells."""
        result = self._intraday.auction(self.area.session(session), self._quarters(window))
        series = AUCTION_SERIES[session]
        return self._prices(series, result.starts, result.prices, result.published)

    def intraday_index(self, window: Window) -> pl.DataFrame:
        """Mean prices of continuous trading, one row per quarter-hour."""
        assert self.area.continuous is not None
        quarters = self._quarters(window)
        values = self._intraday.index(self.area.continuous, quarters)
        known = quarters.starts + QUARTER + _INDEX_DELAY
        return self._prices("intraday_index", quarters.starts, values, known)

    def balancing_prices(self, direction: str, window: Window) -> pl.DataFrame:
        """Prices of upward or downward balancing energy, one row per quarter-hour."""
        assert self.area.balancing_energy is not None
        quarters = self._quarters(window)
        values = BalancingMarket(self.seed).prices(direction, self.area.balancing_energy, quarters)
        known = quarters.starts + QUARTER + _BALANCING_DELAY
        return self._prices(f"balancing_{direction}", quarters.starts, values, known)

    def called_reserves(self, window: Window) -> pl.DataFrame:
        """Shares of the contracted reserves called, one row per product and quarter-hour."""
        quarters = self._quarters(window)
        known = quarters.starts + QUARTER + _BALANCING_DELAY
        return pl.concat(
            pl.DataFrame(
                {
                    "period_start": utc_times(quarters.starts),
                    "called_share": share,
                    "knowledge_time": utc_times(known),
                }
            ).with_columns(product=pl.lit(product), resolution_min=pl.lit(QUARTER))
            for product, share in BalancingMarket(self.seed).called_shares(quarters).items()
        )

    def auction_results(self, window: Window) -> pl.DataFrame:
        """Capacity prices of every reserve product, one row per block and statistic."""
        days = delivery_days(self.area.session(), window)
        market = ReserveMarket(PowerSystem(Weather(self.seed)))
        frames = []
        for product in self.area.reserves:
            result = market.capacity_prices(self.area.reserve(product), days)
            for statistic, prices in result.prices.items():
                frame = pl.DataFrame(
                    {
                        "period_start": utc_times(result.starts),
                        "resolution_min": result.minutes,
                        "price": prices,
                        "knowledge_time": utc_times(result.published),
                    }
                ).with_columns(
                    product=pl.lit(product),
                    statistic=pl.lit(statistic),
                    volume_mw=pl.lit(CONTRACTED_MW[product]),
                )
                # One price for all has no average or minimum of its own.
                if statistic != "marginal":
                    frame = frame.filter(result.is_paid_as_bid)
                frames.append(frame)
        return pl.concat(frames).with_columns(
            component=pl.lit("capacity"),
            unit=pl.lit("currency/MW/h"),
            currency=pl.lit(self.area.currency),
        )

    @property
    def _intraday(self) -> IntradayMarket:
        return IntradayMarket(_imbalance_market(self.seed, self.area))

    def _quarters(self, window: Window) -> QuarterHours:
        days = delivery_days(self.area.session(), window)
        return _quarter_hours(self.seed, self.area.code, days[0].label, days[-1].label)

    def _prices(self, series: str, starts: Minutes, prices: Values, known: Minutes) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "period_start": utc_times(starts),
                "price": prices,
                "knowledge_time": utc_times(known),
            }
        ).with_columns(
            series=pl.lit(series),
            currency=pl.lit(self.area.currency),
            resolution_min=pl.lit(QUARTER),
        )


def _imbalance_market(seed: int, area: Area) -> ImbalanceMarket:
    return ImbalanceMarket(DayAheadMarket(PowerSystem(Weather(seed)), area.session()))


@lru_cache(maxsize=_WINDOWS_KEPT)
def _quarter_hours(seed: int, area: str, first: date, last: date) -> QuarterHours:
    market = load_area(area)
    days = market.session().days(first, last)
    quarters = _imbalance_market(seed, market).quarters(days)
    for values in vars(quarters).values():
        if isinstance(values, np.ndarray):
            values.flags.writeable = False
    return quarters
