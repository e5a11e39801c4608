"""Limit orders of continuous intraday trading in integer ticks, and the checks on them.

Not here: which orders pay (`bidding`), trades (`trading`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from energy_assets.market.areas import ContinuousRules
from energy_assets.market.orders import RuleBreach, refuse


@dataclass(frozen=True, order=True)
class IntradayOrder:
    """One limit order.

    Attributes:
        start: UTC start of the MTU.
        minutes: Length of the MTU.
        side: `sale` or `purchase`.
        step: Step of the price-volume ladder, from 0.
        price_ticks: Limit price in ticks.
        volume_ticks: Volume in ticks, positive on both sides.
    """

    start: datetime
    minutes: int
    side: str
    step: int
    price_ticks: int
    volume_ticks: int


@dataclass(frozen=True)
class IntradayOrderSet:
    """All orders of one desk from one re-plan.

    Attributes:
        area: Market area code.
        delivery_day: Calendar label.
        currency: Currency of the prices.
        rules: Figures in force.
        orders: Orders, sorted.
        participant_id: Market participant.
        portfolio_id: Portfolio the orders belong to.
        balance_area: Balance group or area.
        order_scope: `portfolio` or `unit`.
    """

    area: str
    delivery_day: date
    currency: str
    rules: ContinuousRules
    orders: tuple[IntradayOrder, ...]
    participant_id: str
    portfolio_id: str
    balance_area: str
    order_scope: str = "portfolio"

    @property
    def sha256(self) -> str:
        """Hash over the economic content only: no run id, no time stamp of making."""
        content = {
            "area": self.area,
            "session": "intraday",
            "delivery_day": self.delivery_day.isoformat(),
            "currency": self.currency,
            "rules": self.rules.model_dump(mode="json"),
            "owner": [
                self.participant_id,
                self.portfolio_id,
                self.balance_area,
                self.order_scope,
            ],
            "orders": [
                [o.start.isoformat(), o.minutes, o.side, o.step, o.price_ticks, o.volume_ticks]
                for o in sorted(self.orders)
            ],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def price(self, order: IntradayOrder) -> float:
        """Limit price, currency/MWh."""
        return order.price_ticks * self.rules.price_tick

    def volume_mw(self, order: IntradayOrder) -> float:
        """Volume, MW."""
        return order.volume_ticks * self.rules.volume_tick_mw


def check_intraday_orders(
    orders: IntradayOrderSet, rules: ContinuousRules, at: datetime
) -> list[RuleBreach]:
    """Every breach of the market's rules for orders sent at a time; empty when they are valid."""
    breaches = []
    if orders.rules != rules:
        expected = f"rules of {orders.delivery_day}"
        breaches.append(RuleBreach("rules.in_force", "orders", expected, "other figures"))
    lead = timedelta(minutes=rules.lead_minutes)
    for order in orders.orders:
        where = f"{order.side} {order.start.isoformat()}"
        price = order.price_ticks * rules.price_tick
        if order.side not in ("sale", "purchase"):
            breaches.append(RuleBreach("order.side", where, "sale or purchase", order.side))
        if order.volume_ticks < 1:
            found = str(order.volume_ticks)
            breaches.append(RuleBreach("order.volume", where, "at least one tick", found))
        if not rules.minimum <= price <= rules.maximum:
            expected = f"{rules.minimum:g} to {rules.maximum:g}"
            breaches.append(RuleBreach("price.limits", where, expected, f"{price:g}"))
        if order.start - lead < at:
            expected = f"a start after {(at + lead).isoformat()}"
            breaches.append(RuleBreach("gate.closed", where, expected, order.start.isoformat()))
    return breaches


def require_valid_intraday(orders: IntradayOrderSet, rules: ContinuousRules, at: datetime) -> None:
    """Raise if the orders break a rule.

    Raises:
        MarketRuleError: Names the first breach and how many there are.
    """
    where = f"{orders.area} intraday {orders.delivery_day}"
    refuse(check_intraday_orders(orders, rules, at), where)
