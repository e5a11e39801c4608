"""The schedule after a session: every unit's part of all that was sold.

After a session the position is known, outputs are not: controllable units are scheduled against
the expected output so that they deliver what was sold and keep the reserve awarded. Where the area
forbids taking imbalance on purpose, none pays in the schedule.

Belongs here: that problem and its schedule. Not here: its solve (`bidding.unit_schedules`), what
the plant makes of it (`called_energy`, `delivery`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from energy_assets.bidding.desk_problem import StartStates, path_problem
from energy_assets.bidding.dispatch import Schedule
from energy_assets.bidding.market_outlook import MarketOutlook
from energy_assets.bidding.problem import BiddingProblem, FloatArray
from energy_assets.bidding.session_problem import EarlierAwards, session_problem
from energy_assets.bidding.unit_schedules import Awards, ReserveShare, unit_schedules
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, ThermalUnit, WindUnit
from energy_assets.trading.positions import DAY_AHEAD

_NO_OUTLOOK = MarketOutlook({}, {}, {}, {}, (), ())


@dataclass(frozen=True)
class Delivery:
    """A delivery day as planned after a session; T MTUs.

    Attributes:
        schedule: Operation of every unit; of a load, consumption negative.
        expected: Expected output of each wind, solar and load unit, (T,) MW.
        problem: The path problem it solves (start states, costs).
        shares: By reserve product and unit, the part of the award that it keeps (T,).
    """

    schedule: Schedule
    expected: Mapping[str, FloatArray]
    problem: BiddingProblem
    shares: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)


def schedule_award(
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    start_states: StartStates,
    awards: pl.DataFrame,
    expected: Mapping[str, FloatArray],
    others: EarlierAwards | None = None,
) -> Delivery:
    """Schedule the units for all that was sold.

    Args:
        known: Rows as of the decision (outages, fuel prices).
        desk: The desk.
        day: Delivery day, on the day-ahead auction's grid.
        start_states: States before the first MTU.
        awards: Own columns of `trading.awards` of the day-ahead auction.
        expected: Expected output per wind, solar and load unit, (T,) MW.
        others: Net sale of other sessions and trades, and reserve awards.
    """
    others = others or EarlierAwards()
    ordered = awards.sort("period_start")
    prices = ordered["price"].to_numpy()
    problem = path_problem(known, desk, day, start_states, prices, expected)
    if _intentional_forbidden(desk, day):
        problem = _without_gain_from_imbalance(problem)
    if others.reserves:
        held = EarlierAwards(reserves=others.reserves)
        decided = known.decision_time
        problem = session_problem(problem, desk, day, DAY_AHEAD, _NO_OUTLOOK, held, decided)
    sold = Awards(ordered["volume_mw"].to_numpy(), intraday=others.position)
    penalty = desk.imbalance.deviation_penalty or 0.0
    around = (prices - penalty, prices + penalty)
    found = unit_schedules(problem, sold, expected, prices, imbalance_prices=around)
    # Units nobody controls are in the plan too: the market position is the sum of all.
    schedule = replace(found.schedule, power=found.power)
    return Delivery(schedule, expected, problem, _parts(problem, found.shares))


def _parts(
    problem: BiddingProblem, shares: tuple[ReserveShare, ...]
) -> dict[str, dict[str, FloatArray]]:
    """Part of each award (T,) that a unit keeps, by product and unit."""
    markets = {market.name: market for market in problem.reserves}
    parts: dict[str, dict[str, FloatArray]] = {}
    for share in shares:
        market = markets[share.product]
        assert market.awarded_mw is not None
        by_block = share.kept / np.where(market.awarded_mw > 0, market.awarded_mw, 1.0)
        blocks = np.array(market.block_of)
        by_mtu: FloatArray = np.where(blocks >= 0, by_block[blocks], 0.0)
        parts.setdefault(share.product, {})[share.unit] = by_mtu
    return parts


def _intentional_forbidden(desk: Desk, day: DeliveryDay) -> bool:
    rules = load_area(desk.area).imbalance
    return rules is not None and rules.on(day.label).intentional == "forbidden"


def _without_gain_from_imbalance(problem: BiddingProblem) -> BiddingProblem:
    """The problem with an aversion no imbalance earns back.

    Moving energy through imbalance, or running or stopping a unit into it, gains at most the spread
    of prices and running costs; a deviation that cannot be avoided costs every schedule alike.
    """
    levels = [0.0, float(problem.prices.min()), float(problem.prices.max())]
    shift = 0.0
    for unit in problem.units:
        if isinstance(unit, ThermalUnit):
            levels.append(float(np.max(problem.marginal_costs[unit.name])))
        elif isinstance(unit, WindUnit | SolarUnit):
            levels.append(unit.variable_cost)
        elif isinstance(unit, LoadUnit) and unit.flexibility is not None:
            shift = max(shift, unit.flexibility.shift_cost)
    aversion = max(problem.imbalance.aversion, max(levels) - min(levels) + shift)
    imbalance = problem.imbalance.model_copy(update={"aversion": aversion})
    return problem.model_copy(update={"imbalance": imbalance})
