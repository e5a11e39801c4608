"""What is bid for one delivery day under each strategy.

- stochastic: the product's own decision (joint scenarios, stochastic model, curves);
- yesterday: a flat schedule against yesterday's prices;
- shape_28d: a flat schedule against the mean of the last 28 days by time of day;
- perfect_foresight: a flat schedule against the prices and outputs that came true;
- do_nothing: the price-independent schedule, no flexibility used.

All share units, limits and settlement rule; flat ones bid price-independent orders. Not here: the
loop over days (`replay`), value (`capture`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from energy_assets.bidding.curves import flat_orders
from energy_assets.bidding.desk_problem import StartStates, forecast_problem, path_problem
from energy_assets.bidding.dispatch import perfect_foresight, schedule_for_prices
from energy_assets.bidding.problem import BiddingProblem, FloatArray
from energy_assets.bidding.rungs import best_bid, price_independent
from energy_assets.forecasting.day_ahead import DayForecast
from energy_assets.forecasting.profiles import mtu_slots, slots_per_day
from energy_assets.forecasting.vintages import actual_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import CurveOrder, DeliveryDay, load_area
from energy_assets.portfolio import Desk

SHAPE_DAYS = 28


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


Curves = tuple[CurveOrder, ...]
Strategy = Callable[[DayContext, StartStates], Curves]


def stochastic(context: DayContext, states: StartStates) -> Curves:
    """The product's own orders."""
    problem = forecast_problem(context.known, context.desk, context.forecast.scenarios, states)
    return best_bid(problem).curves


def yesterday(context: DayContext, states: StartStates) -> Curves:
    """Flat orders against yesterday's prices."""
    return _flat(context, states, _past_prices(context, 1))


def shape_28d(context: DayContext, states: StartStates) -> Curves:
    """Flat orders against the mean price by time of day of the last 28 days."""
    return _flat(context, states, _past_prices(context, SHAPE_DAYS))


def perfect(context: DayContext, states: StartStates) -> Curves:
    """Flat orders against what came true."""
    problem = _path(context, states, context.actual_prices, context.actual_output)
    plan = perfect_foresight(problem, context.actual_prices, context.actual_output)
    return flat_orders(problem, plan.position)


def do_nothing(context: DayContext, states: StartStates) -> Curves:
    """The price-independent schedule."""
    problem = _path(context, states, np.zeros(context.day.mtu_count), context.expected)
    return price_independent(problem).curves


STRATEGIES: dict[str, Strategy] = {
    "stochastic": stochastic,
    "yesterday": yesterday,
    "shape_28d": shape_28d,
    "perfect_foresight": perfect,
}
DO_NOTHING = "do_nothing"


def _flat(context: DayContext, states: StartStates, prices: FloatArray) -> Curves:
    problem = _path(context, states, prices, context.expected)
    plan = schedule_for_prices(problem, prices, context.expected)
    return flat_orders(problem, plan.position)


def _path(
    context: DayContext,
    states: StartStates,
    prices: FloatArray,
    output: Mapping[str, FloatArray],
) -> BiddingProblem:
    return path_problem(context.known, context.desk, context.day, states, prices, output)


def _past_prices(context: DayContext, days: int) -> FloatArray:
    """Mean price by MTU over the last days, as known."""
    session = load_area(context.desk.area).session()
    slots = slots_per_day(context.day.mtu_minutes)
    last = context.day.label - timedelta(days=1)
    prices = actual_matrix(
        context.known,
        "raw.market_prices",
        context.desk.area,
        {"series": "day_ahead"},
        "price",
        session=session,
        first=last - timedelta(days=days - 1),
        last=last,
        slots=slots,
    )
    mean: FloatArray = np.nanmean(prices, axis=0)[mtu_slots(context.day, session, slots)]
    return mean
