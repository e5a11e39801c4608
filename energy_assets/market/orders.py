"""Net curve orders in integer ticks, and every check an auction applies to them.

A `CurveOrder` is the desk's net supply for one MTU: volume (injection positive, MW) as a
non-decreasing function of price. Prices and volumes are integers in ticks; floats appear only at
the border (`price(…)`, `volume_mw(…)`).

Two readings of the same points, by area:
- step: the volume at a price is that of the highest point not above it;
- piecewise linear: volume is interpolated between points; two points may not share a price, so a
  step is two points one tick apart.

Not here: exchange formats and signs (`trading` adapters) or order files (`order_files`).
"""

from __future__ import annotations

import bisect
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from energy_assets.errors import MarketRuleError
from energy_assets.market.clock import DeliveryDay


class CurveKind(StrEnum):
    """How volume between two curve points is read."""

    STEP = "step"
    PIECEWISE_LINEAR = "piecewise_linear"


@dataclass(frozen=True)
class CurveRules:
    """Figures of the order checks, in force on one delivery day.

    Attributes:
        kind: Step or piecewise linear.
        min_points: Fewest points of a curve.
        max_points: Most points of a curve.
        price_tick: Currency/MWh of one price tick.
        volume_tick_mw: MW of one volume tick.
        price_min_ticks: Lowest order price in ticks.
        price_max_ticks: Highest order price in ticks.
    """

    kind: CurveKind
    min_points: int
    max_points: int
    price_tick: float
    volume_tick_mw: float
    price_min_ticks: int
    price_max_ticks: int

    def price_ticks(self, price: float) -> int:
        """Nearest tick of a price in currency/MWh, clipped to the limits."""
        ticks = round(price / self.price_tick)
        return min(max(ticks, self.price_min_ticks), self.price_max_ticks)

    def volume_ticks(self, volume_mw: float) -> int:
        """Nearest tick of a volume in MW."""
        return round(volume_mw / self.volume_tick_mw)

    def price(self, ticks: int) -> float:
        """Price of a tick count, currency/MWh."""
        return ticks * self.price_tick

    def volume_mw(self, ticks: float) -> float:
        """Volume of a tick count, MW."""
        return ticks * self.volume_tick_mw


@dataclass(frozen=True)
class CurveOrder:
    """The desk's net supply curve for one MTU.

    Attributes:
        start: UTC start of the MTU.
        minutes: Length of the MTU.
        points: (price ticks, volume ticks) in price order; volume is net supply.
    """

    start: datetime
    minutes: int
    points: tuple[tuple[int, int], ...]

    def volume_ticks_at(self, price_ticks: float, kind: CurveKind) -> float:
        """Accepted net supply in volume ticks at a clearing price in price ticks.

        Prices beyond the ends take the end point's volume. Linear curves give fractions of a tick.
        """
        prices = [price for price, _ in self.points]
        above = bisect.bisect_right(prices, price_ticks)
        if above == 0:
            return float(self.points[0][1])
        if above == len(prices) or kind is CurveKind.STEP:
            return float(self.points[above - 1][1])
        (low_price, low_volume), (high_price, high_volume) = self.points[above - 1 : above + 1]
        share = (price_ticks - low_price) / (high_price - low_price)
        return low_volume + share * (high_volume - low_volume)


@dataclass(frozen=True, order=True)
class BlockOrder:
    """The same volume over a run of MTUs, accepted whole or not at all.

    Attributes:
        start: UTC start of its first MTU.
        minutes: Length of an MTU.
        mtu_count: MTUs.
        side: `sale` or `purchase`.
        price_ticks: Limit price in ticks.
        volume_ticks: Volume in ticks, positive on both sides.
    """

    start: datetime
    minutes: int
    mtu_count: int
    side: str
    price_ticks: int
    volume_ticks: int


