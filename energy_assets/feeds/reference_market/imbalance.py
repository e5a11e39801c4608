"""Synthetic imbalance prices: the day-ahead price plus what the system's surprise costs.

The system is short by the part of the day-ahead residual-load error that intraday trading left,
plus noise of its own; the price of every imbalance settlement period rises with it, steeper the
larger it is. One price holds for long and short.

Everything traded after the day-ahead auction starts from the same quarter-hours: the day-ahead
price, the residual load expected then, and what the system lacked (`QuarterHours`). Not here: what
trades on them (`intraday`, `balancing`), settlement (`trading`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.feeds.reference_market.day_ahead import DayAheadMarket
from energy_assets.feeds.reference_market.noise import Minutes, Spectrum, Values, key_of, noise
from energy_assets.feeds.reference_market.time_axis import (
    MIDPOINT,
    QUARTER,
    quarter_hours,
)
from energy_assets.market import DeliveryDay

_SHARE_LEFT_BY_INTRADAY = 0.15
_OWN_NOISE_GW = 0.6
_OWN_NOISE: Spectrum = ((12.0, 0.3), (3.0, 0.3), (0.75, 0.4))
_UNEXPECTED_SD_GW = 0.7
_LINEAR = 65.0
_QUADRATIC = 30.0
_LOWEST, _HIGHEST = -2500.0, 5000.0


@dataclass(frozen=True)
class QuarterHours:
    """The quarter-hours of consecutive delivery days.

    Attributes:
        days: The delivery days.
        starts: UTC minutes of the starts (N).
        day_of: Place in `days` of each (N).
        day_ahead: Day-ahead price in EUR/MWh (N).
        expected_mw: Residual load that the day-ahead auction expected (N).
        short_gw: What the system lacked (N); negative when long.
        imbalance: Imbalance price in EUR/MWh (N).
    """

    days: tuple[DeliveryDay, ...]
    starts: Minutes
    day_of: Minutes
    day_ahead: Values
    expected_mw: Values
    short_gw: Values
    imbalance: Values


@dataclass(frozen=True)
class ImbalanceMarket:
    """Imbalance settlement of the market area, in quarter-hours."""

    day_ahead: DayAheadMarket

    def quarters(self, days: list[DeliveryDay]) -> QuarterHours:
        """Prices and balance of consecutive delivery days."""
        of_day = [quarter_hours(day) for day in days]
        counts = [len(starts) for starts in of_day]
        starts = np.concatenate(of_day)
        auction = self.day_ahead.result(days)
        base = np.concatenate(
            [
                np.repeat(prices, day.mtu_minutes // QUARTER)
                for day, prices in zip(days, auction.prices, strict=True)
            ]
        )
        middle = starts + MIDPOINT
        surprise = self.day_ahead.system.residual_load(middle) - auction.expected_mw
        short = short_left_gw(surprise) + self._own_noise_gw(middle, _OWN_NOISE)
        surcharge = _LINEAR * short + _QUADRATIC * short * np.abs(short)
        limited: Values = np.clip(base + surcharge, _LOWEST, _HIGHEST)
        return QuarterHours(
            days=tuple(days),
            starts=starts,
            day_of=np.repeat(np.arange(len(days)), counts),
            day_ahead=base,
            expected_mw=auction.expected_mw,
            short_gw=short,
            imbalance=limited.round(2),
        )

    def lasting_shortage_gw(self, middle: Minutes) -> Values:
        """The part of the system's own noise that lasts for hours: traders see it coming."""
        return self._own_noise_gw(middle, _OWN_NOISE[:1])

    def _own_noise_gw(self, middle: Minutes, spectrum: Spectrum) -> Values:
        key = key_of(self.day_ahead.system.weather.seed, "imbalance")
        return _OWN_NOISE_GW * noise(key, middle, spectrum)


def short_left_gw(surprise_mw: Values) -> Values:
    """Shortage in GW that a surprise in residual load leaves after intraday trading."""
    return _SHARE_LEFT_BY_INTRADAY * (surprise_mw / 1000.0)


def mean_surcharge(expected_short_gw: Values) -> Values:
    """Mean of the imbalance price over the day-ahead price, given the shortage expected.

    For X normal with mean m and standard deviation s, E[X |X|] is close to m sqrt(m² + 8 s² / π):
    it has the right slope at zero and the right growth far from it.
    """
    spread = np.sqrt(expected_short_gw**2 + 8.0 / np.pi * _UNEXPECTED_SD_GW**2)
    mean: Values = expected_short_gw * (_LINEAR + _QUADRATIC * spread)
    return mean
