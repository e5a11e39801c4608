"""The bid step of a decision: the last rung, then the best rung that holds, each written whole.

One decision is one session's gate: reserves, the day-ahead auction, an intraday auction or a
re-plan of continuous trading. Each writes its own kind of orders, the plan behind them and, last,
its `bid_runs` row.

Belongs here: those steps with their effects on the lake. Not here: the model (`stochastic`), the
problem (`desk_problem`, `session_problem`), orders in ticks (`session_orders`), rows (`records`),
order files (`trading.order_drop`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl

from energy_assets.bidding.desk_problem import (
    StartStates,
    forecast_problem,
    last_rung_problem,
)
from energy_assets.bidding.earlier_awards import earlier_awards
from energy_assets.bidding.ladder.budgets import Budgets
from energy_assets.bidding.ladder.earlier_orders import earlier_orders
from energy_assets.bidding.ladder.last_accepted import FindEarlier
from energy_assets.bidding.later_part import later_part
from energy_assets.bidding.market_outlook import market_outlook
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.records import (
    BidRun,
    SessionOrders,
    offers_from_rows,
    orders_from_rows,
    start_states,
    states_at,
    write_bid_run,
)
from energy_assets.bidding.rungs import best_bid, price_independent
from energy_assets.bidding.session_orders import gate_of, session_orders
from energy_assets.bidding.session_problem import last_rung_of, session_problem
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.curation.desk_view import desk_view
from energy_assets.curation.unpublished_outages import (
    UnpublishedOutage,
    unpublished,
    unpublished_note,
)
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import seed_of
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.lakehouse.current import rows_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, OrderSet, load_area
from energy_assets.market.reserve_offers import ReserveOfferSet
from energy_assets.portfolio import Desk


@dataclass(frozen=True)
class Bid:
    """Orders that keep the market's rules, and the solution they come from."""

    orders: SessionOrders
    solution: BiddingSolution


@dataclass(frozen=True)
class BidResult:
    """What a bid step wrote.

    Attributes:
        orders: The session's orders.
        solution: What they came from.
        rows_written: Rows appended; 0 where nothing changed.
        unpublished: Outages of own units that were not public at the decision.
    """

    orders: SessionOrders
    solution: BiddingSolution
    rows_written: int
    unpublished: tuple[UnpublishedOutage, ...] = ()


def run_last_rung(
    lake: Lake, desk: Desk, stamp: RunStamp, *, ingested_before: datetime | None = None
) -> BidResult:
    """Write the price-independent orders, so that there is always something to send."""
    day = _day(desk, stamp)
    known = _knowledge(lake, desk, stamp, ingested_before)
    states = start_states(lake, desk, day, stamp.mode, stamp.decision_time)
    problem = last_rung_problem(known, desk, day, states)
    if desk.markets.sessions != ["day_ahead"]:
        earlier = earlier_awards(lake, known, desk, day, stamp)
        problem = last_rung_of(problem, stamp.session, earlier)
    solution = price_independent(
        problem, reason="last rung, made first; valued at last week's prices"
    )
    bid = Bid(session_orders(problem, solution, desk, stamp), solution)
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
    states = start_states(lake, desk, day, stamp.mode, stamp.decision_time)
    problem = forecast_problem(known, desk, scenarios, states)
    models = {"scenarios": rows["content_hash"][0]}
    notes: tuple[str, ...] = ()
    if desk.markets.sessions != ["day_ahead"] or desk.markets.blocks:
        seed = seed_of(desk.seed, desk.name, stamp.session, day.label, "markets")
        outlook = market_outlook(known, desk, day, problem.scenario_count, seed)
        earlier = earlier_awards(lake, known, desk, day, stamp)
        problem = session_problem(
            problem, desk, day, stamp.session, outlook, earlier, stamp.decision_time
        )
        notes = outlook.notes
        problem = _open_part(lake, desk, day, stamp, problem)
    bid = best_valid_bid(
        problem,
        desk,
        stamp,
        budgets=_budgets(lake, desk, stamp),
        find_earlier=partial(earlier_orders, lake, desk, stamp, known.ingested_before),
    )
    return _write(lake, desk, stamp, known, problem, bid, states, models, notes)


def _open_part(
    lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp, problem: BiddingProblem
) -> BiddingProblem:
    """The part of the day that a session sells."""
    sold = load_area(desk.area).delivery_day(stamp.session, stamp.delivery_day)
    if stamp.session not in load_area(desk.area).sessions or sold.start <= day.start:
        return problem
    first = day.starts.index(sold.start)
    states = states_at(lake, desk, day, sold.start, stamp.mode, stamp.decision_time)
    return later_part(problem, first, states)


