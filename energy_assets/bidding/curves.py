"""From the model's volumes at price points to orders in integer ticks.

Rounding keeps a curve monotone (rounding is monotone), pruning removes only points that integer
arithmetic proves redundant, so the award at every price stays exactly that of the rounded curve:
within half a volume tick of the model's.

Not here: the checks themselves (`market.orders`), the price points (`price_grid`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.price_grid import PriceGrid
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.errors import MarketRuleError
from energy_assets.market.clock import DeliveryDay
from energy_assets.market.orders import (
    BlockOrder,
    CurveKind,
    CurveOrder,
    CurveRules,
    OrderSet,
    require_valid,
)
from energy_assets.portfolio.desk import Desk

Point = tuple[int, int]


def curve_orders(
    problem: BiddingProblem, grid: PriceGrid, volumes: FloatArray
) -> tuple[CurveOrder, ...]:
    """One order per MTU from the volumes at the grid's points (flat)."""
    return tuple(
        CurveOrder(start, problem.mtu_minutes, _points(problem, row, volumes[first:last]))
        for start, row, first, last in zip(
            problem.starts, grid.ticks, grid.offsets, grid.offsets[1:], strict=False
        )
    )


def flat_orders(problem: BiddingProblem, position: FloatArray) -> tuple[CurveOrder, ...]:
    """Price-independent orders for a position (T,) MW."""
    ends = (problem.rules.price_min_ticks, problem.rules.price_max_ticks)
    ticks = _volume_ticks(problem, position)
    return tuple(
        CurveOrder(start, problem.mtu_minutes, tuple((price, volume) for price in ends))
        for start, volume in zip(problem.starts, ticks, strict=True)
    )


def order_set(
    curves: Sequence[CurveOrder],
    desk: Desk,
    day: DeliveryDay,
    rules: CurveRules,
    *,
    currency: str,
    session: str = "day_ahead",
    blocks: Sequence[BlockOrder] = (),
) -> OrderSet:
    """The desk's order set for a delivery day, checked against the rules in force.

    Raises:
        MarketRuleError: If a curve or block breaks a rule.
    """
    orders = OrderSet(
        area=desk.area,
        session=session,
        delivery_day=day.label,
        currency=currency,
        rules=rules,
        curves=tuple(curves),
        participant_id=desk.participant_id,
        portfolio_id=desk.portfolio_id,
        balance_area=desk.balance_area,
        blocks=tuple(blocks),
    )
    require_valid(orders, day, rules)
    return orders


def awarded(curves: Sequence[CurveOrder], prices: FloatArray, rules: CurveRules) -> FloatArray:
    """Position (T,) MW the orders are awarded at clearing prices (T,), currency/MWh."""
    volumes = [
        curve.volume_ticks_at(price / rules.price_tick, rules.kind)
        for curve, price in zip(curves, prices.tolist(), strict=True)
    ]
    return np.array(volumes) * rules.volume_tick_mw


def _points(
    problem: BiddingProblem, prices: Sequence[int], volumes: FloatArray
) -> tuple[Point, ...]:
    rules = problem.rules
    rising = np.maximum.accumulate(volumes)
    # The solver keeps rows to 1e-7; more than that is an error, not noise.
    if (rising - volumes).max() > 1e-5:
        msg = f"model volumes fall with price: {volumes.tolist()}"
        raise MarketRuleError(msg)
    ticks = _volume_ticks(problem, rising)
    points = list(zip(prices, ticks, strict=True))
    if points[0][0] > rules.price_min_ticks:
        points.insert(0, (rules.price_min_ticks, ticks[0]))
    if points[-1][0] < rules.price_max_ticks:
        points.append((rules.price_max_ticks, ticks[-1]))
    return tuple(_without_redundant(points, rules.kind))


def _volume_ticks(problem: BiddingProblem, volumes: FloatArray) -> list[int]:
    rules, limits = problem.rules, problem.limits
    tick = rules.volume_tick_mw
    lowest = -math.floor(limits.max_purchase_mw / tick + 1e-6)
    highest = math.floor(limits.max_sale_mw / tick + 1e-6)
    return [min(max(rules.volume_ticks(v), lowest), highest) for v in volumes.tolist()]


def _without_redundant(points: list[Point], kind: CurveKind) -> list[Point]:
    kept = [points[0]]
    for i in range(1, len(points) - 1):
        if not _redundant(kept[-1], points[i], points[i + 1], kind):
            kept.append(points[i])
    return [*kept, points[-1]]


def _redundant(before: Point, point: Point, after: Point, kind: CurveKind) -> bool:
    if kind is CurveKind.STEP:
        return point[1] == before[1]
    rise = (point[1] - before[1]) * (after[0] - before[0])
    return rise == (after[1] - before[1]) * (point[0] - before[0])
