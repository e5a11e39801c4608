"""The re-plan of a running or coming delivery day: trades for the hours still open.

Made on new forecasts, awards, outages or telemetry, under any decision time:

1. wind, solar and load are forecast anew from telemetry and actuals known now;
2. the day-ahead scenarios follow that forecast, prices are those published;
3. what is sold already is the position, reserve awards are held, commitments that can no longer be
   changed stand, the plant starts from its schedule;
4. the model without an auction says what to trade, the same in all scenarios, for the MTUs whose
   trading ends later.

Capacity awards oblige to balancing energy bids; they are made with the plan (`balancing_bids`).
The last rung is to trade nothing. Belongs here: that step with its effects on the lake. Not here:
the model kept between re-plans (`replan`), fills (`trading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.bidding.balancing_bids import BalancingEnergyBid, balancing_bids
from energy_assets.bidding.desk_problem import forecast_problem
from energy_assets.bidding.earlier_awards import earlier_awards
from energy_assets.bidding.handoff import SolverError
from energy_assets.bidding.later_part import later_part
from energy_assets.bidding.market_outlook import market_outlook
from energy_assets.bidding.problem import BiddingProblem, StartState
from energy_assets.bidding.records import BidRun, start_states, states_at, write_bid_run
from energy_assets.bidding.replan import PreparedReplan
from energy_assets.bidding.rungs import price_independent
from energy_assets.bidding.runs import Bid, BidResult, input_hash
from energy_assets.bidding.session_orders import gate_of, session_orders
from energy_assets.bidding.session_problem import INTRADAY, session_problem
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.bidding.updated_scenarios import updated_scenarios
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InfeasibleError, InputError, MarketRuleError
from energy_assets.forecasting.day_ahead import Scenarios, seed_of
from energy_assets.forecasting.intraday.desk import (
    IntradayForecast,
    UnitModel,
    day_ahead_rows,
    intraday_forecast,
)
from energy_assets.forecasting.intraday.rows import intraday_rows
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, ThermalUnit


def run_replan(
    lake: Lake,
    desk: Desk,
    stamp: RunStamp,
    *,
    ingested_before: datetime | None = None,
    models: Mapping[str, UnitModel] | None = None,
) -> BidResult:
    """Re-plan the open hours of a delivery day and write forecasts, orders and plan.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision; its session is `intraday`.
        ingested_before: Only rows written before this are read.
        models: Trained intraday models; trained now if left out.

    Raises:
        InputError: No hour of the day is open any more, or it has no day-ahead scenarios.
    """
    day = load_area(desk.area).delivery_day("day_ahead", stamp.delivery_day)
    first = first_open_mtu(desk, day, stamp.decision_time)
    known = desk_view(lake, desk, stamp.decision_time, ingested_before or lake.clock())
    decided = _day_ahead_scenarios(lake, desk, day, stamp)
    scenarios = updated_scenarios(decided, _forecast(lake, known, desk, day, stamp, models))
    states = states_at(lake, desk, day, day.starts[first], stamp.mode, stamp.decision_time)
    problem = _problem(lake, known, desk, day, stamp, scenarios)
    if first:
        problem = later_part(problem, first, states)
    solution = _solve(problem, _decided_hours(lake, desk, problem, stamp))
    return _write(lake, known, desk, day, stamp, problem, solution, states)


def first_open_mtu(desk: Desk, day: DeliveryDay, at: datetime) -> int:
    """First MTU of the first whole hour whose trading is still open.

    Raises:
        InputError: There is none.
    """
    rules = load_area(desk.area).continuous
    lead = timedelta(minutes=0 if rules is None else rules.on(day.label).lead_minutes)
    per_hour = 60 // day.mtu_minutes
    for first in range(0, day.mtu_count, per_hour):
        if day.starts[first] - lead >= at:
            return first
    where = f"re-plan of {desk.name} on {day.label}"
    raise InputError(where, expected="an hour still open", found=f"{at.isoformat()}: none")


def _day_ahead_scenarios(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp) -> Scenarios:
    rows = lake.current(
        "forecasts.scenarios",
        scope=desk.name,
        session="day_ahead",
        delivery_day=day.label,
        mode=stamp.mode,
    )
    if rows.is_empty():
        where = f"forecasts.scenarios of {desk.name} on {day.label}"
        raise InputError(where, expected="a day-ahead decision", found="none")
    return scenarios_from_rows(rows, day)


def _forecast(
    lake: Lake,
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    stamp: RunStamp,
    models: Mapping[str, UnitModel] | None,
) -> dict[str, IntradayForecast]:
    at = stamp.decision_time
    hours = int(np.ceil((day.end - at).total_seconds() / 3600))
    forecasts = intraday_forecast(
        known,
        desk,
        at,
        max(hours, 1),
        day_ahead=day_ahead_rows(lake, desk, at, stamp.mode),
        models=models,
    )
    rows = intraday_rows(forecasts, stamp.run_id, stamp.mode).get(day.label)
    if rows is not None:
        lake.append("forecasts.quantiles", rows, scope=desk.name)
    return forecasts


def _problem(
    lake: Lake,
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    stamp: RunStamp,
    scenarios: Scenarios,
) -> BiddingProblem:
    states = start_states(lake, desk, day, stamp.mode, stamp.decision_time)
    base = forecast_problem(known, desk, scenarios, states)
    seed = seed_of(desk.seed, desk.name, INTRADAY, day.label, "markets")
    outlook = market_outlook(known, desk, day, base.scenario_count, seed)
    earlier = earlier_awards(lake, known, desk, day, stamp)
    if earlier.position is None:
        where = f"position of {desk.name} on {day.label}"
        raise InputError(where, expected="day-ahead awards; run the results job", found="none")
    return session_problem(base, desk, day, INTRADAY, outlook, earlier, stamp.decision_time)


def _decided_hours(
    lake: Lake, desk: Desk, problem: BiddingProblem, stamp: RunStamp
) -> dict[str, np.ndarray]:
    """Hours on as scheduled where the unit's notice is longer than the time left, NaN elsewhere."""
    rows = lake.current(
        "bids.unit_schedules", scope=desk.name, delivery_day=stamp.delivery_day, mode=stamp.mode
    ).sort("decision_time")
    found = {}
    for unit in desk.units_of(ThermalUnit):
        mine = rows.filter(pl.col("unit") == unit.name)
        planned = dict(mine.select("period_start", "committed").iter_rows())
        per_hour = 60 // problem.mtu_minutes
        hours = np.full(problem.mtu_count // per_hour, np.nan)
        for hour, start in enumerate(problem.starts[::per_hour]):
            notice = start - timedelta(hours=unit.notice_hours)
            if notice < stamp.decision_time and start in planned:
                hours[hour] = float(planned[start])
        found[unit.name] = hours
    return found


def _solve(problem: BiddingProblem, decided: dict[str, np.ndarray]) -> BiddingSolution:
    """The re-plan, or no trade where it cannot be solved."""
    reasons = []
    for hours in (decided, None):
        try:
            return PreparedReplan(problem, hours).solve()
        except (SolverError, InfeasibleError, InputError) as error:
            reasons.append(str(error))
    return price_independent(problem, reason="; ".join(reasons))


def _write(
    lake: Lake,
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    stamp: RunStamp,
    problem: BiddingProblem,
    solution: BiddingSolution,
    states: Mapping[str, StartState],
) -> BidResult:
    try:
        bid = Bid(session_orders(problem, solution, desk, stamp), solution)
    except MarketRuleError as error:
        solution = price_independent(problem, reason=str(error))
        bid = Bid(session_orders(problem, solution, desk, stamp), solution)
    assert known.ingested_before is not None
    run = BidRun(
        solution=bid.solution,
        orders=bid.orders,
        probabilities=problem.weights,
        input_hash=input_hash(known, states, {}),
        model_versions={},
        ingested_before=known.ingested_before,
        gate_closure=gate_of(desk, stamp),
        note=bid.solution.reason,
        balancing=_balancing(desk, stamp, problem, bid.solution),
    )
    written = write_bid_run(lake, desk, day, stamp, run)
    return BidResult(bid.orders, bid.solution, written)


def _balancing(
    desk: Desk, stamp: RunStamp, problem: BiddingProblem, solution: BiddingSolution
) -> list[BalancingEnergyBid]:
    """Energy bids that awards oblige to; free room too, where the desk offers it."""
    facts = load_area(desk.area).balancing_energy
    if facts is None:
        return []
    rules = facts.on(stamp.delivery_day)
    free = desk.markets.balancing_energy
    return balancing_bids(problem, solution, rules, stamp.decision_time, with_free_room=free)
