"""The bid step of a decision: the last rung, then the best rung that holds, each written whole.

Belongs here: those two steps with their effects on the lake. Not here: the model (`stochastic`),
the problem (`desk_problem`), rows (`records`), order files (`trading.order_drop`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from energy_assets.bidding.curves import order_set
from energy_assets.bidding.desk_problem import (
    StartStates,
    forecast_problem,
    last_rung_problem,
)
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.records import BidRun, orders_from_rows, start_states, write_bid_run
from energy_assets.bidding.rungs import best_bid, price_independent
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.curation.desk_view import desk_view
from energy_assets.curation.unpublished_outages import (
    UnpublishedOutage,
    unpublished,
    unpublished_note,
)
from energy_assets.errors import MarketRuleError
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.lakehouse.current import rows_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, OrderSet, load_area
from energy_assets.portfolio import Desk


@dataclass(frozen=True)
class Bid:
    """Orders that keep the market's rules, and the solution they come from."""

    orders: OrderSet
    solution: BiddingSolution


@dataclass(frozen=True)
class BidResult:
    """What a bid step wrote.

    Attributes:
        orders: The order set.
        solution: What it came from.
        rows_written: Rows appended; 0 where nothing changed.
        unpublished: Outages of own units that were not public at the decision.
    """

    orders: OrderSet
    solution: BiddingSolution
    rows_written: int
    unpublished: tuple[UnpublishedOutage, ...] = ()


def run_last_rung(
    lake: Lake, desk: Desk, stamp: RunStamp, *, ingested_before: datetime | None = None
) -> BidResult:
    """Write the price-independent orders, so that there is always something to send."""
    day = _day(desk, stamp)
    known = _knowledge(lake, desk, stamp, ingested_before)
    states = start_states(lake, desk, day, stamp.mode)
    problem = last_rung_problem(known, desk, day, states)
    solution = price_independent(
        problem, reason="last rung, made first; valued at last week's prices"
    )
    bid = Bid(_checked(solution, desk, day, stamp.session), solution)
    return _write(lake, desk, stamp, known, problem, bid, states, {})


def run_bids(
    lake: Lake, desk: Desk, stamp: RunStamp, *, ingested_before: datetime | None = None
) -> BidResult:
    """Write the best rung's orders from the decision's scenarios.

    Raises:
        InputError: The decision has no scenarios (its forecast failed), or a thermal unit no fuel
            price: the last rung stands.
    """
    day = _day(desk, stamp)
    known = _knowledge(lake, desk, stamp, ingested_before)
    rows = lake.read(
        "forecasts.scenarios",
        scope=desk.name,
        start=day.start,
        end=day.end,
        where=stamp.where,
    )
    scenarios = scenarios_from_rows(rows, day)
    states = start_states(lake, desk, day, stamp.mode)
    problem = forecast_problem(known, desk, scenarios, states)
    models = {"scenarios": rows["content_hash"][0]}
    bid = best_valid_bid(problem, desk, day, stamp.session)
    return _write(lake, desk, stamp, known, problem, bid, states, models)


def best_valid_bid(
    problem: BiddingProblem, desk: Desk, day: DeliveryDay, session: str = "day_ahead"
) -> Bid:
    """The best rung whose orders keep the market's rules; a lower one states why.

    Raises:
        MarketRuleError: Even the price-independent orders break a rule.
    """
    try:
        solution = best_bid(problem)
        return Bid(_checked(solution, desk, day, session), solution)
    except MarketRuleError as error:
        solution = price_independent(problem, reason=str(error))
        return Bid(_checked(solution, desk, day, session), solution)


def orders_in_force(lake: Lake, desk: Desk, stamp: RunStamp) -> tuple[OrderSet, str]:
    """The order set that counts for a decision's delivery day and mode, and its rung.

    Raises:
        InputError: There is none.
    """
    day = _day(desk, stamp)
    curve_table = table("bids.curve_orders")
    curves, runs = (
        lake.read(
            name,
            scope=desk.name,
            start=day.start,
            end=day.end,
            where=stamp.where,
            latest_revision=False,
        )
        for name in ("bids.curve_orders", "bids.bid_runs")
    )
    rows = rows_in_force(curve_table, curves, runs)
    orders = orders_from_rows(rows, desk, day)
    return orders, str(rows["rung"][0])


def _write(
    lake: Lake,
    desk: Desk,
    stamp: RunStamp,
    known: PointInTime,
    problem: BiddingProblem,
    bid: Bid,
    states: StartStates,
    models: Mapping[str, str],
) -> BidResult:
    assert known.ingested_before is not None
    day = _day(desk, stamp)
    session = load_area(desk.area).session(stamp.session)
    secret = tuple(unpublished(known, desk, day))
    run = BidRun(
        solution=bid.solution,
        orders=bid.orders,
        probabilities=problem.weights,
        input_hash=_input_hash(known, states, models),
        model_versions=models,
        ingested_before=known.ingested_before,
        gate_closure=session.gate_closure(day.label),
        note="; ".join(filter(None, (bid.solution.reason, unpublished_note(secret)))),
    )
    written = write_bid_run(lake, desk, day, stamp, run)
    return BidResult(bid.orders, bid.solution, written, secret)


def _checked(solution: BiddingSolution, desk: Desk, day: DeliveryDay, session: str) -> OrderSet:
    area = load_area(desk.area)
    rules = area.session(session).curve_rules(day.label)
    return order_set(solution.curves, desk, day, rules, currency=area.currency, session=session)


def _knowledge(
    lake: Lake, desk: Desk, stamp: RunStamp, ingested_before: datetime | None
) -> PointInTime:
    """What the decision knows: rows written before now, or before the moment given."""
    return desk_view(lake, desk, stamp.decision_time, ingested_before or lake.clock())


def _input_hash(known: PointInTime, states: StartStates, models: Mapping[str, str]) -> str:
    parts = [known.input_hash(), *sorted(models.values())]
    parts += [f"{name}={states[name].model_dump_json()}" for name in sorted(states)]
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def _day(desk: Desk, stamp: RunStamp) -> DeliveryDay:
    return load_area(desk.area).session(stamp.session).delivery_day(stamp.delivery_day)
