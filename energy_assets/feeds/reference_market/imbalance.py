"""Synthetic imbalance prices: the day-ahead price plus what the system's surprise costs.

The system is short by the part of the day-ahead residual-load error that intraday trading left,
plus noise of its own; the price of every imbalance settlement period rises with it, steeper the
larger it is. One price holds for long and short. Not here: settlement (`trading`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.feeds.reference_market.day_ahead import DayAheadMarket
from energy_assets.feeds.reference_market.noise import Spectrum, Values, key_of, noise
from energy_assets.feeds.reference_market.time_axis import (
    MIDPOINT,
    QUARTER,
    quarter_hours,
    utc_minutes,
)
from energy_assets.market import DeliveryDay

_SHARE_LEFT_BY_INTRADAY = 0.15
_OWN_NOISE_GW = 0.6
_OWN_NOISE: Spectrum = ((12.0, 0.3), (3.0, 0.3), (0.75, 0.4))
_LINEAR = 65.0
_QUADRATIC = 30.0
_LOWEST, _HIGHEST = -2500.0, 5000.0


@dataclass(frozen=True)
class ImbalanceMarket:
    """Imbalance settlement of the market area, in quarter-hours."""

    day_ahead: DayAheadMarket

    def prices(self, days: list[DeliveryDay]) -> Values:
        """Imbalance prices of consecutive delivery days in EUR/MWh, one per quarter-hour."""
        cleared = zip(days, self.day_ahead.prices(days), strict=True)
        base = np.concatenate(
            [np.repeat(prices, day.mtu_minutes // QUARTER) for day, prices in cleared]
        )
        short = self.system_short_gw(days)
        surcharge = _LINEAR * short + _QUADRATIC * short * np.abs(short)
        limited: Values = np.clip(base + surcharge, _LOWEST, _HIGHEST)
        return limited.round(2)

    def system_short_gw(self, days: list[DeliveryDay]) -> Values:
        """What the system lacks in each quarter-hour of the days, in GW; negative when long."""
        system = self.day_ahead.system
        quarters = [quarter_hours(day) for day in days]
        middle = np.concatenate(quarters) + MIDPOINT
        issued = [utc_minutes(self.day_ahead.market_issue(day.label)) for day in days]
        issue = np.repeat(issued, [len(starts) for starts in quarters])
        surprise = (system.residual_load(middle) - system.residual_load(middle, issue)) / 1000.0
        own = noise(key_of(system.weather.seed, "imbalance"), middle, _OWN_NOISE)
        return _SHARE_LEFT_BY_INTRADAY * surprise + _OWN_NOISE_GW * own
