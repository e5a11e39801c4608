"""Synthetic fuel and carbon prices: one close per product and trading day.

Bases are named: gas per MWh of higher heating value (HHV), coal per MWh of lower heating value
(LHV), EUA per tonne of CO2. Log prices are slow noise around a level. Not here: what a plant pays
for its fuel (`portfolio`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy_assets.feeds.reference_market.german_calendar import is_holiday, weekday
from energy_assets.feeds.reference_market.noise import Minutes, Spectrum, Values, key_of, noise

_DAY = 24.0
_SPECTRUM: Spectrum = (
    (700 * _DAY, 0.4),
    (200 * _DAY, 0.3),
    (60 * _DAY, 0.18),
    (15 * _DAY, 0.08),
    (4 * _DAY, 0.03),
    (1.5 * _DAY, 0.01),
)


@dataclass(frozen=True)
class FuelProduct:
    """A product: its registry name, unit with basis, level and log standard deviation."""

    name: str
    unit: str
    level: float
    log_sd: float


GAS = FuelProduct("gas_hhv", "EUR/MWh HHV", 31.0, 0.17)
COAL = FuelProduct("coal_lhv", "EUR/MWh LHV", 13.0, 0.12)
EUA = FuelProduct("eua", "EUR/t CO2", 69.0, 0.11)
PRODUCTS = (GAS, COAL, EUA)


def close(seed: int, product: FuelProduct, day: Minutes) -> Values:
    """Close of a product on calendar days (days since 1970-01-01), rounded to 0.01."""
    field = noise(key_of(seed, "fuel", product.name), day * 1440, _SPECTRUM)
    prices: Values = np.round(product.level * np.exp(product.log_sd * field), 2)
    return prices


def is_trading_day(day: Minutes) -> NDArray[np.bool_]:
    """Monday to Friday without German public holidays."""
    return (weekday(day) < 5) & ~is_holiday(day)
