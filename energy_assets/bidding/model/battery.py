r"""Battery: charge c, discharge d (MW at the connection) and energy e (MWh) per scenario.

    e[s,t] = e[s,t-1] + h (eta_c c[s,t] - d[s,t] / eta_d),   e[s,-1] = start
    0 <= e[s,t] <= E,  0 <= c[s,t], d[s,t] <= P[t]
    e[s,T-1] = end                               (unless the end is free)
    sum_t h d[s,t] / eta_d <= cycles E D - drawn before   (cycle limit; D days in the horizon)
    c[s,t] <= P[t] m[s,t],  d[s,t] <= P[t] (1 - m[s,t]),  m binary, for (s,t) in the mode cells

With a share of reserves, of which h_up, h_down MWh and r_up, r_down MW are held (`reserve`):

    d[s,t] - c[s,t] + r_up[s,t] <= P[t],   c[s,t] - d[s,t] + r_down[s,t] <= P[t]
    h_up[s,t] / eta_d <= e[s,t],  e[s,t] + eta_c h_down[s,t] <= E   (and at the start of a block)

Energy is a recursion, not a cumulative sum, so that the solve grows linearly with the horizon.
Charging and discharging at once only ever pays where energy is worth less than nothing; the mode
cells are chosen by the caller (`stochastic`), usually none.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.model.parts import Held, UnitTerms, parameter
from energy_assets.bidding.model_data import BatteryData

Cells = list[tuple[int, int]]


def add_battery(
    m: Any, block: Any, data: BatteryData, mode_cells: Cells, held: Held | None
) -> UnitTerms:
    """Add a battery's variables and rows to its block."""
    import pyomo.environ as pyo

    unit, hours, last = data.unit, m.hours, m.last
    drawn = hours / unit.discharge_efficiency
    stored = hours * unit.charge_efficiency
    limit = data.power_limit

    def power_bounds(_: Any, __: int, t: int) -> tuple[float, float]:
        return 0.0, float(limit[t])

    block.charge = pyo.Var(m.S, m.T, bounds=power_bounds)
    block.discharge = pyo.Var(m.S, m.T, bounds=power_bounds)
    block.energy = pyo.Var(m.S, m.T, bounds=(0.0, unit.energy_mwh))

    def first_energy(b: Any, s: Any) -> Any:
        flow = stored * b.charge[s, 0] - drawn * b.discharge[s, 0]
        return b.energy[s, 0] == data.start_energy + flow

    def next_energy(b: Any, s: Any, t: Any) -> Any:
        flow = stored * b.charge[s, t] - drawn * b.discharge[s, t]
        return b.energy[s, t] == b.energy[s, t - 1] + flow

    block.start_energy = pyo.Constraint(m.S, rule=first_energy)
    block.energy_recursion = pyo.Constraint(m.S, m.T_later, rule=next_energy)
    if unit.end_energy_mwh is not None:
        end = unit.end_energy_mwh
        block.end_energy = pyo.Constraint(m.S, rule=lambda b, s: b.energy[s, last] == end)
    if unit.max_cycles_per_day is not None:
        most = data.most_drawn(m.days)
        block.cycle_limit = pyo.Constraint(
            m.S, rule=lambda b, s: sum(drawn * b.discharge[s, t] for t in m.T) <= most
        )
    block.power_limit = parameter(data.power_limit, m.T)
    if mode_cells:
        _add_modes(block, mode_cells)
    if held is not None:
        _add_room(m, block, data, held)
    wear, value = unit.wear_cost * hours, unit.terminal_value

    def cost(s: Any) -> Any:
        return sum(wear * block.discharge[s, t] for t in m.T) - value * block.energy[s, last]

    return UnitTerms(lambda s, t: block.discharge[s, t] - block.charge[s, t], cost)


def _add_room(m: Any, block: Any, data: BatteryData, held: Held) -> None:
    import pyomo.environ as pyo

    unit = data.unit
    drawn, stored = 1.0 / unit.discharge_efficiency, unit.charge_efficiency
    start, capacity = data.start_energy, unit.energy_mwh
    block.room_up = pyo.Constraint(
        m.S,
        m.T,
        rule=lambda b, s, t: b.discharge[s, t] - b.charge[s, t] + held.up(s, t) <= b.power_limit[t],
    )
    block.room_down = pyo.Constraint(
        m.S,
        m.T,
        rule=lambda b, s, t: (
            b.charge[s, t] - b.discharge[s, t] + held.down(s, t) <= b.power_limit[t]
        ),
    )
    block.energy_up = pyo.Constraint(
        m.S, m.T, rule=lambda b, s, t: drawn * held.up_energy(s, t) <= b.energy[s, t]
    )
    block.energy_down = pyo.Constraint(
        m.S, m.T, rule=lambda b, s, t: stored * held.down_energy(s, t) + b.energy[s, t] <= capacity
    )
    block.first_energy_up = pyo.Constraint(
        m.S, rule=lambda _, s: drawn * held.up_energy(s, 0) <= start
    )
    block.first_energy_down = pyo.Constraint(
        m.S, rule=lambda _, s: stored * held.down_energy(s, 0) <= capacity - start
    )
    block.block_energy_up = pyo.Constraint(
        m.S,
        m.T_block,
        rule=lambda b, s, t: drawn * held.up_energy(s, t) <= b.energy[s, t - 1],
    )
    block.block_energy_down = pyo.Constraint(
        m.S,
        m.T_block,
        rule=lambda b, s, t: stored * held.down_energy(s, t) + b.energy[s, t - 1] <= capacity,
    )


def _add_modes(block: Any, cells: Cells) -> None:
    import pyomo.environ as pyo

    block.mode_cells = pyo.Set(dimen=2, initialize=cells)
    block.mode = pyo.Var(block.mode_cells, within=pyo.Binary)
    block.charge_mode = pyo.Constraint(
        block.mode_cells,
        rule=lambda b, s, t: b.charge[s, t] <= b.power_limit[t] * b.mode[s, t],
    )
    block.discharge_mode = pyo.Constraint(
        block.mode_cells,
        rule=lambda b, s, t: (
            b.discharge[s, t] + b.power_limit[t] * b.mode[s, t] <= b.power_limit[t]
        ),
    )
