"""From a solution to the orders of a session, in ticks and checked against its market's rules.

- an auction takes the curves and the block orders;
- a reserve gate takes the offers of its products;
- continuous trading takes one limit order per MTU, side and step of the ladder that is used.

Belongs here: that choice, rounding of blocks and intraday orders. Not here: curves in ticks
(`curves`), reserve offers in ticks (`reserve_rounding`), rows (`records`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from energy_assets.bidding.curves import order_set
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.records import SessionOrders
from energy_assets.bidding.reserve_rounding import reserve_offers
from energy_assets.bidding.session_problem import INTRADAY, RESERVE_SESSIONS
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import BlockOrder, CurveOrder, CurveRules, DeliveryDay, load_area
from energy_assets.market.areas import ContinuousRules
from energy_assets.market.intraday_orders import (
    IntradayOrder,
    IntradayOrderSet,
    require_valid_intraday,
)
from energy_assets.market.orders import flat_curve
from energy_assets.portfolio import Desk


def session_orders(
    problem: BiddingProblem, solution: BiddingSolution, desk: Desk, stamp: RunStamp
) -> SessionOrders:
    """The orders a session sends.

    Args:
        problem: What was solved.
        solution: Its solution.
        desk: The desk.
        stamp: The decision.

    Raises:
        MarketRuleError: If an order breaks a rule.
    """
    area = load_area(desk.area)
    if stamp.session in RESERVE_SESSIONS:
        day = area.delivery_day("day_ahead", stamp.delivery_day)
        return reserve_offers(solution.reserve_offers, desk, day, stamp.session)
    if stamp.session == INTRADAY:
        return _intraday_orders(problem, solution, desk, stamp)
    day = area.delivery_day(stamp.session, stamp.delivery_day)
    rules = area.session(stamp.session).curve_rules(day.label)
    nothing = [flat_curve(mtu.start, mtu.minutes, 0.0, rules) for mtu in day.mtus]
    return order_set(
        _on_grid(solution.curves, day) or nothing,
        desk,
        day,
        rules,
        currency=area.currency,
        session=stamp.session,
        blocks=_blocks(solution, rules, day.mtu_minutes),
    )


def _on_grid(curves: Sequence[CurveOrder], day: DeliveryDay) -> list[CurveOrder]:
    """The curves by a session's MTUs: an hour's curve serves each of its quarter-hours."""
    return [
        replace(curve, start=mtu.start, minutes=mtu.minutes)
        for curve in curves
        for mtu in day.mtus
        if mtu.minutes <= curve.minutes
        and curve.start <= mtu.start < curve.start + timedelta(minutes=curve.minutes)
    ]


def gate_of(desk: Desk, stamp: RunStamp) -> datetime:
    """Last moment at which a decision's orders count; of continuous trading, the day's end."""
    area = load_area(desk.area)
    if stamp.session == INTRADAY:
        return area.delivery_day("day_ahead", stamp.delivery_day).end
    return area.gate_closure(stamp.session, stamp.delivery_day)


def _blocks(solution: BiddingSolution, rules: CurveRules, minutes: int) -> tuple[BlockOrder, ...]:
    """Block orders with volumes cut down to the tick; what is less than a tick is no order."""
    found = []
    for block in solution.block_orders:
        ticks = math.floor(block.volume_mw / rules.volume_tick_mw + 1e-6)
        if ticks:
            price = rules.price_ticks(block.limit_price)
            found.append(
                BlockOrder(block.start, minutes, block.mtu_count, block.side, price, ticks)
            )
    return tuple(sorted(found))


def _intraday_orders(
    problem: BiddingProblem, solution: BiddingSolution, desk: Desk, stamp: RunStamp
) -> IntradayOrderSet:
    area = load_area(desk.area)
    rules = None if area.continuous is None else area.continuous.on(stamp.delivery_day)
    rules = rules or ContinuousRules(
        lead_minutes=0, price_tick=0.01, volume_tick_mw=0.1, minimum=0, maximum=0
    )
    orders = IntradayOrderSet(
        area=desk.area,
        delivery_day=stamp.delivery_day,
        currency=area.currency,
        rules=rules,
        orders=tuple(sorted(_steps(problem, solution, rules))),
        participant_id=desk.participant_id,
        portfolio_id=desk.portfolio_id,
        balance_area=desk.balance_area,
    )
    require_valid_intraday(orders, rules, stamp.decision_time)
    return orders


def _steps(
    problem: BiddingProblem, solution: BiddingSolution, rules: ContinuousRules
) -> list[IntradayOrder]:
    """One order per step of the ladder that the plan uses, at the price the model counted on."""
    if problem.intraday is None or not solution.intraday:
        return []
    market = problem.intraday
    mid = problem.weights @ market.prices
    found = []
    for t, net in enumerate(solution.intraday[0].net_sale.tolist()):
        side, sign = ("sale", 1.0) if net > 0 else ("purchase", -1.0)
        left = math.floor(abs(net) / rules.volume_tick_mw + 1e-6)
        for step, depth in enumerate(market.steps_mw.tolist()):
            ticks = min(left, math.floor(depth / rules.volume_tick_mw + 1e-6))
            cost = market.half_spread + float(market.impact[step])
            price = min(max(mid[t] - sign * cost, rules.minimum), rules.maximum)
            if ticks:
                found.append(
                    IntradayOrder(
                        problem.starts[t],
                        problem.mtu_minutes,
                        side,
                        step,
                        round(price / rules.price_tick),
                        ticks,
                    )
                )
            left -= ticks
    return found
