"""What running a unit costs on one delivery day, taken from the desk and the day's fuel prices.

Belongs here: cost rates per unit. Not here: energies and cash (`settlement`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from energy_assets.errors import InputError
from energy_assets.portfolio import BatteryUnit, LoadUnit, ThermalUnit, Unit


@dataclass(frozen=True)
class UnitCosts:
    """Cost rates of one unit.

    Attributes:
        unit: Unit name.
        energy_cost: Currency per MWh injected: fuel and CO2, or a renewable unit's variable cost
            (negative for a support payment).
        start_cost: Currency per start.
        on_before: Whether the unit was on just before the delivery day.
        wear_cost: Currency per MWh discharged.
    """

    unit: str
    energy_cost: float = 0.0
    start_cost: float = 0.0
    on_before: bool = False
    wear_cost: float = 0.0


def unit_costs(
    units: Iterable[Unit],
    fuel_prices: Mapping[str, float],
    on_before: Mapping[str, bool] | None = None,
) -> tuple[UnitCosts, ...]:
    """Cost rates of a desk's units; units without any cost are left out.

    Args:
        units: The desk's units.
        fuel_prices: Price of the day by fuel and CO2 product.
        on_before: Thermal units' state before the day; the unit's declared state where absent.

    Raises:
        InputError: If the price of a product a unit burns is missing.
    """
    states = on_before or {}
    costs = (_costs(unit, fuel_prices, states) for unit in units)
    return tuple(cost for cost in costs if cost != UnitCosts(cost.unit, on_before=cost.on_before))


def _costs(unit: Unit, fuel_prices: Mapping[str, float], states: Mapping[str, bool]) -> UnitCosts:
    if isinstance(unit, BatteryUnit):
        return UnitCosts(unit.name, wear_cost=unit.wear_cost)
    if isinstance(unit, LoadUnit):
        return UnitCosts(unit.name)
    if not isinstance(unit, ThermalUnit):
        return UnitCosts(unit.name, energy_cost=unit.variable_cost)
    fuel = co2 = 0.0
    if unit.fuel is not None:
        fuel = _price(unit.fuel.product, unit.name, fuel_prices)
        co2 = _price(unit.fuel.co2_product, unit.name, fuel_prices)
    return UnitCosts(
        unit.name,
        energy_cost=unit.marginal_cost(fuel, co2),
        start_cost=unit.start_cost,
        on_before=states.get(unit.name, unit.initially_on),
    )


def _price(product: str, unit: str, fuel_prices: Mapping[str, float]) -> float:
    if product not in fuel_prices:
        expected = f"a price of {product}"
        raise InputError(f"fuel of {unit}", expected=expected, found=sorted(fuel_prices))
    return fuel_prices[product]
