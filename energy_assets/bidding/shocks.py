"""What a stress case does to a bidding problem, and stress cases among its scenarios.

Every shock is a pure function of the problem's fields. What it leaves is valid again: output within
capacity, day-ahead prices within the market's limits, the long price never above the short one.
Where prices move, imbalance, intraday and reserve energy prices move by as much.

Belongs here: the effect of shocks. Not here: what a shock says (`portfolio.stress_cases`), the
comparison of cases (`what_if`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.markets import IntradayMarket, ReserveMarket
from energy_assets.bidding.model_data import imbalance_prices
from energy_assets.bidding.problem import BiddingProblem, make_problem
from energy_assets.errors import InputError
from energy_assets.portfolio.stress_cases import (
    FuelShock,
    Hours,
    ImbalanceShock,
    LoadShock,
    OutageShock,
    PriceShock,
    Shock,
    StressCase,
    WeatherShock,
)
from energy_assets.portfolio.units import LoadUnit, SolarUnit, ThermalUnit, WindUnit

Fields = dict[str, Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ShockContext:
    """What a shock needs beside the problem.

    Attributes:
        clock: IANA zone whose wall clock the cases' hours are on.
        closes: Last close of each fuel and CO2 product the units burn, in its own unit.
    """

    clock: str
    closes: Mapping[str, float]


def apply(problem: BiddingProblem, case: StressCase, context: ShockContext) -> BiddingProblem:
    """A copy of a problem with a case's shocks, in their order.

    Raises:
        InputError: The case cannot befall the problem's units, or a close is missing.
    """
    where = f"scenario {case.name}"
    if misfit := case.misfit(problem.units):
        raise InputError(where, expected="a case for these units", found=misfit)
    for shock in case.shocks:
        inside = mtus_inside(problem, case.hours_of(shock), context.clock)
        changes = _changes(shock, problem, inside, context)
        problem = make_problem(where, **(_fields(problem) | changes))
    return problem


def with_stress(
    problem: BiddingProblem, cases: Sequence[StressCase], context: ShockContext
) -> BiddingProblem:
    """The problem's scenarios and, at its weight, each case's shocked ones.

    Those of the problem keep the remaining probability and come first.

    Raises:
        InputError: A case without weight, one the scenarios cannot carry, or too much weight.
    """
    weights = [case.weight for case in cases]
    rest = 1.0 - sum(weights)
    if rest <= 0:
        raise InputError("stress weights", expected="a sum below 1", found=f"{1 - rest:g}")
    for case in cases:
        where = f"scenario {case.name}"
        if case.weight == 0:
            raise InputError(f"{where}: weight", expected="above 0", found=case.weight)
        if shock := case.unweighable(problem.units):
            expected = "shocks that differ by scenario, to be weighed"
            raise InputError(where, expected=expected, found=shock)
    if not cases:
        return problem
    parts = [problem, *(apply(problem, case, context) for case in cases)]
    probabilities = np.concatenate([w * problem.weights for w in (rest, *weights)])
    return make_problem(
        "problem with stress",
        **(_fields(problem) | _joined(parts) | {"probabilities": probabilities}),
    )


def mtus_inside(problem: BiddingProblem, hours: Hours | None, clock: str) -> Mask:
    """Which MTUs (T,) start within local hours [from, to); all without hours."""
    if hours is None:
        return np.ones(problem.mtu_count, dtype=np.bool_)
    local = [start.astimezone(ZoneInfo(clock)) for start in problem.starts]
    hour = np.array([moment.hour + moment.minute / 60 for moment in local])
    first, last = hours
    inside: Mask = (hour >= first) & (hour < last)
    if first > last:
        inside = (hour >= first) | (hour < last)
    return inside


def _changes(shock: Shock, problem: BiddingProblem, inside: Mask, context: ShockContext) -> Fields:
    """Fields of the problem that a shock changes."""
    match shock:
        case WeatherShock():
            return _weather(shock, problem, inside)
        case FuelShock():
            return _fuel(shock, problem, inside, context)
        case OutageShock():
            return _outage(shock, problem, inside)
        case PriceShock():
            return _price(shock, problem, inside)
        case LoadShock():
            return _load(shock, problem, inside)
        case ImbalanceShock():
            return _imbalance(shock, problem, inside)


def _weather(shock: WeatherShock, problem: BiddingProblem, inside: Mask) -> Fields:
    availability = dict(problem.availability)
    for unit in problem.units:
        if isinstance(unit, WindUnit | SolarUnit) and unit.kind == shock.source:
            paths = problem.availability[unit.name]
            moved = _moved_output(shock, paths, problem.weights)
            availability[unit.name] = _within(inside, moved, paths, unit.capacity_mw)
    changes: Fields = {"availability": availability}
    if shock.system_lost_gw is not None and shock.price_per_lost_gw is not None:
        rise = shock.system_lost_gw * shock.price_per_lost_gw
        changes |= _repriced(problem, np.where(inside, problem.prices + rise, problem.prices))
    return changes


def _fuel(shock: FuelShock, problem: BiddingProblem, inside: Mask, context: ShockContext) -> Fields:
    rises = {
        unit.name: _cost_rise(shock, unit, context)
        for unit in problem.units
        if isinstance(unit, ThermalUnit) and shock.product_of(unit) is not None
    }
    if not rises:
        return {}
    costs = dict(problem.marginal_costs)
    for name, rise in rises.items():
        before = np.broadcast_to(np.asarray(costs[name]), problem.mtu_count)
        costs[name] = np.where(inside, before + rise, before)
    passed = shock.pass_through * float(np.mean(list(rises.values())))
    prices = np.where(inside, problem.prices + passed, problem.prices)
    return {"marginal_costs": costs, **_repriced(problem, prices)}


def _outage(shock: OutageShock, problem: BiddingProblem, inside: Mask) -> Fields:
    unit = next(unit for unit in problem.units if unit.name == shock.unit)
    if isinstance(unit, WindUnit | SolarUnit):
        # As in the forecast: the part that is out takes its share of the output.
        share = min(1.0, shock.power_left_mw / unit.capacity_mw)
        paths = problem.availability[unit.name]
        scaled = _within(inside, share * paths, paths, unit.capacity_mw)
        return {"availability": {**problem.availability, unit.name: scaled}}
    assert not isinstance(unit, LoadUnit)
    rating = unit.capacity_mw if isinstance(unit, ThermalUnit) else unit.power_mw
    before = problem.power_limits.get(unit.name, np.full(problem.mtu_count, rating))
    limit = np.where(inside, np.minimum(before, shock.power_left_mw), before)
    return {"power_limits": {**problem.power_limits, unit.name: limit}}


def _price(shock: PriceShock, problem: BiddingProblem, inside: Mask) -> Fields:
    prices = np.array(problem.prices)
    lowest, highest = _price_limits(problem)
    if shock.change is not None:
        prices += shock.change
    if shock.factor is not None:
        prices *= shock.factor
    if shock.at_least is not None:
        prices = np.maximum(prices, shock.at_least)
    if shock.at_most is not None:
        prices = np.minimum(prices, shock.at_most)
    if shock.limit is not None:
        prices[:] = highest if shock.limit == "highest" else lowest
    return _repriced(problem, np.where(inside, prices, problem.prices))


def _load(shock: LoadShock, problem: BiddingProblem, inside: Mask) -> Fields:
    availability = dict(problem.availability)
    for unit in problem.units:
        if isinstance(unit, LoadUnit):
            paths = problem.availability[unit.name]
            availability[unit.name] = _within(inside, shock.factor * paths, paths, unit.peak_mw)
    return {"availability": availability}


def _imbalance(shock: ImbalanceShock, problem: BiddingProblem, inside: Mask) -> Fields:
    long, short = imbalance_prices(problem)
    day_ahead = problem.prices
    return {
        "long_prices": np.where(
            inside, day_ahead + shock.factor * (long - day_ahead) - shock.change, long
        ),
        "short_prices": np.where(
            inside, day_ahead + shock.factor * (short - day_ahead) + shock.change, short
        ),
    }


def _moved_output(shock: WeatherShock, paths: FloatArray, weights: FloatArray) -> FloatArray:
    if shock.factor is not None:
        return shock.factor * paths
    assert shock.standard_deviations is not None
    mean = weights @ paths
    spread = np.sqrt(weights @ np.square(paths - mean))
    return paths + shock.standard_deviations * spread


def _within(inside: Mask, moved: FloatArray, before: FloatArray, highest: float) -> FloatArray:
    """Moved output where the shock holds, between nothing and the rating."""
    return np.where(inside, np.clip(moved, 0.0, highest), before)


def _cost_rise(shock: FuelShock, unit: ThermalUnit, context: ShockContext) -> float:
    """What a unit's MWh costs more, currency/MWh."""
    assert unit.fuel is not None
    fuel, carbon = (
        _close(context, product) for product in (unit.fuel.product, unit.fuel.co2_product)
    )
    before = carbon if shock.commodity == "co2" else fuel
    after = before * shock.factor if shock.factor is not None else before + (shock.change or 0.0)
    moved = (fuel, after) if shock.commodity == "co2" else (after, carbon)
    return unit.marginal_cost(*moved) - unit.marginal_cost(fuel, carbon)


