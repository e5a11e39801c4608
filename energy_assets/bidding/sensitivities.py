"""What moves a bid's value, risk and orders: one thing changed at a time, solved again.

Each case is the same problem with prices, output, costs or a unit's availability changed. Curves
are decided anew; their price points move with the prices. By default the commitment stays that of
the base case (an outaged unit is off), so that every case is a warm re-solve of one linear program
and the effect is that of bids and dispatch; `commitment="free"` decides it anew, at the cost of a
mixed-integer solve per case.

Effects are differences of cash in the desk's own scenarios: settlement prices, no aversion.

Not here: shocks with weather behind them (the desk's scenario library), duals (`marginal_values`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.fixed_commitment import FixedCommitment
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import cash
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.stochastic import (
    Commitment,
    Seconds,
    Solved,
    auction_position,
    solve_data,
)
from energy_assets.portfolio.units import BatteryUnit, SolarUnit, ThermalUnit, Unit, WindUnit

CommitmentChoice = Literal["fixed", "free"]
Kind = Literal["price", "output", "cost", "outage"]


@dataclass(frozen=True)
class Shifts:
    """How far each figure is moved, in both directions; 0 leaves a case out.

    Attributes:
        price: Currency/MWh on all prices of energy.
        output_percent: Of each wind and solar unit's output, at most up to its capacity.
        fuel_price: Currency/MWh of fuel, for units whose cost follows it.
        co2_price: Currency/t, the same.
        generation_cost: Currency/MWh of electricity, for all thermal units.
        outages: Whether each unit is taken out once.
    """

    price: float = 10.0
    output_percent: float = 10.0
    fuel_price: float = 5.0
    co2_price: float = 10.0
    generation_cost: float = 5.0
    outages: bool = True


@dataclass(frozen=True)
class Sensitivity:
    """The effect of one change; T MTUs.

    Attributes:
        name: In words, such as `wind -10 %`.
        kind: What was changed.
        value_change: Of the expected cash, currency.
        cvar_change: Of its conditional value at risk, currency.
        award_change: Of the expected award (T,) MW.
        orders_changed_mwh: Sum of the absolute change of the expected award.
    """

    name: str
    kind: Kind
    value_change: float
    cvar_change: float
    award_change: FloatArray
    orders_changed_mwh: float


@dataclass(frozen=True)
class SensitivityTable:
    """All cases, largest effect on the value first.

    Attributes:
        commitment: Whether the base case's commitment was kept.
        value: Expected cash of the base case.
        cvar: Its conditional value at risk.
        award: Its expected award (T,) MW.
        rows: The cases.
    """

    commitment: CommitmentChoice
    value: float
    cvar: float
    award: FloatArray
    rows: tuple[Sensitivity, ...]


@dataclass(frozen=True)
class _Case:
    name: str
    kind: Kind
    problem: BiddingProblem
    outage: str = ""


@dataclass(frozen=True)
class _Outcome:
    value: float
    cvar: float
    award: FloatArray


def sensitivities(
    problem: BiddingProblem,
    shifts: Shifts | None = None,
    *,
    commitment: CommitmentChoice = "fixed",
) -> SensitivityTable:
    """The effects of single changes on value, risk and orders.

    Args:
        problem: The base case.
        shifts: How far each figure is moved.
        commitment: Whether the commitment is kept or decided anew.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    base = model_data(problem)
    feasibility.check(problem, base)
    decided = solve_data(base, problem.solver, Seconds())[0]
    solve = _fixed(problem, decided.operation.on) if commitment == "fixed" else _free(problem)
    start = _outcome(base, solve(base, ""))
    rows = []
    for case in _cases(problem, Shifts() if shifts is None else shifts):
        data = _with_grid_of(base, model_data(case.problem))
        found = _outcome(data, solve(data, case.outage))
        moved = found.award - start.award
        volume = float(np.abs(moved).sum()) * base.hours
        effect = (found.value - start.value, found.cvar - start.cvar)
        rows.append(Sensitivity(case.name, case.kind, *effect, moved, volume))
    rows.sort(key=lambda row: (-abs(row.value_change), row.name))
    return SensitivityTable(commitment, start.value, start.cvar, start.award, tuple(rows))


def _fixed(
    problem: BiddingProblem, on: Mapping[str, FloatArray]
) -> Callable[[ModelData, str], Solved]:
    program = FixedCommitment(problem.solver)

    def solve(data: ModelData, outage: str) -> Solved:
        return program.solve(data, _without(on, outage))

    return solve


def _free(problem: BiddingProblem) -> Callable[[ModelData, str], Solved]:
    return lambda data, _: solve_data(data, problem.solver, Seconds())[0]


def _without(on: Mapping[str, FloatArray], outage: str) -> Commitment:
    return {unit: hours * float(unit != outage) for unit, hours in on.items()}


def _outcome(data: ModelData, solved: Solved) -> _Outcome:
    position = auction_position(solved, data)
    profit = cash(data, solved.operation, position)
    tail = conditional_value_at_risk(profit, data.probability, data.cvar_level)
    return _Outcome(float(data.probability @ profit), tail, data.probability @ position)


