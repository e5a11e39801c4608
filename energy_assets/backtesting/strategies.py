"""What is bid for one delivery day under each strategy.

- stochastic: the product's own decision (joint scenarios, stochastic model, curves);
- yesterday: a flat schedule against yesterday's prices;
- shape_28d: a flat schedule against the mean of the last 28 days by time of day;
- perfect_foresight: a flat schedule against the prices and outputs that came true;
- do_nothing: the price-independent schedule, no flexibility used.

All share units, limits and settlement rule; flat ones bid price-independent orders. After the
auction units are scheduled for the award with the output each strategy expects, which is what came
true under perfect foresight; do-nothing keeps its schedule. Not here: the loop over days
(`replay`), value (`capture`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from energy_assets.bidding.curves import flat_orders
from energy_assets.bidding.desk_problem import StartStates, forecast_problem, path_problem
from energy_assets.bidding.dispatch import Schedule, perfect_foresight, schedule_for_prices
from energy_assets.bidding.problem import BiddingProblem, FloatArray
from energy_assets.bidding.rungs import price_independent
from energy_assets.bidding.runs import best_valid_bid
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import DayForecast
from energy_assets.forecasting.profiles import mtu_slots, slots_per_day
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import CurveOrder, DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, Unit, WindUnit
from energy_assets.trading.delivery import Delivery

SHAPE_DAYS = 28
PERFECT, DO_NOTHING = "perfect_foresight", "do_nothing"


@dataclass(frozen=True)
class DayContext:
    """What strategies may use for one delivery day.

    Attributes:
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day.
        forecast: The product's forecast.
        expected: Expected output by wind, solar and load unit, (T,) MW.
        actual_prices: Clearing prices (T,); only perfect foresight looks.
        actual_output: Output that came true (T,) MW; only perfect foresight looks.
    """

    known: PointInTime
    desk: Desk
    day: DeliveryDay
    forecast: DayForecast
    expected: Mapping[str, FloatArray]
    actual_prices: FloatArray
    actual_output: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Offer:
    """What a strategy does with one day.

    Attributes:
        curves: Its orders.
        expected: Output by wind, solar and load unit it schedules for, (T,) MW.
        kept: Its schedule, where the award does not change it.
    """

    curves: tuple[CurveOrder, ...]
    expected: Mapping[str, FloatArray]
    kept: Delivery | None = None


Strategy = Callable[[DayContext, StartStates], Offer]


def stochastic(context: DayContext, states: StartStates) -> Offer:
    """The product's own orders."""
    problem = forecast_problem(context.known, context.desk, context.forecast.scenarios, states)
    label = context.day.label
    decided = context.desk.decision_time(label)
    stamp = RunStamp("day_ahead", label, decided, "", "replay")
    bid = best_valid_bid(problem, context.desk, stamp)
    return Offer(bid.solution.curves, context.expected)


def yesterday(context: DayContext, states: StartStates) -> Offer:
    """Flat orders against yesterday's prices."""
    return _flat(context, states, _past_prices(context, 1))


def shape_28d(context: DayContext, states: StartStates) -> Offer:
    """Flat orders against the mean price by time of day of the last 28 days."""
    return _flat(context, states, _past_prices(context, SHAPE_DAYS))


def perfect(context: DayContext, states: StartStates) -> Offer:
    """Flat orders against what came true."""
    output = {
        name: np.clip(path, 0.0, _rating(context.desk.unit(name)))
        for name, path in context.actual_output.items()
    }
    problem = _path(context, states, context.actual_prices, output)
    plan = perfect_foresight(problem, context.actual_prices, output)
    return Offer(flat_orders(problem, plan.position), output)


def do_nothing(context: DayContext, states: StartStates) -> Offer:
    """The price-independent schedule, kept whatever the prices are."""
    problem = _path(context, states, np.zeros(context.day.mtu_count), context.expected)
    solution = price_independent(problem)
    plans = solution.dispatch
    schedule = Schedule(
        position=solution.position[0],
        power={plan.name: plan.power.mean for plan in plans},
        energy={plan.name: plan.energy.mean for plan in plans if plan.energy is not None},
        on={plan.name: np.array(plan.on) for plan in plans if plan.on},
        imbalance=solution.imbalance.mean,
        value=solution.expected_value,
    )
    return Offer(solution.curves, context.expected, Delivery(schedule, context.expected, problem))


STRATEGIES: dict[str, Strategy] = {
    "stochastic": stochastic,
    "yesterday": yesterday,
    "shape_28d": shape_28d,
    PERFECT: perfect,
}


def _flat(context: DayContext, states: StartStates, prices: FloatArray) -> Offer:
    problem = _path(context, states, prices, context.expected)
    plan = schedule_for_prices(problem, prices, context.expected)
    return Offer(flat_orders(problem, plan.position), context.expected)


def _rating(unit: Unit) -> float:
    assert isinstance(unit, WindUnit | SolarUnit | LoadUnit)
    return unit.peak_mw if isinstance(unit, LoadUnit) else unit.capacity_mw


def _path(
    context: DayContext,
    states: StartStates,
    prices: FloatArray,
    output: Mapping[str, FloatArray],
) -> BiddingProblem:
    return path_problem(context.known, context.desk, context.day, states, prices, output)


def _past_prices(context: DayContext, days: int) -> FloatArray:
    """Mean price by MTU over the last days, as known.

    Raises:
        InputError: Some time of day has no price on any of them.
    """
    session = load_area(context.desk.area).session()
    slots = slots_per_day(context.day.mtu_minutes)
    last = context.day.label - timedelta(days=1)
    prices = price_matrix(
        context.known, context.desk.area, last - timedelta(days=days - 1), last, slots
    )
    seen = np.isfinite(prices)
    if not seen.any(axis=0).all():
        where = f"raw.market_prices of {context.desk.area}, {days} days to {last}"
        missing = int((~seen.any(axis=0)).sum())
        raise InputError(where, expected=f"{slots} periods", found=f"{missing} without a price")
    mean: FloatArray = np.nanmean(prices, axis=0)[mtu_slots(context.day, session, slots)]
    return mean
