"""The marginal-cost rung: one curve per MTU from the units' merit, without a solver.

    v[t](p) = fixed[t] + sum of the steps of units whose marginal cost is at most p

Fixed at any price: load and obligations bought, plant that cannot be curtailed, what committed
thermal units keep to, and the battery's charge and discharge (its thresholds lie on expected
prices, so that its energy never depends on the outcome). Steps: wind and solar at their variable
cost with their expected output, thermal units above their least power at the slope of their fuel
line. Nothing but the curve is offered.

Not here: how the plant runs for it (`merit_plan`).
"""

from __future__ import annotations

import math

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.curves import awarded, flat_orders
from energy_assets.bidding.ladder.failure import RungFailedError
from energy_assets.bidding.ladder.merit_plan import MeritPlan, follow, merit_plan
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation, summarise
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.market.orders import CurveKind, CurveOrder, CurveRules

Point = tuple[int, int]


def marginal_cost(problem: BiddingProblem) -> BiddingSolution:
    """The curve of the units' merit order.

    Raises:
        RungFailedError: The session takes no curve.
    """
    if not problem.auction:
        msg = "the session takes no curve"
        raise RungFailedError(msg)
    data = model_data(problem)
    plan = merit_plan(data)
    return curves_followed(
        problem, data, plan, _curves(problem, data, plan), Rung.MARGINAL_COST, "no solver"
    )


def curves_followed(
    problem: BiddingProblem,
    data: ModelData,
    plan: MeritPlan,
    curves: tuple[CurveOrder, ...],
    rung: Rung,
    status: str,
) -> BiddingSolution:
    """A rung's curves, awarded in every scenario and followed by the plant in merit order."""
    position = np.array([awarded(curves, path, problem.rules) for path in data.price])
    return summarise(
        problem,
        data,
        follow(data, plan, position),
        position,
        rung=rung,
        curves=curves,
        objective=float("nan"),
        bound=float("nan"),
        gap=float("nan"),
        bound_scope="none",
        status=status,
    )


def fixed_sale(data: ModelData, plan: MeritPlan) -> FloatArray:
    """Net sale (T,) MW at any price: expected figures, earlier sales and calls taken off."""
    called = Operation(
        offered={r.name: np.zeros(r.prices.shape) for r in data.reserves if r.awarded is None}
    ).called(data)
    fixed = data.probability @ (data.forced - called) - data.earlier
    for paths in (plan.flow, plan.least):
        fixed = fixed + sum(paths.values(), np.zeros(data.mtu_count))
    return fixed


def _curves(problem: BiddingProblem, data: ModelData, plan: MeritPlan) -> tuple[CurveOrder, ...]:
    fixed = fixed_sale(data, plan)
    prices, volumes = _steps(data, plan)
    cheapest_first = np.argsort(prices, axis=0, kind="stable")
    prices = np.take_along_axis(prices, cheapest_first, axis=0)
    volumes = np.take_along_axis(volumes, cheapest_first, axis=0)
    levels = np.vstack([fixed, fixed + np.cumsum(volumes, axis=0)])
    ticks = [[curve.points[0][1] for curve in flat_orders(problem, level)] for level in levels]
    return tuple(
        CurveOrder(
            start, problem.mtu_minutes, _points(prices[:, t], [row[t] for row in ticks], problem)
        )
        for t, start in enumerate(problem.starts)
    )


def _steps(data: ModelData, plan: MeritPlan) -> tuple[FloatArray, FloatArray]:
    """Prices and volumes (K, T) of the steps, in no order."""
    flat = np.ones(data.mtu_count)
    prices = [part.variable_cost * flat for part in data.renewables]
    volumes = [data.probability @ part.available for part in data.renewables]
    for thermal in data.thermals:
        name = thermal.unit.name
        prices.append(thermal.energy_cost)
        volumes.append(plan.most[name] - plan.least[name])
    shape = (len(prices), data.mtu_count)
    return np.reshape(prices, shape), np.reshape(volumes, shape)


def _points(prices: FloatArray, levels: list[int], problem: BiddingProblem) -> tuple[Point, ...]:
    """The points of one MTU: the volume rises to `levels[k + 1]` at `prices[k]`."""
    rules = problem.rules
    below, points = levels[0], [(rules.price_min_ticks, levels[0])]
    for top, level in _tops(prices, levels[1:], rules):
        if level == below:
            continue
        if top <= rules.price_min_ticks:
            points = [(rules.price_min_ticks, level)]
        else:
            # A linear curve rises within the tick below; a step at the price itself.
            if rules.kind is CurveKind.PIECEWISE_LINEAR and points[-1][0] < top - 1:
                points.append((top - 1, below))
            points = [point for point in points if point[0] < top]
            points.append((top, level))
        below = level
    if points[-1][0] < rules.price_max_ticks:
        points.append((rules.price_max_ticks, below))
    return tuple(points)


def _tops(prices: FloatArray, levels: list[int], rules: CurveRules) -> list[Point]:
    """Lowest tick that reaches each price, with the volume from there on.

    Steps above the highest order price are never sold; of too many the cheapest join the next one.
    """
    tops = [
        (math.ceil(round(price / rules.price_tick, 6)), level)
        for price, level in zip(prices.tolist(), levels, strict=True)
    ]
    tops = [(top, level) for top, level in tops if top <= rules.price_max_ticks]
    width = 2 if rules.kind is CurveKind.PIECEWISE_LINEAR else 1
    return tops[-((rules.max_points - 2) // width) :]
