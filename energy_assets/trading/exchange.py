"""The paper exchange: clears a desk's own orders at a published price.

The desk is a price taker: the price is that of the real (or reference) auction, and the award is
the curve's net supply at it, read with the area's curve kind. Accepted volume is rounded to the
nearest volume tick, halves to the even tick, so that sale and purchase round alike.

Belongs here: acceptance. Not here: what the orders should be (`bidding`), cash (`settlement`).
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import table
from energy_assets.market import CurveOrder, CurveRules, OrderSet, load_area, require_valid
from energy_assets.trading.day_series import DaySeries, exact


def clear(orders: OrderSet, prices: pl.DataFrame) -> pl.DataFrame:
    """The awards of an order set at clearing prices.

    Args:
        orders: The order set; checked against its area's rules first.
        prices: `period_start`, `resolution_min` and `price` (currency/MWh) of exactly the delivery
            day. A coarser price (60 min) holds for every MTU inside it; a finer one is refused.

    Returns:
        The own columns of `trading.awards`, one row per MTU.

    Raises:
        MarketRuleError: If the orders break a rule of the area.
        InputError: If a price is missing, double, foreign, not finite or beyond the price limits.
    """
    session = load_area(orders.area).session(orders.session)
    day = session.delivery_day(orders.delivery_day)
    rules = session.curve_rules(orders.delivery_day)
    require_valid(orders, day, rules)
    where = f"{orders.area} {orders.session} price"
    series = DaySeries.read(prices, "price", day, where).levels(day.mtu_minutes)
    rows = []
    for curve, price in zip(orders.curves, series, strict=True):
        _require_within_limits(price, curve, rules, where)
        rows.append(
            {
                "period_start": curve.start,
                "resolution_min": curve.minutes,
                "price": float(price),
                "volume_mw": accepted_mw(curve, price, rules),
                "orders_sha256": orders.sha256,
                "participant_id": orders.participant_id,
                "portfolio_id": orders.portfolio_id,
                "balance_area": orders.balance_area,
                "order_scope": orders.order_scope,
            }
        )
    schema = {column.name: column.dtype for column in table("trading.awards").columns}
    return pl.DataFrame(rows, schema=schema)


def accepted_mw(curve: CurveOrder, price: Decimal, rules: CurveRules) -> float:
    """Accepted net supply of one curve, MW, on the volume tick."""
    price_ticks = float(price / exact(rules.price_tick))
    ticks = round(curve.volume_ticks_at(price_ticks, rules.kind))
    return float(ticks * exact(rules.volume_tick_mw))


def _require_within_limits(
    price: Decimal, curve: CurveOrder, rules: CurveRules, where: str
) -> None:
    low, high = rules.price(rules.price_min_ticks), rules.price(rules.price_max_ticks)
    if not low <= price <= high:
        raise InputError(
            f"{where}, MTU {curve.start.isoformat()}",
            expected=f"a clearing price between {low:g} and {high:g}",
            found=float(price),
        )
