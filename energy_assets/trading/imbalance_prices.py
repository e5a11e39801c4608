"""What an imbalance earns or costs per MWh: the area's price or prices, or the desk's penalty.

Imbalance volume is metered energy minus position, long > 0; cash is volume times price. So a long
desk is paid the price and a short desk pays it, negative prices included.

- single price: one price for both signs;
- two prices: a long desk gets the long price, a short desk pays the short price;
- deviation penalty, where a series has no imbalance price: a long desk gets the day-ahead price
  minus the penalty, a short desk pays the day-ahead price plus the penalty.

Belongs here: the price of an imbalance. Not here: its volume and cash (`settlement`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from energy_assets.market.clock import DeliveryDay
from energy_assets.trading.day_series import DaySeries, exact

ImbalancePricePairs = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True)
class SinglePrices:
    """One imbalance price per settlement period.

    Attributes:
        prices: `period_start`, `resolution_min`, `price` of the delivery day.
    """

    prices: pl.DataFrame

    def pairs(
        self, day: DeliveryDay, minutes: int, day_ahead: tuple[Decimal, ...]
    ) -> ImbalancePricePairs:
        """(long price, short price) per settlement period of this length."""
        del day_ahead
        prices = DaySeries.read(self.prices, "price", day, "imbalance price").levels(minutes)
        return tuple((price, price) for price in prices)


@dataclass(frozen=True)
class DualPrices:
    """A price for long and one for short desks per settlement period.

    Attributes:
        prices: `period_start`, `resolution_min`, `long_price`, `short_price` of the delivery day.
    """

    prices: pl.DataFrame

    def pairs(
        self, day: DeliveryDay, minutes: int, day_ahead: tuple[Decimal, ...]
    ) -> ImbalancePricePairs:
        """(long price, short price) per settlement period of this length."""
        del day_ahead
        long, short = (
            DaySeries.read(self.prices, column, day, f"imbalance {column}").levels(minutes)
            for column in ("long_price", "short_price")
        )
        return tuple(zip(long, short, strict=True))


@dataclass(frozen=True)
class DeviationPenalty:
    """Deviations settle at the day-ahead price, a penalty against the desk.

    Attributes:
        penalty: Currency/MWh, not negative.
    """

    penalty: float

    def pairs(
        self, day: DeliveryDay, minutes: int, day_ahead: tuple[Decimal, ...]
    ) -> ImbalancePricePairs:
        """(long price, short price) per settlement period of this length."""
        del day, minutes
        penalty = exact(self.penalty)
        return tuple((price - penalty, price + penalty) for price in day_ahead)


ImbalanceTariff = SinglePrices | DualPrices | DeviationPenalty
