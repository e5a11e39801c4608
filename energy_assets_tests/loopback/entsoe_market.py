"""Pseudo-data of a market: the same value for the same moment, whatever span is asked for.

Shapes are plausible (weekly load, sun by season, wind over days, a price that follows the residual
load), figures are invented. Not here: documents (`entsoe_documents`).
"""

from __future__ import annotations

import numpy as np

HOUR = 3_600_000_000
Moments = np.ndarray[tuple[int], np.dtype[np.int64]]
Values = np.ndarray[tuple[int], np.dtype[np.float64]]

LOAD_MW, SOLAR_MW, ONSHORE_MW, OFFSHORE_MW = 55_000.0, 40_000.0, 45_000.0, 8_000.0


def uniform(moments: Moments, salt: int) -> Values:
    """Noise in [0, 1) by moment and salt (splitmix64)."""
    state = moments.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) / 2**53


def _slow(moments: Moments, salt: int, hours: float) -> Values:
    """Noise that drifts from one value to the next over some hours."""
    step = round(hours * HOUR)
    before = moments // step
    share = (moments - before * step) / step
    share = share * share * (3 - 2 * share)
    return uniform(before, salt) * (1 - share) + uniform(before + 1, salt) * share


def load_forecast(moments: Moments) -> Values:
    """Load, MW."""
    hours = moments / HOUR
    day = 0.14 * np.sin((hours % 24 - 8) * np.pi / 12) + 0.04 * np.sin((hours % 24 - 3) * np.pi / 6)
    weekend = np.where(((hours // 24 + 3) % 7) >= 5, -0.13, 0.0)
    season = 0.1 * np.cos(hours * 2 * np.pi / 8766)
    return np.round(LOAD_MW * (1 + day + weekend + season + 0.04 * _slow(moments, 1, 30)))


def solar_forecast(moments: Moments) -> Values:
    """Solar, MW."""
    hours = moments / HOUR
    tilt = -np.cos((hours + 240) * 2 * np.pi / 8766)
    height = np.sin((hours % 24 - 5.4) * np.pi / 12) + 0.35 * tilt - 0.3
    return np.round(SOLAR_MW * np.clip(height, 0, 1) * (0.3 + 0.7 * _slow(moments, 2, 40)))


def onshore_forecast(moments: Moments) -> Values:
    """Wind onshore, MW."""
    return np.round(ONSHORE_MW * (0.03 + 0.8 * _slow(moments, 3, 28) ** 2))


def offshore_forecast(moments: Moments) -> Values:
    """Wind offshore, MW."""
    return np.round(OFFSHORE_MW * (0.05 + 0.9 * _slow(moments, 4, 21)))


def actual(forecast: Values, moments: Moments, salt: int) -> Values:
    """What came instead of a forecast."""
    return np.round(forecast * (1 + 0.12 * (_slow(moments, salt, 6) - 0.5)))


def day_ahead_price(moments: Moments) -> Values:
    """Price, EUR/MWh; about one block in six repeats the hour's first."""
    hour = moments // HOUR * HOUR
    held = np.where(uniform(moments, 9) < 0.16, hour, moments)
    green = solar_forecast(held) + onshore_forecast(held) + offshore_forecast(held)
    residual = load_forecast(held) - green
    price = 70 + 0.0022 * (residual - 28_000) + 14 * (_slow(held, 5, 9) - 0.5)
    return np.round(price + 6 * (uniform(held, 6) - 0.5), 2)


def imbalance_price(moments: Moments) -> Values:
    """Price, EUR/MWh: the day-ahead price and what balancing did to it."""
    spread = 160 * (_slow(moments, 7, 1.5) - 0.5) + 20 * (uniform(moments, 8) - 0.5)
    return np.round(day_ahead_price(moments) + spread, 2)


def capacity_price(moments: Moments, salt: int) -> Values:
    """Price of reserve capacity, EUR/MW and block."""
    return np.round(10 + 60 * uniform(moments, salt), 2)