@dataclass(frozen=True)
class OrderSet:
    """All curve and block orders of one desk for one session and delivery day.

    Attributes:
        area: Market area code.
        session: Session name.
        delivery_day: Calendar label.
        currency: Currency of the prices.
        rules: Ticks, limits and curve kind the orders were made for.
        curves: One order per MTU, in time order.
        participant_id: Market participant.
        portfolio_id: Portfolio the net position belongs to.
        balance_area: Balance group or area that carries the imbalance.
        order_scope: `portfolio` or `unit`.
        blocks: Block orders, sorted.
    """

    area: str
    session: str
    delivery_day: date
    currency: str
    rules: CurveRules
    curves: tuple[CurveOrder, ...]
    participant_id: str
    portfolio_id: str
    balance_area: str
    order_scope: str = "portfolio"
    blocks: tuple[BlockOrder, ...] = ()

    @property
    def resolution_min(self) -> int:
        """MTU length of the orders."""
        return self.curves[0].minutes

    @property
    def sha256(self) -> str:
        """Hash over the economic content only: no run id, no time stamp of making."""
        content: dict[str, Any] = {
            "area": self.area,
            "session": self.session,
            "delivery_day": self.delivery_day.isoformat(),
            "currency": self.currency,
            "kind": self.rules.kind,
            "price_tick": self.rules.price_tick,
            "volume_tick_mw": self.rules.volume_tick_mw,
            "participant_id": self.participant_id,
            "portfolio_id": self.portfolio_id,
            "balance_area": self.balance_area,
            "order_scope": self.order_scope,
            "curves": [
                [c.start.isoformat(), c.minutes, list(map(list, c.points))] for c in self.curves
            ],
        }
        if self.blocks:
            content["blocks"] = [
                [b.start.isoformat(), b.minutes, b.mtu_count, b.side, b.price_ticks, b.volume_ticks]
                for b in sorted(self.blocks)
            ]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class RuleBreach:
    """One broken market rule.

    Attributes:
        rule: Rule id, e.g. `curve.monotone`.
        where: MTU start or `order set`.
        expected: What the rule asks.
        found: What the orders have.
    """

    rule: str
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: expected {self.expected}, found {self.found}"


def check_order_set(orders: OrderSet, day: DeliveryDay, rules: CurveRules) -> list[RuleBreach]:
    """Every breach of the area's rules for the delivery day; empty when the set is valid.

    Args:
        orders: The order set.
        day: The session's delivery day (MTU grid).
        rules: The figures in force on that day, from `Session.curve_rules`.
    """
    breaches = _grid_breaches(orders, day)
    if orders.rules != rules:
        breaches.append(
            RuleBreach("rules.in_force", "order set", f"rules of {day.label}", "other figures")
        )
    for curve in orders.curves:
        breaches.extend(_curve_breaches(curve, rules))
    for block in orders.blocks:
        breaches.extend(_block_breaches(block, day, rules))
    return breaches


def require_valid(orders: OrderSet, day: DeliveryDay, rules: CurveRules) -> None:
    """Raise if the order set breaks a rule.

    Raises:
        MarketRuleError: Names the first breach and how many there are.
    """
    where = f"{orders.area} {orders.session} {orders.delivery_day}"
    refuse(check_order_set(orders, day, rules), where)


def refuse(breaches: Sequence[RuleBreach], where: str) -> None:
    """Raise if there is any breach.

    Raises:
        MarketRuleError: Names the first breach and how many there are.
    """
    if breaches:
        more = f" (and {len(breaches) - 1} more)" if len(breaches) > 1 else ""
        msg = f"{where}: {breaches[0]}{more}"
        raise MarketRuleError(msg)


