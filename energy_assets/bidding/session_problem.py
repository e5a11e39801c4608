"""The problem of any gate: what is sold already, what is offered now, what follows.

Gates are decided in their order. At each of them earlier awards are fixed, the session's own offer
is decided, and later sessions are recourse:

    fcr, afrr, mfrr   offers of their products; the day-ahead curve and intraday follow
    day_ahead         curve and blocks; reserve awards are known; intraday follows
    ida1, ida2, ida3  curve at the intraday auction; the day-ahead position is known
    intraday          no auction: trades on the ladder, the same in all scenarios

The intraday position is one value per node of the outcome of the auction at hand: scenarios are
grouped by the price path they are nearest to, among a few chosen by forward selection.

Belongs here: the day-ahead problem of `desk_problem` plus markets. Not here: draws of market series
(`market_outlook`), awards read from the lake (`earlier_awards`), the solve (`stochastic`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.market_outlook import MarketOutlook
from energy_assets.bidding.markets import BlockCandidate, IntradayMarket, ReserveMarket
from energy_assets.bidding.model_data import imbalance_prices
from energy_assets.bidding.problem import BiddingProblem, checked
from energy_assets.market import DeliveryDay, load_area
from energy_assets.market.clock import wall_clock
from energy_assets.portfolio import Desk, ThermalUnit
from energy_assets.portfolio.market_settings import BlockSettings, ReserveName

RESERVE_SESSIONS = ("fcr", "afrr", "mfrr")
INTRADAY = "intraday"


@dataclass(frozen=True)
class EarlierAwards:
    """What earlier sessions left; T MTUs, B product blocks.

    Attributes:
        position: Net sale (T,) MW of all energy sessions so far; None before the first.
        prices: Newest published auction price of each MTU (T,), where day-ahead prices are out.
        priced_by: Intraday auction it is from; empty for the day-ahead auction.
        reserves: Award by product (B,) MW.
    """

    position: FloatArray | None = None
    prices: FloatArray | None = None
    priced_by: str = ""
    reserves: Mapping[str, FloatArray] = field(default_factory=dict)


def session_problem(
    base: BiddingProblem,
    desk: Desk,
    day: DeliveryDay,
    session: str,
    outlook: MarketOutlook,
    earlier: EarlierAwards,
    decision_time: datetime,
) -> BiddingProblem:
    """The problem of one gate.

    Args:
        base: The day-ahead problem with the scenarios known at this decision.
        desk: The desk.
        day: Delivery day, on the day-ahead auction's grid.
        session: Gate to decide.
        outlook: Draws of the other markets, one per scenario.
        earlier: Awards known.
        decision_time: What is decided is known from then on.
    """
    problem = base
    if earlier.prices is not None:
        problem = _around(problem, earlier.prices)
    changes: dict[str, Any] = {
        "reserves": _reserves(problem, desk, day, outlook, earlier, decision_time),
        "earlier_position": earlier.position,
        "commit_late": _late_units(desk, day, session, decision_time),
    }
    if session in RESERVE_SESSIONS or session == "day_ahead":
        changes["intraday"] = _ladder(problem, desk, outlook, "")
        changes["blocks"] = tuple(_block(block, day) for block in desk.markets.blocks)
    elif session == INTRADAY:
        ladder = _ladder(problem, desk, outlook, earlier.priced_by, one_node=True)
        changes |= {"auction": False, "intraday": ladder}
    else:
        problem = _around(problem, problem.prices + _spread(outlook, session, earlier.priced_by))
        rules = load_area(desk.area).session(session).curve_rules(day.label)
        changes |= {"rules": rules, "intraday": _ladder(problem, desk, outlook, session)}
    return checked(problem, **changes)


def last_rung_of(problem: BiddingProblem, session: str, earlier: EarlierAwards) -> BiddingProblem:
    """The last rung's problem of a gate: what is sold counts, nothing else is offered.

    An intraday session offers nothing then, a reserve gate neither: what is not sold is no promise.
    """
    offers = session in (*RESERVE_SESSIONS, "day_ahead")
    return checked(problem, auction=offers, earlier_position=earlier.position)


def _around(problem: BiddingProblem, prices: FloatArray) -> BiddingProblem:
    """The problem at newer prices, (T,) or (S, T): what settles imbalance keeps its distance.

    A newer auction is better informed, so imbalance is expected around its price: else every
    difference between two auctions would look like money to be made in imbalance.
    """
    known = np.broadcast_to(prices, problem.prices.shape)
    changes: dict[str, Any] = {"prices": known}
    if problem.long_prices is not None and problem.short_prices is not None:
        shift = known - problem.prices
        changes["long_prices"] = problem.long_prices + shift
        changes["short_prices"] = problem.short_prices + shift
    return checked(problem, **changes)


def _spread(outlook: MarketOutlook, market: str, over: str) -> FloatArray:
    """Price of an intraday market less that of the auction before it, on the dealt days (S, T)."""
    spread = outlook.intraday_spread.get(market, np.zeros(1))
    return spread - outlook.intraday_spread.get(over, np.zeros(1))


def _reserves(
    problem: BiddingProblem,
    desk: Desk,
    day: DeliveryDay,
    outlook: MarketOutlook,
    earlier: EarlierAwards,
    decision_time: datetime,
) -> tuple[ReserveMarket, ...]:
    found = []
    area = load_area(desk.area)
    for product in desk.markets.reserves:
        awarded = earlier.reserves.get(product)
        is_over = area.reserve(product).gate_closure(day.label) < decision_time
        # Without a price nothing can be offered; over and not awarded, nothing is owed.
        if awarded is None and (is_over or product not in outlook.capacity):
            continue
        if awarded is not None and not awarded.any():
            continue
        found.append(_reserve(problem, desk, day, product, outlook, awarded))
    return tuple(found)


def _reserve(
    problem: BiddingProblem,
    desk: Desk,
    day: DeliveryDay,
    product: ReserveName,
    outlook: MarketOutlook,
    awarded: FloatArray | None,
) -> ReserveMarket:
    auction = load_area(desk.area).reserve(product)
    rules, blocks = auction.rules(day.label), auction.blocks(day.label)
    begins = [start for start, _ in blocks]
    block_of = tuple(bisect_right(begins, mtu.start) - 1 for mtu in day.mtus)
    known = outlook.capacity.get(product)
    capacity = np.zeros((problem.scenario_count, len(blocks))) if known is None else known
    spread = outlook.energy_spread.get(rules.direction)
    energy_prices = None if spread is None else problem.prices + spread
    if rules.direction == "symmetric":
        # Its energy stays in the provider's balance group and settles as imbalance.
        long_price, short_price = imbalance_prices(problem)
        energy_prices = (long_price + short_price) / 2
    return ReserveMarket(
        name=product,
        direction=rules.direction,
        pricing=rules.pricing,
        block_of=block_of,
        capacity_prices=capacity,
        awarded_mw=awarded,
        activation=outlook.called.get(product),
        energy_prices=energy_prices,
        duration_hours=rules.duration_hours,
        full_activation_minutes=rules.full_activation_minutes,
        min_volume_mw=rules.min_volume_mw,
        volume_tick_mw=rules.volume_tick_mw,
        providers=dict(desk.markets.reserves[product].providers),
    )


def _ladder(
    problem: BiddingProblem,
    desk: Desk,
    outlook: MarketOutlook,
    after: str,
    *,
    one_node: bool = False,
) -> IntradayMarket | None:
    """Continuous trading around the prices of the problem.

    Args:
        problem: Its prices are those of the auction before, by scenario where they are not out.
        desk: The desk.
        outlook: Draws of the market's distance to the day-ahead price.
        after: Intraday auction those prices are of; empty for the day-ahead auction.
        one_node: Nothing is left to learn before trading.
    """
    settings = desk.markets.intraday
    if settings is None or not settings.continuous or "continuous" not in outlook.intraday_spread:
        return None
    node_of = None if one_node else nodes_of(problem.prices, settings.nodes)
    spread = _spread(outlook, "continuous", after)
    return IntradayMarket(
        prices=problem.prices + _unbiased(spread, node_of, problem.weights),
        half_spread=settings.half_spread,
        depth_mw=np.array(settings.depth_mw),
        impact=np.array(settings.impact),
        max_volume_mw=settings.max_volume_mw,
        node_of=node_of,
    )


def _unbiased(
    spread: FloatArray, node_of: tuple[int, ...] | None, weights: FloatArray
) -> FloatArray:
    """The spread (S, T) less its mean in each node.

    A few past days dealt to a node have a mean by chance, and nothing may be earned on that: the
    intraday price is taken to be right on average once the auction is known.
    """
    nodes = np.zeros(len(spread), dtype=np.int64) if node_of is None else np.array(node_of)
    centred = spread.copy()
    for node in range(int(nodes.max()) + 1):
        inside = nodes == node
        share = weights[inside] / weights[inside].sum()
        centred[inside] -= share @ spread[inside]
    return centred


def nodes_of(prices: FloatArray, count: int) -> tuple[int, ...]:
    """Node of each scenario: the kept price path it is nearest to.

    Args:
        prices: The outcome that tells scenarios apart (S, T).
        count: Nodes at most.
    """
    from energy_assets.forecasting.scenarios import reduce_scenarios

    if count >= len(prices):
        return tuple(range(len(prices)))
    kept = np.asarray(reduce_scenarios(prices, count)[0], dtype=np.int64)
    nearest = [int(np.square(prices[kept] - path).sum(axis=1).argmin()) for path in prices]
    # Equal paths may leave a kept one without any scenario.
    _, node = np.unique(nearest, return_inverse=True)
    return tuple(int(each) for each in node)


def _block(settings: BlockSettings, day: DeliveryDay) -> BlockCandidate:
    end_of_day = settings.to_hour == 24
    label = day.label + timedelta(days=1) if end_of_day else day.label
    first, last = (
        wall_clock(at, time(hour), day.clock)
        for at, hour in ((day.label, settings.from_hour), (label, settings.to_hour % 24))
    )
    inside = [mtu.position - 1 for mtu in day.mtus if first <= mtu.start < last]
    return BlockCandidate(
        first_mtu=inside[0],
        mtu_count=len(inside),
        side=settings.side,
        limit_price=settings.limit_price,
        max_volume_mw=settings.max_volume_mw,
        rejection_margin=settings.rejection_margin,
    )


def _late_units(
    desk: Desk, day: DeliveryDay, session: str, decision_time: datetime
) -> tuple[str, ...]:
    """Thermal units that can still be ordered once the session's outcome is known."""
    area = load_area(desk.area)
    known_at = decision_time if session == INTRADAY else area.publication(session, day.label)
    hours = (day.start - known_at).total_seconds() / 3600
    return tuple(unit.name for unit in desk.units_of(ThermalUnit) if unit.notice_hours <= hours)
