"""Rows of the market area's tables: prices, system quantities, weather, fuel prices.

Each method takes a window and gives a frame with a table's own columns and `knowledge_time`, for
at least that window (whole delivery days and vintages; the feed cuts). Not here: the publication
rules in words (`market`), the desk's tables (`desk_rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from energy_assets.feeds.interface import Window
from energy_assets.feeds.reference_market import fuels
from energy_assets.feeds.reference_market.day_ahead import DayAheadMarket
from energy_assets.feeds.reference_market.german_calendar import ZONE
from energy_assets.feeds.reference_market.imbalance import ImbalanceMarket
from energy_assets.feeds.reference_market.noise import Minutes, Values
from energy_assets.feeds.reference_market.power_system import SERIES, PowerSystem
from energy_assets.feeds.reference_market.time_axis import (
    EPOCH,
    MIDPOINT,
    QUARTER,
    day_number,
    delivery_days,
    means_of,
    period_starts,
    quarter_hours,
    quarters_of,
    utc_minutes,
    utc_times,
)
from energy_assets.feeds.reference_market.weather import SYSTEM, UNITS, Weather
from energy_assets.market import Area, DeliveryDay
from energy_assets.market.clock import wall_clock

_IMBALANCE_DELAY = 20
_ACTUALS_DELAY = 60
_WEATHER_DELAY = 20
_CYCLE = 12 * 60
_CYCLE_DELAY = 5 * 60
_HORIZON = 60 * 60
# (issued, out) on the local day before delivery: before the noon gate, and in the evening.
_SYSTEM_VINTAGES = ((time(7), time(8, 30)), (time(17), time(18)))
_FUEL_CLOSE = time(18, 30)


@dataclass(frozen=True)
class AreaRows:
    """Rows of one market area.

    Attributes:
        seed: Seed of the world.
        area: The market area.
        wind_sites: Sites with a wind unit.
        solar_sites: Sites with a solar unit.
    """

    seed: int
    area: Area
    wind_sites: tuple[str, ...]
    solar_sites: tuple[str, ...]

    @property
    def weather(self) -> Weather:
        """The area's weather."""
        return Weather(self.seed)

    @property
    def system(self) -> PowerSystem:
        """The area's load and renewables."""
        return PowerSystem(self.weather)

    @property
    def day_ahead(self) -> DayAheadMarket:
        """The area's day-ahead auction."""
        return DayAheadMarket(self.system, self.area.session())

    @property
    def measured(self) -> list[tuple[str, str]]:
        """(site, variable) of every weather series."""
        return [
            *((SYSTEM, variable) for variable in UNITS),
            *((site, name) for site in self.wind_sites for name in UNITS if name != "irradiance"),
            *((site, name) for site in self.solar_sites for name in UNITS if name[0] != "w"),
        ]

    def day_ahead_prices(self, window: Window) -> pl.DataFrame:
        """Day-ahead prices, one row per market time unit."""
        session = self.area.session()
        days = delivery_days(session, window)
        values = self.day_ahead.prices(days)
        starts = [quarter_hours(day)[:: day.mtu_minutes // QUARTER] for day in days]
        published = [utc_minutes(session.publication(day.label)) for day in days]
        counts = [len(prices) for prices in values]
        return self._prices(
            "day_ahead", np.concatenate(starts), np.concatenate(values)
        ).with_columns(
            resolution_min=pl.Series(np.repeat([day.mtu_minutes for day in days], counts)),
            knowledge_time=utc_times(np.repeat(published, counts)),
        )

    def imbalance_prices(self, window: Window) -> pl.DataFrame:
        """Imbalance prices, one row per quarter-hour."""
        days = delivery_days(self.area.session(), window)
        quarters = ImbalanceMarket(self.day_ahead).quarters(days)
        return self._prices("imbalance", quarters.starts, quarters.imbalance).with_columns(
            resolution_min=pl.lit(QUARTER),
            knowledge_time=utc_times(quarters.starts + QUARTER + _IMBALANCE_DELAY),
        )

    def _prices(self, series: str, starts: Minutes, prices: Values) -> pl.DataFrame:
        return pl.DataFrame(
            {"period_start": utc_times(starts), "price": prices + 0.0}
        ).with_columns(series=pl.lit(series), currency=pl.lit(self.area.currency))

    def system_forecasts(self, window: Window) -> pl.DataFrame:
        """Load, wind and solar forecasts: two vintages per delivery day, in quarter-hours."""
        days = delivery_days(self.area.session(), window)
        frames = []
        for issued_at, out_at in _SYSTEM_VINTAGES:
            starts, issue = _by_day(days, issued_at)
            _, out = _by_day(days, out_at)
            for series in SERIES:
                values = self.system.value(series, starts + MIDPOINT, issue)
                frame = _power(series, starts, values, issue_time=issue, knowledge_time=out)
                frames.append(frame)
        return pl.concat(frames)

    def system_actuals(self, window: Window) -> pl.DataFrame:
        """Load, wind and solar as measured, in quarter-hours."""
        starts = period_starts(window, QUARTER)
        known = starts + QUARTER + _ACTUALS_DELAY
        return pl.concat(
            _power(series, starts, self.system.value(series, starts + MIDPOINT), known)
            for series in SERIES
        )

    def weather_forecasts(self, window: Window) -> pl.DataFrame:
        """Hourly weather forecasts: every vintage whose horizon reaches into the window."""
        hours = period_starts(window, 60)
        newest = hours // _CYCLE * _CYCLE
        back = np.arange(_HORIZON // _CYCLE, dtype=np.int64) * _CYCLE
        issue = (newest[:, None] - back).ravel()
        starts = np.repeat(hours, len(back))
        return self._weather(starts, issue + _CYCLE_DELAY, issue).with_columns(
            issue_time=pl.concat([utc_times(issue)] * len(self.measured))
        )

    def weather_actuals(self, window: Window) -> pl.DataFrame:
        """Hourly weather as measured."""
        hours = period_starts(window, 60)
        return self._weather(hours, hours + 60 + _WEATHER_DELAY)

    def _weather(
        self, starts: Minutes, known: Minutes, issue: Minutes | None = None
    ) -> pl.DataFrame:
        middles = quarters_of(starts)
        issues = None if issue is None else np.repeat(issue, 4)
        frames = []
        for site, variable in self.measured:
            values = means_of(self.weather.value(variable, site, middles, issues), 60 // QUARTER)
            frames.append(
                pl.DataFrame(
                    {
                        "period_start": utc_times(starts),
                        "value": np.round(values, 2) + 0.0,
                        "knowledge_time": utc_times(known),
                    }
                ).with_columns(
                    site=pl.lit(site),
                    variable=pl.lit(variable),
                    unit=pl.lit(UNITS[variable]),
                    resolution_min=pl.lit(60),
                )
            )
        return pl.concat(frames)

    def fuel_prices(self, window: Window) -> pl.DataFrame:
        """Daily closes of gas, coal and EUA on trading days."""
        day = np.arange(day_number(window.start.date()), day_number(window.end.date()) + 1)
        day = day[fuels.is_trading_day(day)]
        dates = [EPOCH + timedelta(days=number) for number in day.tolist()]
        known = [wall_clock(label, _FUEL_CLOSE, ZONE) for label in dates]
        return pl.concat(
            pl.DataFrame(
                {
                    "price_date": pl.Series(dates, dtype=pl.Date),
                    "price": fuels.close(self.seed, product, day),
                    "knowledge_time": pl.Series(known, dtype=pl.Datetime("us", "UTC")),
                }
            ).with_columns(product=pl.lit(product.name), unit=pl.lit(product.unit))
            for product in fuels.PRODUCTS
        )


def _by_day(days: list[DeliveryDay], at: time) -> tuple[Minutes, Minutes]:
    """Quarter-hour starts of the days and, for each, a local time on the day before."""
    quarters = [quarter_hours(day) for day in days]
    moments = [utc_minutes(_day_before(day.label, at)) for day in days]
    return np.concatenate(quarters), np.repeat(moments, [len(starts) for starts in quarters])


def _day_before(label: date, at: time) -> datetime:
    return wall_clock(label - timedelta(days=1), at, ZONE)


def _power(
    series: str,
    starts: Minutes,
    values: Values,
    knowledge_time: Minutes,
    issue_time: Minutes | None = None,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "period_start": utc_times(starts),
            "value_mw": np.round(values, 1) + 0.0,
            "knowledge_time": utc_times(knowledge_time),
        }
    ).with_columns(series=pl.lit(series), resolution_min=pl.lit(QUARTER))
    if issue_time is None:
        return frame
    return frame.with_columns(issue_time=utc_times(issue_time))
