"""Battery: columns and rows of `model.battery`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.model_data import BatteryData
from energy_assets.bidding.twin.assembly import Assembly, Terms
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms, at, scaled

Cells = list[tuple[int, int]]


def add_battery(
    a: Assembly, horizon: Horizon, data: BatteryData, mode_cells: Cells, held: Held | None
) -> UnitTerms:
    """Add a battery; `a` prefixes its names."""
    unit, scenarios, mtus = data.unit, horizon.scenarios, horizon.mtus
    drawn = horizon.hours / unit.discharge_efficiency
    stored = horizon.hours * unit.charge_efficiency
    charge = a.columns("charge", horizon.cells, upper=data.power_limit)
    discharge = a.columns("discharge", horizon.cells, upper=data.power_limit)
    energy = a.columns("energy", horizon.cells, upper=unit.energy_mwh)
    outflow = [charge * -stored, discharge * drawn]
    first = [energy[:, 0], *at(outflow, 0)]
    a.equal("start_energy", (scenarios,), first, data.start_energy)
    change = [energy[:, 1:], -energy[:, :-1], *at(outflow, mtus[1:])]
    a.equal("energy_recursion", (scenarios, mtus[1:]), change, 0.0)
    if unit.end_energy_mwh is not None:
        a.equal("end_energy", (scenarios,), [energy[:, -1]], unit.end_energy_mwh)
    if unit.max_cycles_per_day is not None:
        most = data.most_drawn(horizon.days)
        a.at_most("cycle_limit", (scenarios,), [discharge * drawn], most)
    if mode_cells:
        _add_modes(a, data, mode_cells, charge, discharge)
    if held is not None:
        _add_room(a, horizon, data, held, [discharge, -charge], energy)
    wear = discharge * (unit.wear_cost * horizon.hours)
    return UnitTerms([discharge, -charge], [wear, energy[:, -1] * -unit.terminal_value])


def _add_modes(
    a: Assembly, data: BatteryData, cells: Cells, charge: Terms, discharge: Terms
) -> None:
    index = np.array(cells, dtype=np.int64)
    chosen = (index[:, 0], index[:, 1])
    limit = data.power_limit[index[:, 1]]
    mode = a.columns("mode", (index,), upper=1.0, integer=True)
    a.at_most("charge_mode", (index,), [charge[chosen], mode * -limit], 0.0)
    a.at_most("discharge_mode", (index,), [discharge[chosen], mode * limit], limit)


def _add_room(
    a: Assembly,
    horizon: Horizon,
    data: BatteryData,
    held: Held,
    injection: list[Terms],
    energy: Terms,
) -> None:
    scenarios, cells, starts = (horizon.scenarios,), horizon.cells, horizon.block_starts
    capacity, start = data.unit.energy_mwh, data.start_energy
    up_energy = scaled(held.up_energy, 1.0 / data.unit.discharge_efficiency)
    down_energy = scaled(held.down_energy, data.unit.charge_efficiency)
    a.at_most("room_up", cells, [*injection, *held.up], data.power_limit)
    a.at_most("room_down", cells, [*scaled(injection, -1.0), *held.down], data.power_limit)
    a.at_most("energy_up", cells, [*up_energy, -energy], 0.0)
    a.at_most("energy_down", cells, [*down_energy, energy], capacity)
    a.at_most("first_energy_up", scenarios, at(up_energy, 0), start)
    a.at_most("first_energy_down", scenarios, at(down_energy, 0), capacity - start)
    before = energy[:, starts - 1]
    at_start = (horizon.scenarios, starts)
    a.at_most("block_energy_up", at_start, [*at(up_energy, starts), -before], 0.0)
    a.at_most("block_energy_down", at_start, [*at(down_energy, starts), before], capacity)
