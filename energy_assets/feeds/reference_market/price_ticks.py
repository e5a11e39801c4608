"""Prices as a market publishes them: on its tick and within its limits.

Not here: the limits (`market/areas/*.yaml`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from energy_assets.feeds.reference_market.noise import Minutes, Values


class PriceRules(Protocol):
    """Step and limits of prices in force on a delivery day."""

    @property
    def price_tick(self) -> float:
        """Step of prices."""

    @property
    def minimum(self) -> float:
        """Lowest price."""

    @property
    def maximum(self) -> float:
        """Highest price."""


def on_ticks(
    prices: Values, tick: float | Values, lowest: float | Values, highest: float | Values
) -> Values:
    """The nearest allowed prices; tick and limits are one figure each or one per price."""
    ticks = np.round(np.clip(prices, lowest, highest) / tick)
    # The product carries binary noise far below any tick; a negative zero would read as a change.
    published: Values = np.round(ticks * tick, 6) + 0.0
    return published


def within_rules(prices: Values, rules: Sequence[PriceRules], day_of: Minutes) -> Values:
    """The nearest prices that the rules of each price's day allow; `day_of` is its place there."""
    return on_ticks(
        prices,
        np.array([rule.price_tick for rule in rules])[day_of],
        np.array([rule.minimum for rule in rules])[day_of],
        np.array([rule.maximum for rule in rules])[day_of],
    )
