"""The paper continuous market: limit orders filled at the index price of their MTU.

The index is the mean price of an MTU's trades. A sale gets the index less what trading costs (half
the spread, and the impact of its step of the ladder), a purchase pays it on top; an order fills
whole where that price keeps its limit, and else not at all. Prices that an order could have met for
a moment do not count: paper trades are what could be had at any time.

The index is out after delivery. Until then an order is neither filled nor dead, so later runs add
trades.

Belongs here: filling orders. Not here: orders (`bidding`), cash (`settlement`).
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import table
from energy_assets.market.intraday_orders import IntradayOrder, IntradayOrderSet
from energy_assets.portfolio.market_settings import IntradaySettings
from energy_assets.trading.day_series import exact


def fill(orders: IntradayOrderSet, index: pl.DataFrame, settings: IntradaySettings) -> pl.DataFrame:
    """The trades of a set of limit orders.

    Args:
        orders: The orders.
        index: Index prices out so far: `period_start`, `resolution_min` and `price`. Of periods
            shorter than an order's MTU the mean counts; a longer one holds for every MTU inside.
        settings: The desk's, for half spread and impact.

    Returns:
        The own columns of `trading.trades`.

    Raises:
        InputError: If an order's step is none of the ladder, or an index price is not finite.
    """
    known = _Index(index, f"{orders.area} intraday index")
    tick, volume_tick = exact(orders.rules.price_tick), exact(orders.rules.volume_tick_mw)
    rows = []
    for order in sorted(orders.orders):
        middle, cost = known.over(order), _cost(order, settings, orders.area)
        if middle is None:
            continue
        limit = order.price_ticks * tick
        price = middle - cost if order.side == "sale" else middle + cost
        if price < limit if order.side == "sale" else price > limit:
            continue
        rows.append(
            {
                "period_start": order.start,
                "resolution_min": order.minutes,
                "side": order.side,
                "step": order.step,
                "price": float(price),
                "volume_mw": float(order.volume_ticks * volume_tick),
                "orders_sha256": orders.sha256,
                "participant_id": orders.participant_id,
                "portfolio_id": orders.portfolio_id,
                "balance_area": orders.balance_area,
                "order_scope": orders.order_scope,
            }
        )
    schema = {column.name: column.dtype for column in table("trading.trades").columns}
    return pl.DataFrame(rows, schema=schema)


class _Index:
    """Index prices by quarter-hour of the clock."""

    _MINUTES = 15

    def __init__(self, rows: pl.DataFrame, where: str) -> None:
        self._prices: dict[int, Decimal] = {}
        for start, minutes, price in rows.select(
            "period_start", "resolution_min", "price"
        ).iter_rows():
            if price is None or not -float("inf") < price < float("inf"):
                raise InputError(
                    f"{where}, MTU {start.isoformat()}", expected="a finite price", found=price
                )
            first = round(start.timestamp()) // 60
            for minute in range(first, first + minutes, self._MINUTES):
                self._prices[minute] = exact(price)

    def over(self, order: IntradayOrder) -> Decimal | None:
        """Mean over the order's MTU; None while part of it is not out."""
        first = round(order.start.timestamp()) // 60
        quarters = range(first, first + order.minutes, self._MINUTES)
        found = [self._prices[minute] for minute in quarters if minute in self._prices]
        if len(found) < len(quarters):
            return None
        return sum(found, Decimal()) / len(found)


def _cost(order: IntradayOrder, settings: IntradaySettings, area: str) -> Decimal:
    if order.step >= len(settings.impact):
        where = f"{area} intraday order {order.start.isoformat()}"
        expected = f"a step below {len(settings.impact)}"
        raise InputError(where, expected=expected, found=order.step)
    return exact(settings.half_spread) + exact(settings.impact[order.step])
