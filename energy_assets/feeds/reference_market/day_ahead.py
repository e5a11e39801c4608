"""Synthetic day-ahead prices: a merit order of the residual load the market expected.

The price of a market time unit is the supply curve read at residual load as forecast on the morning
before delivery, plus plant availability and bids nobody publishes. So a model with good load, wind
and solar forecasts has skill and no certainty. Quarter-hour products exaggerate ramps inside the
hour, as plants and exchange still follow hourly schedules.

Not here: imbalance prices (`imbalance`), fuel prices (`fuels`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from energy_assets.feeds.reference_market.fuels import COAL, EUA, GAS, close
from energy_assets.feeds.reference_market.noise import Minutes, Spectrum, Values, key_of, noise
from energy_assets.feeds.reference_market.power_system import PowerSystem
from energy_assets.feeds.reference_market.time_axis import (
    MIDPOINT,
    QUARTER,
    day_number,
    means_of,
    quarter_hours,
    utc_minutes,
)
from energy_assets.market import DeliveryDay, Session

# Residual load in GW, and the bid there as a linear function of prices: gas (MWh HHV per MWh of
# electricity), coal (MWh LHV per MWh), EUA (t CO2 per MWh) and a constant in EUR/MWh. Must-run and
# support make bids negative at the low end; scarcity ends the curve.
_STACK = np.array(
    [
        [-45.0, 0.0, 0.0, 0.0, -350.0],
        [-30.0, 0.0, 0.0, 0.0, -85.0],
        [-16.0, 0.0, 0.0, 0.0, -22.0],
        [-8.0, 0.0, 0.0, 0.0, -5.0],
        [-2.0, 0.0, 0.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 0.05, 4.0],
        [11.0, 0.0, 0.0, 0.35, 4.0],
        [18.0, 0.0, 0.0, 0.75, 6.0],
        [27.0, 0.0, 0.0, 1.05, 8.0],
        [36.0, 0.7, 1.4, 0.6, 2.0],
        [45.0, 2.2, 0.0, 0.4, 4.0],
        [53.0, 2.7, 0.0, 0.49, 6.0],
        [58.0, 3.1, 0.0, 0.56, 10.0],
        [63.0, 3.6, 0.0, 0.65, 25.0],
        [67.0, 4.0, 0.0, 0.75, 60.0],
        [72.0, 4.0, 0.0, 0.75, 230.0],
        [80.0, 4.0, 0.0, 0.75, 1000.0],
    ]
)
_AVAILABILITY: Spectrum = ((240.0, 0.3), (48.0, 0.3), (16.0, 0.25), (4.0, 0.15))
_BIDDING: Spectrum = ((48.0, 0.3), (16.0, 0.35), (5.0, 0.25), (1.0, 0.1))
_AVAILABILITY_SD_GW = 4.0
_BIDDING_SD = 9.5
_RAMP_EXAGGERATION = 2.2
_MARKET_ISSUE_HOURS_BEFORE_GATE = 2


@dataclass(frozen=True)
class DayAheadResult:
    """The auctions of consecutive delivery days.

    Attributes:
        prices: Clearing prices in EUR/MWh, one array per delivery day, one value per MTU.
        expected_mw: Residual load the market expected, one value per quarter-hour of all days.
    """

    prices: list[Values]
    expected_mw: Values


@dataclass(frozen=True)
class DayAheadMarket:
    """The day-ahead auction of the market area.

    Attributes:
        system: Load and renewables.
        session: The auction's dated facts (MTU, gate, limits).
    """

    system: PowerSystem
    session: Session

    def prices(self, days: list[DeliveryDay]) -> list[Values]:
        """Clearing prices in EUR/MWh, one array per delivery day, one value per MTU."""
        return self.result(days).prices if days else []

    def result(self, days: list[DeliveryDay]) -> DayAheadResult:
        """What the auctions of at least one delivery day cleared at, and on which expectation."""
        quarters = [quarter_hours(day) for day in days]
        expected = self._expected_mw(days, quarters)
        clearing = self._clearing(days, quarters, expected / 1000.0)
        ends = np.cumsum([len(starts) for starts in quarters])[:-1]
        prices = [
            self._published(day, values)
            for day, values in zip(days, np.split(clearing, ends), strict=True)
        ]
        return DayAheadResult(prices, expected)

    def market_issue(self, day: date) -> datetime:
        """When the market made up its mind about residual load: two hours before the gate."""
        return self.session.gate_closure(day) - timedelta(hours=_MARKET_ISSUE_HOURS_BEFORE_GATE)

    def _expected_mw(self, days: list[DeliveryDay], quarters: list[Minutes]) -> Values:
        issued = [utc_minutes(self.market_issue(day.label)) for day in days]
        issue = np.repeat(issued, [len(starts) for starts in quarters])
        return self.system.residual_load(np.concatenate(quarters) + MIDPOINT, issue)

    def _clearing(
        self, days: list[DeliveryDay], quarters: list[Minutes], expected_gw: Values
    ) -> Values:
        counts = [len(starts) for starts in quarters]
        # The gate is at noon: the last close every bidder has seen is of two days before delivery.
        fuel_day = np.repeat([day_number(day.label) - 2 for day in days], counts)
        quarter_hourly = np.repeat([day.mtu_minutes == QUARTER for day in days], counts)

        middle = np.concatenate(quarters) + MIDPOINT
        hourly = np.repeat(means_of(expected_gw, 60 // QUARTER), 4)
        ramped = hourly + _RAMP_EXAGGERATION * (expected_gw - hourly)
        seed = self.system.weather.seed
        missing = _AVAILABILITY_SD_GW * noise(key_of(seed, "availability"), middle, _AVAILABILITY)
        tightness = np.where(quarter_hourly, ramped, hourly) + missing
        bidding = _BIDDING_SD * noise(key_of(seed, "bidding"), middle, _BIDDING)
        return supply_price(seed, tightness, fuel_day) + bidding

    def _published(self, day: DeliveryDay, quarter_prices: Values) -> Values:
        prices = means_of(quarter_prices, day.mtu_minutes // QUARTER)
        rules = self.session.curve_rules(day.label)
        ticks = np.round(prices / rules.price_tick)
        clipped = np.clip(ticks, rules.price_min_ticks, rules.price_max_ticks)
        rounded: Values = np.round(clipped * rules.price_tick, 6)
        return rounded


def supply_price(seed: int, residual_load_gw: Values, fuel_day: Minutes) -> Values:
    """Price at which supply meets a residual load in GW, at the fuel closes of given days."""
    load = np.clip(residual_load_gw, _STACK[0, 0], _STACK[-1, 0])
    upper = np.clip(np.searchsorted(_STACK[:, 0], load, side="right"), 1, len(_STACK) - 1)
    low, high = _STACK[upper - 1], _STACK[upper]
    share = (load - low[:, 0]) / (high[:, 0] - low[:, 0])
    gas, coal, eua = (close(seed, product, fuel_day) for product in (GAS, COAL, EUA))

    def bid(step: Values) -> Values:
        return step[:, 1] * gas + step[:, 2] * coal + step[:, 3] * eua + step[:, 4]

    price: Values = (1.0 - share) * bid(low) + share * bid(high)
    return price
