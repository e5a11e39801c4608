"""Reserve that was called: the area's called share of each award, and what its energy is paid.

The desk is a price taker: of its award the same share is called as of everybody's. Energy called
up is paid the price of upward energy, energy called down pays the price of downward energy.

FCR in Germany has a price of capacity only. Its energy is not taken out of the provider's balance
group, so it settles at the imbalance price like any deviation (general knowledge, unverified). Here
it is counted as called and paid that price, which is the same cash under one imbalance price.

Belongs here: calls and their prices. Not here: who delivers them (`plant`), cash (`settlement`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import polars as pl

from energy_assets.lakehouse.tables import table
from energy_assets.market.clock import DeliveryDay
from energy_assets.trading.day_series import DaySeries, exact

ENERGY_PRICES: Mapping[str, str] = MappingProxyType(
    {
        "fcr": "imbalance",
        "afrr_up": "balancing_up",
        "afrr_down": "balancing_down",
        "mfrr_up": "balancing_up",
        "mfrr_down": "balancing_down",
    }
)
"""Product to the price series its called energy is paid; a product left out is paid nothing."""


def reserve_activations(
    awards: pl.DataFrame,
    shares: pl.DataFrame,
    prices: Mapping[str, pl.DataFrame],
    day: DeliveryDay,
    energy_prices: Mapping[str, str] = ENERGY_PRICES,
) -> pl.DataFrame:
    """Energy called from a day's awards.

    Args:
        awards: Own columns of `trading.reserve_awards`.
        shares: `product`, `period_start`, `resolution_min` and `called_share` of the whole day,
            those of symmetric products upward positive. A product without any is not called.
        prices: Price frames by series: `period_start`, `resolution_min` and `price`.
        day: The delivery day, of any MTU.
        energy_prices: Product to price series.

    Returns:
        The own columns of `trading.reserve_activations`, one row per product and period of its
        shares; where nothing is awarded, nothing is called.

    Raises:
        InputError: If a share or a price of the day is missing, double or not finite.
    """
    rows = []
    for product in awards.filter(pl.col("volume_mw") > 0)["product"].unique().sort():
        mine = shares.filter(pl.col("product") == product)
        if mine.is_empty():
            continue
        called = DaySeries.read(mine, "called_share", day, f"called share of {product}")
        paid = _paid(product, prices, day, called.minutes, energy_prices)
        award = _award(awards.filter(pl.col("product") == product), day, called.minutes)
        sign = -1 if product.endswith("_down") else 1
        rows += [
            (product, start, called.minutes, float(sign * share * volume), float(price))
            for start, share, volume, price in zip(
                day.grid(called.minutes), called.values, award, paid, strict=True
            )
        ]
    schema = {column.name: column.dtype for column in table("trading.reserve_activations").columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _paid(
    product: str,
    prices: Mapping[str, pl.DataFrame],
    day: DeliveryDay,
    minutes: int,
    energy_prices: Mapping[str, str],
) -> tuple[Decimal, ...]:
    if product not in energy_prices:
        return (Decimal(),) * len(day.grid(minutes))
    series = energy_prices[product]
    where = f"{series} price of energy called from {product}"
    return DaySeries.read(prices[series], "price", day, where).levels(minutes)


def _award(awards: pl.DataFrame, day: DeliveryDay, minutes: int) -> list[Decimal]:
    """Award in each period of a grid, MW."""
    grid = day.grid(minutes)
    award = [Decimal()] * len(grid)
    for start, length, volume in awards.select(
        "period_start", "resolution_min", "volume_mw"
    ).iter_rows():
        for index, period in enumerate(grid):
            if 0 <= (period - start).total_seconds() < 60 * length:
                award[index] += exact(volume)
    return award
