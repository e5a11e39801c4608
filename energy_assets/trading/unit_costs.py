"""What running a unit costs on one delivery day: the rates of the problem its schedule solves.

The plan and its settlement read the same rates, so that both count the same money.

Belongs here: cost rates per unit. Not here: fuel prices and the fuel line (`bidding`), energies and
cash (`settlement`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model_data import ThermalData, model_data
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, LoadUnit, Unit


@dataclass(frozen=True)
class UnitCosts:
    """Cost rates of one unit.

    Attributes:
        unit: Unit name.
        energy_cost: Currency per MWh injected: the slope of fuel and CO2 cost over power, or a
            renewable unit's variable cost (negative for a support payment).
        start_cost: Currency per start.
        on_before: Whether the unit was on just before the delivery day.
        wear_cost: Currency per MWh discharged.
        running_cost: Currency per hour on, whatever the power.
        cold_start_cost: Currency per start after `cold_after_hours` off; as a hot one if left out.
        cold_after_hours: Hours off after which a start is cold.
        hours_off_before: Hours off just before the delivery day.
        shift_cost: Currency per MWh a flexible load is lowered by.
    """

    unit: str
    energy_cost: float = 0.0
    start_cost: float = 0.0
    on_before: bool = False
    wear_cost: float = 0.0
    running_cost: float = 0.0
    cold_start_cost: float | None = None
    cold_after_hours: float = 0.0
    hours_off_before: float = 0.0
    shift_cost: float = 0.0

    def cost_of_start(self, hours_off: float) -> float:
        """Currency of a start after so many hours off."""
        cold = self.cold_start_cost
        return self.start_cost if cold is None or hours_off < self.cold_after_hours else cold

    @property
    def is_free(self) -> bool:
        """Whether nothing the unit does costs or earns anything."""
        rates = (self.energy_cost, self.start_cost, self.cold_start_cost, self.running_cost)
        return not any((*rates, self.wear_cost, self.shift_cost))


def unit_costs(problem: BiddingProblem) -> tuple[UnitCosts, ...]:
    """Cost rates of a problem's units; units without any cost are left out.

    Raises:
        InputError: If a thermal unit's cost changes within the day.
    """
    data = model_data(problem, np.zeros(problem.prices.shape))
    thermals = {thermal.unit.name: thermal for thermal in data.thermals}
    costs = [
        _thermal(thermals[unit.name]) if unit.name in thermals else _other(unit)
        for unit in problem.units
    ]
    return tuple(cost for cost in costs if not cost.is_free)


def _thermal(thermal: ThermalData) -> UnitCosts:
    unit = thermal.unit
    return UnitCosts(
        unit.name,
        energy_cost=_one(thermal.energy_cost, unit.name),
        running_cost=_one(thermal.running_cost, unit.name),
        start_cost=unit.start_cost,
        cold_start_cost=unit.cold_start_cost,
        cold_after_hours=unit.cold_after_hours,
        on_before=thermal.on,
        hours_off_before=0.0 if thermal.on else thermal.hours_in_state,
    )


def _one(rates: FloatArray, unit: str) -> float:
    if (rates != rates[0]).any():
        expected = "one cost for the whole day"
        raise InputError(f"marginal_costs[{unit}]", expected=expected, found="several")
    return float(rates[0])


def _other(unit: Unit) -> UnitCosts:
    if isinstance(unit, BatteryUnit):
        return UnitCosts(unit.name, wear_cost=unit.wear_cost)
    if isinstance(unit, LoadUnit):
        shift = 0.0 if unit.flexibility is None else unit.flexibility.shift_cost
        return UnitCosts(unit.name, shift_cost=shift)
    return UnitCosts(unit.name, energy_cost=getattr(unit, "variable_cost", 0.0))