def best_valid_bid(
    problem: BiddingProblem,
    desk: Desk,
    stamp: RunStamp,
    *,
    budgets: Budgets | None = None,
    find_earlier: FindEarlier | None = None,
) -> Bid:
    """The best rung whose orders keep the market's rules; a lower one states why.

    Args:
        problem: The session's problem.
        desk: The desk.
        stamp: The decision.
        budgets: Seconds per rung; None runs each to its end.
        find_earlier: Finds the last orders in force.

    Raises:
        MarketRuleError: Even the price-independent orders break a rule.
    """

    def orders(solution: BiddingSolution) -> SessionOrders:
        return session_orders(problem, solution, desk, stamp)

    solution = best_bid(problem, budgets=budgets, find_earlier=find_earlier, require=orders)
    return Bid(orders(solution), solution)


def _budgets(lake: Lake, desk: Desk, stamp: RunStamp) -> Budgets | None:
    """What is left before the gate of a live decision; a replay has no clock to keep."""
    if stamp.mode != "live":
        return None
    return Budgets.until(gate_of(desk, stamp), lake.clock())


def orders_in_force(lake: Lake, desk: Desk, stamp: RunStamp) -> tuple[OrderSet, str]:
    """The order set that counts for an auction's delivery day and mode, and its rung.

    Raises:
        InputError: There is none.
    """
    day = _day(desk, stamp)
    rows = _in_force(lake, desk, stamp, "bids.curve_orders")
    blocks = _in_force(lake, desk, stamp, "bids.block_orders")
    orders = orders_from_rows(rows, desk, day, blocks)
    return orders, str(rows["rung"][0])


def offers_in_force(lake: Lake, desk: Desk, stamp: RunStamp) -> tuple[ReserveOfferSet, str]:
    """The reserve offers that count for a gate and mode, and their rung.

    Raises:
        InputError: The gate was not decided.
    """
    runs = _in_force(lake, desk, stamp, "bids.bid_runs")
    if runs.is_empty():
        where = f"bids.bid_runs of {desk.name}, {stamp.session} {stamp.delivery_day}"
        raise InputError(where, expected="a decision", found="none")
    rows = _in_force(lake, desk, stamp, "bids.reserve_offers")
    offers = offers_from_rows(rows, desk, stamp.session, _day(desk, stamp))
    return offers, str(runs["rung"][0])


def _in_force(lake: Lake, desk: Desk, stamp: RunStamp, table_id: str) -> pl.DataFrame:
    rows, runs = (
        lake.read(
            name,
            scope=desk.name,
            start=_day(desk, stamp).start,
            end=_day(desk, stamp).end,
            where=stamp.where,
            latest_revision=False,
        )
        for name in (table_id, "bids.bid_runs")
    )
    return rows_in_force(table(table_id), rows, runs)


def _write(
    lake: Lake,
    desk: Desk,
    stamp: RunStamp,
    known: PointInTime,
    problem: BiddingProblem,
    bid: Bid,
    states: StartStates,
    models: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> BidResult:
    assert known.ingested_before is not None
    day = _day(desk, stamp)
    secret = tuple(unpublished(known, desk, day))
    run = BidRun(
        solution=bid.solution,
        orders=bid.orders,
        probabilities=problem.weights,
        input_hash=input_hash(known, states, models),
        model_versions=models,
        ingested_before=known.ingested_before,
        gate_closure=gate_of(desk, stamp),
        note="; ".join(filter(None, (bid.solution.reason, unpublished_note(secret), *notes))),
    )
    written = write_bid_run(lake, desk, day, stamp, run)
    return BidResult(bid.orders, bid.solution, written, secret)


def _knowledge(
    lake: Lake, desk: Desk, stamp: RunStamp, ingested_before: datetime | None
) -> PointInTime:
    """What the decision knows: rows written before now, or before the moment given."""
    return desk_view(lake, desk, stamp.decision_time, ingested_before or lake.clock())


def input_hash(known: PointInTime, states: StartStates, models: Mapping[str, str]) -> str:
    """Hash of everything a decision read: rows, start states, forecasts."""
    parts = [known.input_hash(), *sorted(models.values())]
    parts += [f"{name}={states[name].model_dump_json()}" for name in sorted(states)]
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def _day(desk: Desk, stamp: RunStamp) -> DeliveryDay:
    return load_area(desk.area).delivery_day("day_ahead", stamp.delivery_day)
