"""The paper exchange: clears a desk's own orders at a published price.

The desk is a price taker: the price is that of the real (or reference) auction, and the award is
the curve's net supply at it, read with the area's curve kind. Accepted volume is rounded to the
nearest volume tick, halves to the even tick, so that sale and purchase round alike.

A block order is accepted whole where the mean price over its MTUs reaches its limit, equality
included, and else not at all; its volume adds to the curves'. Real auctions may reject a block in
the money, so paper awards of blocks are the most that could be had.

Belongs here: acceptance in auctions of energy. Not here: what the orders should be (`bidding`),
reserve auctions (`reserve_exchange`), continuous trading (`continuous`), cash (`settlement`).
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets.market import (
    BlockOrder,
    CurveOrder,
    CurveRules,
    OrderSet,
    load_area,
    require_valid,
)
from energy_assets.trading.day_series import DaySeries, exact

BLOCK_RESULTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "block": pl.Int32,
    "period_start": UTC_TIME,
    "resolution_min": pl.Int32,
    "mtu_count": pl.Int32,
    "side": pl.String,
    "limit_price": pl.Float64,
    "volume_mw": pl.Float64,
    "mean_price": pl.Float64,
    "accepted": pl.Boolean,
}
"""Columns of `block_results`."""


def clear(orders: OrderSet, prices: pl.DataFrame) -> pl.DataFrame:
    """The awards of an order set at clearing prices.

    Args:
        orders: The order set of an auction; checked against its area's rules first.
        prices: `period_start`, `resolution_min` and `price` (currency/MWh) of exactly the delivery
            day, or of the part of it that the auction sells. A coarser price (60 min) holds for
            every MTU inside it; a finer one is refused.

    Returns:
        The own columns of `trading.awards`, one row per MTU.

    Raises:
        MarketRuleError: If the orders break a rule of the area.
        InputError: If a price is missing, double, foreign, not finite or beyond the price limits.
    """
    series = _prices_of(orders, prices)
    taken = _accepted_block_ticks(orders, series)
    rows = [
        {
            "period_start": curve.start,
            "resolution_min": curve.minutes,
            "price": float(price),
            "volume_mw": _mw(_accepted_ticks(curve, price, orders.rules) + ticks, orders.rules),
            "orders_sha256": orders.sha256,
            "participant_id": orders.participant_id,
            "portfolio_id": orders.portfolio_id,
            "balance_area": orders.balance_area,
            "order_scope": orders.order_scope,
        }
        for curve, price, ticks in zip(orders.curves, series, taken, strict=True)
    ]
    schema = {column.name: column.dtype for column in table("trading.awards").columns}
    return pl.DataFrame(rows, schema=schema)


def block_results(orders: OrderSet, prices: pl.DataFrame) -> pl.DataFrame:
    """Which block orders were accepted, and the mean price each met.

    Args:
        orders: As for `clear`.
        prices: As for `clear`.

    Returns:
        One row per block in the order of `bids.block_orders`, with the columns `BLOCK_RESULTS`.
    """
    series = _prices_of(orders, prices)
    rows = []
    for number, block in enumerate(orders.blocks):
        mean, limit = _mean_price(block, orders, series), _limit(block, orders.rules)
        volume = _mw(block.volume_ticks, orders.rules)
        run = (number, block.start, block.minutes, block.mtu_count, block.side)
        rows.append((*run, float(limit), volume, float(mean), _is_accepted(block, mean, limit)))
    return pl.DataFrame(rows, schema=BLOCK_RESULTS, orient="row")


def accepted_mw(curve: CurveOrder, price: Decimal, rules: CurveRules) -> float:
    """Accepted net supply of one curve, MW, on the volume tick."""
    return _mw(_accepted_ticks(curve, price, rules), rules)


def _accepted_ticks(curve: CurveOrder, price: Decimal, rules: CurveRules) -> int:
    price_ticks = float(price / exact(rules.price_tick))
    return round(curve.volume_ticks_at(price_ticks, rules.kind))


def _mw(ticks: int, rules: CurveRules) -> float:
    return float(ticks * exact(rules.volume_tick_mw))


def _accepted_block_ticks(orders: OrderSet, prices: tuple[Decimal, ...]) -> list[int]:
    """Net supply of the accepted blocks in each MTU, in volume ticks."""
    ticks = [0] * len(prices)
    for block in orders.blocks:
        if _is_accepted(block, _mean_price(block, orders, prices), _limit(block, orders.rules)):
            first, sign = _first_mtu(block, orders), 1 if block.side == "sale" else -1
            for position in range(first, first + block.mtu_count):
                ticks[position] += sign * block.volume_ticks
    return ticks


def _is_accepted(block: BlockOrder, mean: Decimal, limit: Decimal) -> bool:
    return mean >= limit if block.side == "sale" else mean <= limit


def _limit(block: BlockOrder, rules: CurveRules) -> Decimal:
    return block.price_ticks * exact(rules.price_tick)


def _mean_price(block: BlockOrder, orders: OrderSet, prices: tuple[Decimal, ...]) -> Decimal:
    first = _first_mtu(block, orders)
    return sum(prices[first : first + block.mtu_count], Decimal()) / block.mtu_count


def _first_mtu(block: BlockOrder, orders: OrderSet) -> int:
    return [curve.start for curve in orders.curves].index(block.start)


def _prices_of(orders: OrderSet, prices: pl.DataFrame) -> tuple[Decimal, ...]:
    """Clearing price of each MTU, once orders and prices are known to be good."""
    session = load_area(orders.area).session(orders.session)
    day = session.delivery_day(orders.delivery_day)
    rules = session.curve_rules(orders.delivery_day)
    require_valid(orders, day, rules)
    where = f"{orders.area} {orders.session} price"
    series = DaySeries.read(prices, "price", day, where).levels(day.mtu_minutes)
    for curve, price in zip(orders.curves, series, strict=True):
        _require_within_limits(price, curve, rules, where)
    return series


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
