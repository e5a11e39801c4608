"""From an award to delivered energy and cash: the schedule after the auction, and its settlement.

After the auction the position is known, outputs are not: controllable units are scheduled against
the expected output, keep that schedule, and the rest is imbalance. Where the area forbids taking
imbalance on purpose, none pays in the schedule. Delivered energy of wind, solar
and load is what their meter says, capped where the schedule curtailed them.

Belongs here: those two steps, used by the daily jobs and by backtests alike. Not here: the
optimisation (`bidding.dispatch`), rounding and prices (`settlement`, `imbalance_prices`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from energy_assets.bidding.desk_problem import StartStates, path_problem
from energy_assets.bidding.dispatch import Schedule, redispatch
from energy_assets.bidding.problem import BiddingProblem, FloatArray
from energy_assets.bidding.records import schedule_rows
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import (
    BatteryUnit,
    Desk,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    WindUnit,
)
from energy_assets.trading.imbalance_prices import DeviationPenalty, ImbalanceTariff, SinglePrices
from energy_assets.trading.plant import controllable_units, meter_schedules
from energy_assets.trading.settlement import SettlementInputs, settle
from energy_assets.trading.unit_costs import UnitCosts

# A plan this far below the expected output was meant as curtailment, not as rounding.
_CURTAILED_MW = 0.05


@dataclass(frozen=True)
class Delivery:
    """A delivery day as planned after the award.

    Attributes:
        schedule: Operation of every unit.
        expected: Expected output of each wind, solar and load unit, (T,) MW.
        problem: The path problem it solves (start states, costs).
    """

    schedule: Schedule
    expected: Mapping[str, FloatArray]
    problem: BiddingProblem


def schedule_award(
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    start_states: StartStates,
    awards: pl.DataFrame,
    expected: Mapping[str, FloatArray],
) -> Delivery:
    """Schedule the units for an award.

    Args:
        known: Rows as of the decision (outages, fuel prices).
        desk: The desk.
        day: Delivery day.
        start_states: States before the first MTU.
        awards: Own columns of `trading.awards`.
        expected: Expected output per wind, solar and load unit, (T,) MW.
    """
    ordered = awards.sort("period_start")
    prices = ordered["price"].to_numpy()
    problem = path_problem(known, desk, day, start_states, prices, expected)
    if _intentional_forbidden(desk, day):
        problem = _without_gain_from_imbalance(problem)
    schedule = redispatch(problem, ordered["volume_mw"].to_numpy(), expected, prices)
    # Units nobody controls are in the plan too: the market position is the sum of all.
    forced = {
        name: -path if isinstance(desk.unit(name), LoadUnit) else path
        for name, path in expected.items()
    }
    complete = replace(schedule, power=forced | schedule.power)
    return Delivery(complete, expected, problem)


def _intentional_forbidden(desk: Desk, day: DeliveryDay) -> bool:
    rules = load_area(desk.area).imbalance
    return rules is not None and rules.on(day.label).intentional == "forbidden"


def _without_gain_from_imbalance(problem: BiddingProblem) -> BiddingProblem:
    """The problem with an aversion no imbalance earns back.

    Moving energy through imbalance, or running or stopping a unit into it, gains at most the spread
    of prices and running costs; a deviation that cannot be avoided costs every schedule alike.
    """
    levels = [0.0, float(problem.prices.min()), float(problem.prices.max())]
    for unit in problem.units:
        if isinstance(unit, ThermalUnit):
            levels.append(float(np.max(problem.marginal_costs[unit.name])))
        elif isinstance(unit, WindUnit | SolarUnit):
            levels.append(unit.variable_cost)
    aversion = max(problem.imbalance.aversion, max(levels) - min(levels))
    imbalance = problem.imbalance.model_copy(update={"aversion": aversion})
    return problem.model_copy(update={"imbalance": imbalance})


def delivered_energy(
    desk: Desk, day: DeliveryDay, delivery: Delivery, metered: Mapping[str, FloatArray]
) -> pl.DataFrame:
    """Energy of every unit as settled, own columns of `raw.meter_readings`.

    Args:
        desk: The desk.
        day: Delivery day.
        delivery: The schedule.
        metered: Per wind, solar and load unit, net injection by MTU, (T,) MW.
    """
    schedules = schedule_rows(day, delivery.schedule)
    followed = meter_schedules(schedules, controllable_units(desk.units), day)
    columns = [column.name for column in table("raw.meter_readings").columns]
    frames = [followed.select(columns)]
    for name, injection in metered.items():
        capped = injection
        if isinstance(desk.unit(name), WindUnit | SolarUnit):
            plan = delivery.schedule.power[name]
            curtailed = plan < delivery.expected[name] - _CURTAILED_MW
            capped = np.where(curtailed, np.minimum(injection, plan), injection)
        frames.append(
            pl.DataFrame(
                {
                    "unit": name,
                    "period_start": day.starts,
                    "resolution_min": day.mtu_minutes,
                    "energy_mwh": capped * day.mtu_minutes / 60,
                },
                schema=followed.select(columns).schema,
            )
        )
    return pl.concat(frames)


def settle_delivery(
    desk: Desk,
    day: DeliveryDay,
    delivery: Delivery,
    awards: pl.DataFrame,
    energy: pl.DataFrame,
    imbalance_prices: pl.DataFrame | None,
) -> pl.DataFrame:
    """Cash of a delivered day, own columns of `trading.settlement`.

    Args:
        desk: The desk.
        day: Delivery day.
        delivery: The schedule; its problem holds the unit costs.
        awards: Own columns of `trading.awards`.
        energy: From `delivered_energy`.
        imbalance_prices: `period_start`, `resolution_min`, `price`, where the area has them; else
            the desk's deviation penalty holds.
    """
    return settle(
        SettlementInputs(
            day=day,
            awards=awards,
            meter_readings=energy,
            units=tuple(unit.name for unit in desk.units),
            imbalance=_tariff(desk, imbalance_prices),
            costs=_cost_rates(delivery.problem),
            schedules=schedule_rows(day, delivery.schedule),
            settlement_minutes=_settlement_minutes(desk, day, imbalance_prices),
        )
    )


def _tariff(desk: Desk, imbalance_prices: pl.DataFrame | None) -> ImbalanceTariff:
    if imbalance_prices is not None:
        return SinglePrices(imbalance_prices)
    return DeviationPenalty(desk.imbalance.deviation_penalty or 0.0)


def _settlement_minutes(
    desk: Desk, day: DeliveryDay, imbalance_prices: pl.DataFrame | None
) -> int | None:
    rules = load_area(desk.area).imbalance
    if rules is None or imbalance_prices is None:
        return None
    return rules.on(day.label).isp_minutes


def _cost_rates(problem: BiddingProblem) -> tuple[UnitCosts, ...]:
    costs = []
    for unit in problem.units:
        if isinstance(unit, BatteryUnit) and unit.wear_cost:
            costs.append(UnitCosts(unit.name, wear_cost=unit.wear_cost))
        elif isinstance(unit, ThermalUnit):
            cost = problem.marginal_costs[unit.name]
            assert isinstance(cost, float)
            on = bool(problem.start_state(unit).on)
            costs.append(UnitCosts(unit.name, cost, unit.start_cost, on_before=on))
        elif isinstance(unit, WindUnit | SolarUnit) and unit.variable_cost:
            costs.append(UnitCosts(unit.name, energy_cost=unit.variable_cost))
    return tuple(costs)
