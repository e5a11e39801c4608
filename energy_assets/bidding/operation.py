"""How the plant runs in every scenario, read from a solved model, and what it earns.

Profit here is cash: settlement prices without the model's aversion and without the price of soft
limits, so that it can be compared with settlement.

Not here: solving (`stochastic`), types of the result (`solution`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.handoff import CompiledModel, SolverResult
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import (
    BiddingSolution,
    PathBand,
    SoftBreach,
    UnitPlan,
)
from energy_assets.portfolio.units import LoadUnit, SolarUnit, WindUnit

UnitPaths = dict[str, FloatArray]


@dataclass(frozen=True)
class Operation:
    """Decisions per scenario (S, T) in canonical order, by unit name.

    Attributes:
        output: Curtailable units, MW.
        charge: Batteries, MW at the connection.
        discharge: Batteries, MW at the connection.
        energy: Batteries, MWh at the end of the MTU.
        power: Thermal units, MW.
        on: Thermal units, 0 or 1 by hour (H,).
    """

    output: UnitPaths = field(default_factory=dict)
    charge: UnitPaths = field(default_factory=dict)
    discharge: UnitPaths = field(default_factory=dict)
    energy: UnitPaths = field(default_factory=dict)
    power: UnitPaths = field(default_factory=dict)
    on: UnitPaths = field(default_factory=dict)

    def injection(self, data: ModelData) -> FloatArray:
        """Net injection of all units and forced output (S, T)."""
        total = data.forced.copy()
        for paths in (self.output, self.discharge, self.power):
            for path in paths.values():
                total += path
        for path in self.charge.values():
            total -= path
        return total

    def cost(self, data: ModelData) -> FloatArray:
        """Fuel, starts, wear, support and terminal value of each scenario (S,)."""
        hours, total = data.hours, np.zeros(data.scenario_count)
        for part in data.renewables:
            total += hours * part.variable_cost * self.output[part.name].sum(axis=1)
        for battery in data.batteries:
            unit = battery.unit
            total += hours * unit.wear_cost * self.discharge[unit.name].sum(axis=1)
            total -= unit.terminal_value * self.energy[unit.name][:, -1]
        for thermal in data.thermals:
            name = thermal.unit.name
            total += hours * (self.power[name] @ thermal.marginal_cost)
            starts = np.maximum(np.diff(self.on[name], prepend=float(thermal.on)), 0.0).sum()
            total += starts * thermal.unit.start_cost
        return total


def read_operation(
    model: Any, compiled: CompiledModel, result: SolverResult, data: ModelData
) -> Operation:
    """The plant's decisions from a solver result; noise around bounds is removed."""
    shape = (data.scenario_count, data.mtu_count)

    def read(variable: Any) -> FloatArray:
        values: FloatArray = result.read(compiled, variable).reshape(shape)
        values[values < 1e-9] = 0.0
        return values

    units = model.unit
    batteries = [battery.unit.name for battery in data.batteries]
    thermals = [thermal.unit.name for thermal in data.thermals]
    return Operation(
        output={part.name: read(units[part.name].output) for part in data.renewables},
        charge={name: read(units[name].charge) for name in batteries},
        discharge={name: read(units[name].discharge) for name in batteries},
        energy={name: read(units[name].energy) for name in batteries},
        power={name: read(units[name].power) for name in thermals},
        on={name: np.rint(result.read(compiled, units[name].on)) for name in thermals},
    )


def cash(data: ModelData, operation: Operation, position: FloatArray) -> FloatArray:
    """Cash profit of each scenario (S,) for a position (S, T)."""
    surplus = operation.injection(data) - position
    settled: FloatArray = np.where(surplus > 0, data.long_price, data.short_price) * surplus
    income: FloatArray = data.hours * (data.price * position + settled).sum(axis=1)
    return income - operation.cost(data)


def summarise(
    problem: BiddingProblem,
    data: ModelData,
    operation: Operation,
    position: FloatArray,
    **fields: Any,
) -> BiddingSolution:
    """The solution of a rung from the operation and position (S, T) in canonical order."""
    weights = data.probability
    profit = cash(data, operation, position)
    surplus = operation.injection(data) - position
    back = np.argsort(data.order)
    return BiddingSolution(
        position=position[back],
        dispatch=unit_plans(problem, data, operation),
        imbalance=PathBand.over(surplus, weights),
        profit=profit[back],
        expected_value=float(weights @ profit),
        cvar=conditional_value_at_risk(profit, weights, data.cvar_level),
        soft_breaches=_soft_breaches(data, surplus),
        **fields,
    )


def unit_plans(
    problem: BiddingProblem, data: ModelData, operation: Operation
) -> tuple[UnitPlan, ...]:
    """Expected operation of every unit, in the problem's order."""
    weights = data.probability
    plans = []
    for unit in problem.units:
        name = unit.name
        if name in operation.charge:
            net = operation.discharge[name] - operation.charge[name]
            energy = PathBand.over(operation.energy[name], weights)
            plans.append(UnitPlan(name, PathBand.over(net, weights), energy=energy))
        elif name in operation.power:
            on = tuple(bool(value) for value in operation.on[name])
            plans.append(UnitPlan(name, PathBand.over(operation.power[name], weights), on=on))
        elif name in operation.output:
            plans.append(UnitPlan(name, PathBand.over(operation.output[name], weights)))
        elif isinstance(unit, LoadUnit | WindUnit | SolarUnit):
            sign = -1.0 if isinstance(unit, LoadUnit) else 1.0
            forced = sign * problem.availability[name][data.order]
            plans.append(UnitPlan(name, PathBand.over(forced, weights)))
    return tuple(plans)


def _soft_breaches(data: ModelData, surplus: FloatArray) -> tuple[SoftBreach, ...]:
    beyond = np.abs(surplus) - data.max_imbalance
    broken = beyond > 1e-4
    return tuple(
        SoftBreach("max_imbalance_mw", int(t), int(broken[:, t].sum()), float(beyond[:, t].max()))
        for t in np.flatnonzero(broken.any(axis=0))
    )