def _grid_breaches(orders: OrderSet, day: DeliveryDay) -> list[RuleBreach]:
    breaches = []
    if orders.delivery_day != day.label:
        breaches.append(
            RuleBreach("delivery_day", "order set", str(day.label), str(orders.delivery_day))
        )
    if len(orders.curves) != day.mtu_count:
        breaches.append(
            RuleBreach("mtu.count", "order set", f"{day.mtu_count} MTUs", str(len(orders.curves)))
        )
    for curve, mtu in zip(orders.curves, day.mtus, strict=False):
        if (curve.start, curve.minutes) != (mtu.start, mtu.minutes):
            found = f"{curve.start.isoformat()}/{curve.minutes} min"
            expected = f"{mtu.start.isoformat()}/{mtu.minutes} min"
            breaches.append(RuleBreach("mtu.grid", f"position {mtu.position}", expected, found))
    return breaches


def _curve_breaches(curve: CurveOrder, rules: CurveRules) -> list[RuleBreach]:
    where = curve.start.isoformat()
    count = len(curve.points)
    if not rules.min_points <= count <= rules.max_points:
        expected = f"{rules.min_points} to {rules.max_points} points"
        return [RuleBreach("curve.points", where, expected, str(count))]
    breaches = _tick_breaches(curve.points, where)
    if breaches:
        return breaches
    prices = [price for price, _ in curve.points]
    volumes = [volume for _, volume in curve.points]
    if any(later <= earlier for earlier, later in pairwise(prices)):
        breaches.append(RuleBreach("curve.prices", where, "strictly rising prices", str(prices)))
    if any(later < earlier for earlier, later in pairwise(volumes)):
        expected = "net supply non-decreasing in price"
        breaches.append(RuleBreach("curve.monotone", where, expected, str(volumes)))
    return breaches + _limit_breaches(prices, rules, where)


def _block_breaches(block: BlockOrder, day: DeliveryDay, rules: CurveRules) -> list[RuleBreach]:
    where = f"block {block.start.isoformat()}"
    breaches = _tick_breaches([(block.price_ticks, block.volume_ticks)], where)
    starts = [mtu.start for mtu in day.mtus]
    first = starts.index(block.start) if block.start in starts else len(starts)
    if block.minutes != day.mtu_minutes or not first < first + block.mtu_count <= len(starts):
        expected = f"MTUs of {day.mtu_minutes} min within the delivery day"
        found = f"{block.mtu_count} of {block.minutes} min"
        breaches.append(RuleBreach("block.grid", where, expected, found))
    if block.side not in ("sale", "purchase"):
        breaches.append(RuleBreach("block.side", where, "sale or purchase", block.side))
    if block.volume_ticks < 1:
        found = str(block.volume_ticks)
        breaches.append(RuleBreach("block.volume", where, "at least one tick", found))
    if not rules.price_min_ticks <= block.price_ticks <= rules.price_max_ticks:
        expected = f"{rules.price_min_ticks} to {rules.price_max_ticks} ticks"
        breaches.append(RuleBreach("price.limits", where, expected, str(block.price_ticks)))
    return breaches


def _tick_breaches(points: Sequence[tuple[int, int]], where: str) -> list[RuleBreach]:
    return [
        RuleBreach("tick", where, "integer ticks", repr(point))
        for point in points
        if not all(isinstance(part, int) and not isinstance(part, bool) for part in point)
    ]


def _limit_breaches(prices: Sequence[int], rules: CurveRules, where: str) -> list[RuleBreach]:
    ends = (rules.price_min_ticks, rules.price_max_ticks)
    breaches = []
    if (prices[0], prices[-1]) != ends:
        found = str((prices[0], prices[-1]))
        breaches.append(RuleBreach("curve.endpoints", where, f"end points at {ends} ticks", found))
    if min(prices) < ends[0] or max(prices) > ends[1]:
        found = str((min(prices), max(prices)))
        breaches.append(RuleBreach("price.limits", where, f"prices within {ends} ticks", found))
    return breaches


def flat_curve(start: datetime, minutes: int, volume_mw: float, rules: CurveRules) -> CurveOrder:
    """A price-independent order: the same volume at both price limits."""
    volume = rules.volume_ticks(volume_mw)
    points = ((rules.price_min_ticks, volume), (rules.price_max_ticks, volume))
    return CurveOrder(start, minutes, points)
