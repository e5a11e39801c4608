"""The rung of the last curves that were in force, re-validated for today.

The curves of an earlier day are taken by local time of day (over a change of clocks the repeated
hour is that of the earlier day once more, a missing one that before it), moved to today's ticks
and limits, and cut to what the plant can deliver: today's expected output, outages, must-run and
what is sold already. Cutting keeps a curve monotone.

Not here: finding the earlier orders (`earlier_orders`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.ladder.failure import RungFailedError
from energy_assets.bidding.ladder.marginal_cost import curves_followed
from energy_assets.bidding.ladder.merit_plan import merit_plan
from energy_assets.bidding.ladder.price_independent import must_run
from energy_assets.bidding.model.thermal import commitment_bounds
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.market import DeliveryDay, OrderSet
from energy_assets.market.orders import CurveOrder, CurveRules

Point = tuple[int, int]


@dataclass(frozen=True)
class EarlierOrders:
    """Orders that were in force for an earlier delivery day."""

    orders: OrderSet
    day: DeliveryDay


# Read only if the ladder comes so far down; raises `RungFailedError` where there are none.
FindEarlier = Callable[[], EarlierOrders]


def last_accepted(problem: BiddingProblem, find: FindEarlier) -> BiddingSolution:
    """The earlier day's curves, valid today.

    Raises:
        RungFailedError: The session takes no curve, or there are no comparable earlier orders.
    """
    if not problem.auction:
        msg = "the session takes no curve"
        raise RungFailedError(msg)
    earlier = find()
    data = model_data(problem)
    lowest, highest = _deliverable(problem, data)
    curves = tuple(
        CurveOrder(start, problem.mtu_minutes, _points(curve, earlier.orders.rules, problem, band))
        for start, curve, band in zip(
            problem.starts,
            _by_local_time(problem, earlier),
            zip(lowest, highest, strict=True),
            strict=True,
        )
    )
    status = f"orders of {earlier.day.label} re-validated"
    return curves_followed(problem, data, merit_plan(data), curves, Rung.LAST_ACCEPTED, status)


def _by_local_time(problem: BiddingProblem, earlier: EarlierOrders) -> list[CurveOrder]:
    """The earlier curve of each of today's MTUs."""
    orders, rules = earlier.orders, problem.rules
    if orders.resolution_min != problem.mtu_minutes or orders.rules.kind != rules.kind:
        theirs = f"{orders.resolution_min} min {orders.rules.kind}"
        mine = f"{problem.mtu_minutes} min {rules.kind}"
        msg = f"orders of {earlier.day.label} are {theirs}, not {mine}"
        raise RungFailedError(msg)
    zone = ZoneInfo(earlier.day.clock)
    first = _place(orders.curves[0].start, earlier.day.start, zone)
    by_place = {_place(c.start, earlier.day.start, zone): c for c in reversed(orders.curves)}
    latest, found = by_place[first], []
    for start in problem.starts:
        latest = by_place.get(_place(start, problem.start, zone), latest)
        found.append(latest)
    return found


def _place(moment: datetime, start: datetime, zone: ZoneInfo) -> tuple[int, str]:
    """Calendar days after a delivery day's start, and local time of day."""
    local = moment.astimezone(zone)
    return (local.date() - start.astimezone(zone).date()).days, local.strftime("%H:%M")


def _points(
    curve: CurveOrder, before: CurveRules, problem: BiddingProblem, band: tuple[int, int]
) -> tuple[Point, ...]:
    """The points under today's ticks and limits, volumes within a band of ticks."""
    rules = problem.rules
    moved = {
        rules.price_ticks(before.price(price)): min(
            max(rules.volume_ticks(before.volume_mw(volume)), band[0]), band[1]
        )
        for price, volume in curve.points
    }
    prices = sorted(moved)
    moved.setdefault(rules.price_min_ticks, moved[prices[0]])
    moved.setdefault(rules.price_max_ticks, moved[prices[-1]])
    points = sorted(moved.items())
    # A cut leaves runs of equal volume; their inner points say nothing.
    kept = [
        point
        for before_it, point, after_it in zip(points, points[1:], points[2:], strict=False)
        if not before_it[1] == point[1] == after_it[1]
    ]
    return (points[0], *kept, points[-1])


def _deliverable(problem: BiddingProblem, data: ModelData) -> tuple[list[int], list[int]]:
    """Least and most net sale by MTU, in volume ticks."""
    called = Operation(
        offered={r.name: np.zeros(r.prices.shape) for r in data.reserves if r.awarded is None}
    ).called(data)
    fixed = data.probability @ (data.forced - called) - data.earlier
    storage = sum((b.power_limit for b in data.batteries), np.zeros(data.mtu_count))
    least, most = fixed - storage, fixed + storage
    for part in data.renewables:
        most = most + data.probability @ part.available
    for thermal in data.thermals:
        _, highest = commitment_bounds(thermal, data.mtus_per_hour)
        least = least + must_run(thermal, data)[0]
        most = most + thermal.power_limit * np.repeat(highest, data.mtus_per_hour)
    limits = problem.limits
    least = np.clip(least, -limits.max_purchase_mw, limits.max_sale_mw)
    most = np.clip(most, -limits.max_purchase_mw, limits.max_sale_mw)
    return _inward(least, np.maximum(least, most), problem.rules.volume_tick_mw)


def _inward(least: FloatArray, most: FloatArray, tick: float) -> tuple[list[int], list[int]]:
    low = [math.ceil(value / tick - 1e-6) for value in least.tolist()]
    high = [math.floor(value / tick + 1e-6) for value in most.tolist()]
    # A band narrower than a tick has no tick within: the nearest one serves.
    low = [
        min(a, max(b, round(v / tick))) for a, b, v in zip(low, high, least.tolist(), strict=True)
    ]
    return low, [max(a, b) for a, b in zip(low, high, strict=True)]