def _with_grid_of(base: ModelData, data: ModelData) -> ModelData:
    """The case with the base's price points, moved with the prices: the shares stay."""
    return replace(data, grid=base.grid)


def _cases(problem: BiddingProblem, shifts: Shifts) -> Iterator[_Case]:
    for sign in (1.0, -1.0):
        if shifts.price:
            moved = sign * shifts.price
            yield _Case(f"price {moved:+g}", "price", _with_prices(problem, moved))
        if shifts.output_percent:
            percent = sign * shifts.output_percent
            for unit in _renewables(problem):
                changed = _with_output(problem, unit, 1.0 + percent / 100.0)
                yield _Case(f"{unit.name} {percent:+g} %", "output", changed)
        for name, costs in _costs(problem, shifts, sign):
            yield _Case(name, "cost", _changed(problem, marginal_costs=costs))
    if shifts.outages:
        yield from _outages(problem)


def _outages(problem: BiddingProblem) -> Iterator[_Case]:
    for unit in _renewables(problem):
        yield _Case(f"{unit.name} out", "outage", _with_output(problem, unit, 0.0))
    for plant in problem.units:
        if isinstance(plant, BatteryUnit | ThermalUnit):
            changed = _without_power(problem, plant)
            yield _Case(f"{plant.name} out", "outage", changed, plant.name)


def _renewables(problem: BiddingProblem) -> list[WindUnit | SolarUnit]:
    return [unit for unit in problem.units if isinstance(unit, WindUnit | SolarUnit)]


def _changed(problem: BiddingProblem, **changes: Any) -> BiddingProblem:
    document = {name: getattr(problem, name) for name in type(problem).model_fields}
    return type(problem).model_validate(document | changes)


def _with_prices(problem: BiddingProblem, moved: float) -> BiddingProblem:
    changes: dict[str, Any] = {"prices": problem.prices + moved}
    if problem.long_prices is not None and problem.short_prices is not None:
        changes["long_prices"] = problem.long_prices + moved
        changes["short_prices"] = problem.short_prices + moved
    changes["reserves"] = tuple(
        market
        if market.energy_prices is None
        else market.model_copy(update={"energy_prices": market.energy_prices + moved})
        for market in problem.reserves
    )
    if problem.intraday is not None:
        ladder = {"prices": problem.intraday.prices + moved}
        changes["intraday"] = problem.intraday.model_copy(update=ladder)
    # A block's limit moves with the price, as the curve's points do.
    changes["blocks"] = tuple(
        block.model_copy(update={"limit_price": block.limit_price + moved})
        for block in problem.blocks
    )
    return _changed(problem, **changes)


def _with_output(
    problem: BiddingProblem, unit: WindUnit | SolarUnit, factor: float
) -> BiddingProblem:
    paths = problem.availability[unit.name]
    scaled = np.minimum(paths * factor, np.maximum(paths, unit.capacity_mw))
    return _changed(problem, availability=problem.availability | {unit.name: scaled})


def _costs(
    problem: BiddingProblem, shifts: Shifts, sign: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Marginal costs of every thermal unit by case."""
    thermals = [unit for unit in problem.units if isinstance(unit, ThermalUnit)]
    before: dict[str, Any] = {
        unit.name: problem.marginal_costs.get(unit.name, unit.constant_cost) for unit in thermals
    }
    fuel = [unit for unit in thermals if unit.fuel is not None]
    for name, moved, rises in (
        ("fuel price", shifts.fuel_price, {u.name: _slope(u, 1.0, 0.0) for u in fuel}),
        ("CO2 price", shifts.co2_price, {u.name: _slope(u, 0.0, 1.0) for u in fuel}),
        ("generation cost", shifts.generation_cost, {unit.name: 1.0 for unit in thermals}),
    ):
        if moved and rises:
            costs = {
                unit: cost + sign * moved * rises.get(unit, 0.0) for unit, cost in before.items()
            }
            yield f"{name} {sign * moved:+g}", costs


def _slope(unit: ThermalUnit, fuel: float, carbon: float) -> float:
    """Currency/MWh of electricity per unit of a fuel or CO2 price."""
    assert unit.fuel is not None
    return unit.fuel.marginal_cost(fuel, carbon) - unit.fuel.marginal_cost(0.0, 0.0)


def _without_power(problem: BiddingProblem, unit: BatteryUnit | ThermalUnit) -> BiddingProblem:
    limits = problem.power_limits | {unit.name: np.zeros(problem.mtu_count)}
    units: tuple[Unit, ...] = problem.units
    if isinstance(unit, BatteryUnit) and unit.end_energy_mwh is not None:
        # What is in store stays there.
        held = unit.model_copy(update={"end_energy_mwh": problem.start_state(unit).energy_mwh})
        units = tuple(held if u.name == unit.name else u for u in units)
    return _changed(problem, power_limits=limits, units=units)