def _close(context: ShockContext, product: str) -> float:
    if product not in context.closes:
        raise InputError(f"close of {product}", expected="a price", found="none")
    return context.closes[product]


def _price_limits(problem: BiddingProblem) -> tuple[float, float]:
    rules = problem.rules
    return rules.price(rules.price_min_ticks), rules.price(rules.price_max_ticks)


def _repriced(problem: BiddingProblem, prices: FloatArray) -> Fields:
    """The fields that hold prices, once day-ahead prices (S, T) have moved.

    Only a moved price is cut to the limits: what a forecast says is left alone.
    """
    moved = prices != problem.prices
    prices = np.where(moved, np.clip(prices, *_price_limits(problem)), problem.prices)
    rise = prices - problem.prices
    fields: Fields = {"prices": prices}
    for name in ("long_prices", "short_prices"):
        before = getattr(problem, name)
        if before is not None:
            fields[name] = before + rise
    if problem.intraday is not None:
        fields["intraday"] = problem.intraday.model_copy(
            update={"prices": problem.intraday.prices + rise}
        )
    fields["reserves"] = tuple(
        market
        if market.energy_prices is None
        else market.model_copy(update={"energy_prices": market.energy_prices + rise})
        for market in problem.reserves
    )
    return fields


def _joined(parts: Sequence[BiddingProblem]) -> Fields:
    """Fields by scenario of several problems of the same plant and markets, one after the other."""
    first = parts[0]
    fields: Fields = {
        "prices": np.vstack([part.prices for part in parts]),
        "availability": {
            name: np.vstack([part.availability[name] for part in parts])
            for name in first.availability
        },
        "reserves": tuple(
            _joined_reserve([part.reserves[number] for part in parts])
            for number in range(len(first.reserves))
        ),
        "intraday": _joined_intraday(parts),
    }
    if any(part.long_prices is not None for part in parts):
        prices = [imbalance_prices(part) for part in parts]
        fields["long_prices"] = np.vstack([long for long, _ in prices])
        fields["short_prices"] = np.vstack([short for _, short in prices])
    return fields


def _joined_reserve(markets: Sequence[ReserveMarket]) -> ReserveMarket:
    first = markets[0]
    names = ("capacity_prices", "activation", "energy_prices")
    known = [name for name in names if getattr(first, name) is not None]
    return first.model_copy(
        update={name: np.vstack([getattr(market, name) for market in markets]) for name in known}
    )


def _joined_intraday(parts: Sequence[BiddingProblem]) -> IntradayMarket | None:
    first = parts[0].intraday
    if first is None:
        return None
    markets = [part.intraday for part in parts if part.intraday is not None]
    update: Fields = {"prices": np.vstack([market.prices for market in markets])}
    if first.node_of is not None:
        count = max(first.node_of) + 1
        # A case that moves day-ahead prices shows in the auction's outcome; any other does not.
        shown = [not np.array_equal(part.prices, parts[0].prices) for part in parts]
        places = np.cumsum(shown) * np.array(shown) * count
        update["node_of"] = tuple(node + int(place) for place in places for node in first.node_of)
    return first.model_copy(update=update)


def _fields(problem: BiddingProblem) -> Fields:
    return {name: getattr(problem, name) for name in type(problem).model_fields}
