r"""Thermal unit: hourly first-stage commitment u (on), v (start), w (stop); power p per scenario.

    u[h] - u[h-1] = v[h] - w[h],   v[h] + w[h] <= 1
    sum_{i=h-UT+1..h} v[i] <= u[h],   sum_{i=h-DT+1..h} w[i] <= 1 - u[h]    (Rajan and Takriti 2005)
    Pmin u[h(t)] <= p[s,t] <= P[t] u[h(t)]
    p[s,t] - p[s,t-1] <= RU u[h(t-1)] + SU v[h(t)]     (v only where an hour begins)
    p[s,t-1] - p[s,t] <= RD u[h(t)] + SD w[h(t)] + O[t]   (w only where an hour begins)

RU, RD are ramps per MTU; a start may reach SU = max(Pmin, RU), a stop may come from
SD = max(Pmin, RD); a fall O[t] of the available power P is no ramp. Commitment is by the hour even
where the MTU is shorter: a fifth of the solve time of quarter-hourly commitment. What the minimum
times still ask for at the start is fixed in the bounds of u; an hour in which an outage leaves
less than Pmin is off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from energy_assets.bidding.model.parts import UnitTerms, parameter
from energy_assets.bidding.model_data import ThermalData


def add_thermal(m: Any, block: Any, data: ThermalData) -> UnitTerms:
    """Add a thermal unit's variables and rows to its block."""
    import pyomo.environ as pyo

    lowest, highest = commitment_bounds(data, m.mtus_per_hour)
    start, stop = pyo.Var(m.H, within=pyo.Binary), pyo.Var(m.H, within=pyo.Binary)
    block.on = pyo.Var(m.H, within=pyo.Binary, bounds=lambda _, h: (lowest[h], highest[h]))
    block.start, block.stop = start, stop
    block.power = pyo.Var(m.S, m.T, bounds=lambda _, __, t: (0.0, float(data.power_limit[t])))
    block.power_limit = parameter(data.power_limit, m.T)
    block.marginal_cost = parameter(data.marginal_cost * m.hours, m.T)
    _add_commitment(m, block, data)
    minimum = data.unit.min_power_mw
    block.max_power = pyo.Constraint(
        m.S, m.T, rule=lambda b, s, t: b.power[s, t] <= b.power_limit[t] * b.on[m.hour_of[t]]
    )
    if minimum > 0:
        block.min_power = pyo.Constraint(
            m.S, m.T, rule=lambda b, s, t: b.power[s, t] >= minimum * b.on[m.hour_of[t]]
        )
    _add_ramp_up(m, block, data)
    _add_ramp_down(m, block, data)

    def cost(s: Any) -> Any:
        energy = sum(block.marginal_cost[t] * block.power[s, t] for t in m.T)
        return energy + sum(data.unit.start_cost * block.start[h] for h in m.H)

    return UnitTerms(lambda s, t: block.power[s, t], cost)


def commitment_bounds(data: ThermalData, mtus_per_hour: int) -> tuple[list[int], list[int]]:
    """Lowest and highest `on` per hour, from outages, must-run and the minimum times left over."""
    unit = data.unit
    available = data.power_limit.reshape(-1, mtus_per_hour).min(axis=1) >= unit.min_power_mw
    available &= data.power_limit.reshape(-1, mtus_per_hour).max(axis=1) > 0
    hours = np.arange(len(available))
    least = unit.min_up_hours if data.on else unit.min_down_hours
    bound = hours < math.ceil(least - data.hours_in_state)
    # An outage trips the unit whatever its minimum up time; it need not come back for it.
    lowest = bound & np.logical_and.accumulate(available) if data.on else np.zeros_like(bound)
    highest = available if data.on else available & ~bound
    if unit.must_run:
        lowest = lowest | highest
    return lowest.astype(int).tolist(), highest.astype(int).tolist()


def _add_commitment(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    unit, initially_on = data.unit, int(data.on)
    block.initially_on = initially_on
    block.first_switch = pyo.Constraint(
        rule=lambda b: b.on[0] - initially_on == b.start[0] - b.stop[0]
    )
    block.switch = pyo.Constraint(
        m.H_later, rule=lambda b, h: b.on[h] - b.on[h - 1] == b.start[h] - b.stop[h]
    )
    block.one_switch = pyo.Constraint(m.H, rule=lambda b, h: b.start[h] + b.stop[h] <= 1)
    if unit.min_up_hours > 1:
        block.up_window = _windows(m, unit.min_up_hours)
        block.min_up = pyo.Constraint(
            m.H, rule=lambda b, h: sum(b.start[i] for i in b.up_window[h]) <= b.on[h]
        )
    if unit.min_down_hours > 1:
        block.down_window = _windows(m, unit.min_down_hours)
        block.min_down = pyo.Constraint(
            m.H, rule=lambda b, h: sum(b.stop[i] for i in b.down_window[h]) <= 1 - b.on[h]
        )


def _windows(m: Any, length: int) -> Any:
    import pyomo.environ as pyo

    return pyo.Set(m.H, dimen=1, initialize=lambda _, h: range(max(0, h - length + 1), h + 1))


def _add_ramp_up(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    unit = data.unit
    ramp = math.inf if unit.ramp_up_mw_per_hour is None else unit.ramp_up_mw_per_hour * m.hours
    if ramp >= unit.capacity_mw:
        return
    first = max(unit.min_power_mw, ramp)
    from_start = data.start_power + ramp if data.on else 0.0
    block.first_ramp_up = pyo.Constraint(
        m.S, rule=lambda b, s: b.power[s, 0] <= from_start + first * b.start[0]
    )
    block.ramp_up = pyo.Constraint(
        m.S,
        m.T_within,
        rule=lambda b, s, t: b.power[s, t] - b.power[s, t - 1] <= ramp * b.on[m.hour_of[t]],
    )
    block.ramp_up_at_hour = pyo.Constraint(
        m.S,
        m.T_hourly,
        rule=lambda b, s, t: (
            b.power[s, t] - b.power[s, t - 1]
            <= ramp * b.on[m.hour_of[t - 1]] + first * b.start[m.hour_of[t]]
        ),
    )


def _add_ramp_down(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    unit = data.unit
    ramp = math.inf if unit.ramp_down_mw_per_hour is None else unit.ramp_down_mw_per_hour * m.hours
    if ramp >= unit.capacity_mw:
        return
    last = max(unit.min_power_mw, ramp)
    block.outage = parameter(np.maximum(-np.diff(data.power_limit, prepend=np.inf), 0.0), m.T)
    if data.on:
        block.first_ramp_down = pyo.Constraint(
            m.S,
            rule=lambda b, s: data.start_power - b.power[s, 0] <= ramp * b.on[0] + last * b.stop[0],
        )
    block.ramp_down = pyo.Constraint(
        m.S,
        m.T_within,
        rule=lambda b, s, t: (
            b.power[s, t - 1] - b.power[s, t] <= ramp * b.on[m.hour_of[t]] + b.outage[t]
        ),
    )
    block.ramp_down_at_hour = pyo.Constraint(
        m.S,
        m.T_hourly,
        rule=lambda b, s, t: (
            b.power[s, t - 1] - b.power[s, t]
            <= ramp * b.on[m.hour_of[t]] + last * b.stop[m.hour_of[t]] + b.outage[t]
        ),
    )
