r"""Thermal unit: hourly commitment u (on), v (start), w (stop); power p per scenario.

    u[c,h] - u[c,h-1] = v[c,h] - w[c,h],   v[c,h] + w[c,h] <= 1
    sum_{i=h-UT+1..h} v[c,i] <= u[c,h],   sum_{i=h-DT+1..h} w[c,i] <= 1 - u[c,h]
                                                              (Rajan and Takriti 2005)
    Pmin u[h(t)] <= p[s,t] - r_down[s,t],   p[s,t] + r_up[s,t] <= P[t] u[h(t)]
    p[s,t] - p[s,t-1] <= RU u[h(t-1)] + SU v[h(t)]     (v only where an hour begins)
    p[s,t-1] - p[s,t] <= RD u[h(t)] + SD w[h(t)] + O[t]   (w only where an hour begins)
    hot[c,h] <= v[c,h],  hot[c,h] <= sum_{i=h-C+1..h} w[c,i]  (+ 1 while the first C hours off last)
    cost[s] = h sum_t (a[t] u[h(t)] + b[t] p[s,t]) + sum_h (cold v[h] - (cold - hot cost) hot[h])

c is the commitment's case: one for all scenarios where the unit has to be ordered before the
auction's outcome is known, else one per scenario (u in the rows of a scenario is that of its case).
RU, RD are ramps per MTU; a start may reach SU, a stop may come from SD; a fall O[t] of the
available power P is no ramp. r_up, r_down is room held for reserves (`reserve`). Fuel use is the
straight line through the efficiencies at minimum power and at capacity: a is what a running MTU
costs, b what a MWh costs on top. Commitment is by the hour even where the MTU is shorter: a fifth
of the solve time of quarter-hourly commitment. What the minimum times still ask for at the start is
fixed in the bounds of u; an hour in which an outage leaves less than Pmin is off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from energy_assets.bidding.model.parts import Held, UnitTerms, parameter
from energy_assets.bidding.model_data import ThermalData
from energy_assets.forecasting.arrays import BoolArray


def add_thermal(m: Any, block: Any, data: ThermalData, held: Held | None) -> UnitTerms:
    """Add a thermal unit's variables and rows to its block."""
    import pyomo.environ as pyo

    lowest, highest = commitment_bounds(data, m.mtus_per_hour)
    block.C = pyo.RangeSet(0, data.case_count - 1)
    block.case_of = parameter(data.case_of, m.S)
    block.on = pyo.Var(
        block.C, m.H, within=pyo.Binary, bounds=lambda _, __, h: (lowest[h], highest[h])
    )
    block.start = pyo.Var(block.C, m.H, within=pyo.Binary)
    block.stop = pyo.Var(block.C, m.H, within=pyo.Binary)
    block.power = pyo.Var(m.S, m.T, bounds=lambda _, __, t: (0.0, float(data.power_limit[t])))
    _add_commitment(m, block, data)
    _add_power_limits(m, block, data, held)
    _add_ramp_up(m, block, data)
    _add_ramp_down(m, block, data)
    return UnitTerms(lambda s, t: block.power[s, t], _cost(m, block, data))


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
        lowest = lowest | (highest & ~_tripped(available, unit.min_down_hours))
    return lowest.astype(int).tolist(), highest.astype(int).tolist()


def _tripped(available: BoolArray, min_down_hours: int) -> BoolArray:
    """Hours within the minimum down time of an outage (H,): the unit cannot be back yet."""
    tripped = np.zeros_like(available)
    for hour in np.flatnonzero(~available & np.concatenate([[True], available[:-1]])):
        tripped[hour : hour + min_down_hours] = True
    return tripped


def _add_commitment(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    unit, initially_on = data.unit, int(data.on)
    block.initially_on = initially_on
    block.first_switch = pyo.Constraint(
        block.C, rule=lambda b, c: b.on[c, 0] - initially_on == b.start[c, 0] - b.stop[c, 0]
    )
    block.switch = pyo.Constraint(
        block.C,
        m.H_later,
        rule=lambda b, c, h: b.on[c, h] - b.on[c, h - 1] == b.start[c, h] - b.stop[c, h],
    )
    block.one_switch = pyo.Constraint(
        block.C, m.H, rule=lambda b, c, h: b.start[c, h] + b.stop[c, h] <= 1
    )
    if unit.min_up_hours > 1:
        block.up_window = _windows(m, unit.min_up_hours)
        block.min_up = pyo.Constraint(
            block.C,
            m.H,
            rule=lambda b, c, h: sum(b.start[c, i] for i in b.up_window[h]) <= b.on[c, h],
        )
    if unit.min_down_hours > 1:
        block.down_window = _windows(m, unit.min_down_hours)
        block.min_down = pyo.Constraint(
            block.C,
            m.H,
            rule=lambda b, c, h: sum(b.stop[c, i] for i in b.down_window[h]) <= 1 - b.on[c, h],
        )


def _windows(m: Any, length: int) -> Any:
    import pyomo.environ as pyo

    return pyo.Set(m.H, dimen=1, initialize=lambda _, h: range(max(0, h - length + 1), h + 1))


def _add_power_limits(m: Any, block: Any, data: ThermalData, held: Held | None) -> None:
    import pyomo.environ as pyo

    minimum = data.unit.min_power_mw
    block.power_limit = parameter(data.power_limit, m.T)

    def most(b: Any, s: Any, t: Any) -> Any:
        power = b.power[s, t] if held is None else b.power[s, t] + held.up(s, t)
        return power <= b.power_limit[t] * b.on[b.case_of[s], m.hour_of[t]]

    def least(b: Any, s: Any, t: Any) -> Any:
        power = b.power[s, t] if held is None else b.power[s, t] - held.down(s, t)
        return power >= minimum * b.on[b.case_of[s], m.hour_of[t]]

    block.max_power = pyo.Constraint(m.S, m.T, rule=most)
    if minimum > 0 or held is not None:
        block.min_power = pyo.Constraint(m.S, m.T, rule=least)


def _add_ramp_up(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    ramp, first = data.ramp_up_mw(m.hours), data.start_limit_mw(m.hours)
    if ramp >= data.unit.capacity_mw and first >= data.unit.capacity_mw:
        return
    from_start = data.start_power + ramp if data.on else 0.0
    block.first_ramp_up = pyo.Constraint(
        m.S, rule=lambda b, s: b.power[s, 0] <= from_start + first * b.start[b.case_of[s], 0]
    )
    block.ramp_up = pyo.Constraint(
        m.S,
        m.T_within,
        rule=lambda b, s, t: (
            b.power[s, t] - b.power[s, t - 1] <= ramp * b.on[b.case_of[s], m.hour_of[t]]
        ),
    )
    block.ramp_up_at_hour = pyo.Constraint(
        m.S,
        m.T_hourly,
        rule=lambda b, s, t: (
            b.power[s, t] - b.power[s, t - 1]
            <= ramp * b.on[b.case_of[s], m.hour_of[t - 1]]
            + first * b.start[b.case_of[s], m.hour_of[t]]
        ),
    )


def _add_ramp_down(m: Any, block: Any, data: ThermalData) -> None:
    import pyomo.environ as pyo

    ramp, last = data.ramp_down_mw(m.hours), data.stop_limit_mw(m.hours)
    if ramp >= data.unit.capacity_mw and last >= data.unit.capacity_mw:
        return
    block.outage = parameter(data.outage_mw, m.T)
    if data.on:
        block.first_ramp_down = pyo.Constraint(
            m.S,
            rule=lambda b, s: (
                data.start_power - b.power[s, 0]
                <= ramp * b.on[b.case_of[s], 0] + last * b.stop[b.case_of[s], 0]
            ),
        )
    block.ramp_down = pyo.Constraint(
        m.S,
        m.T_within,
        rule=lambda b, s, t: (
            b.power[s, t - 1] - b.power[s, t]
            <= ramp * b.on[b.case_of[s], m.hour_of[t]] + b.outage[t]
        ),
    )
    block.ramp_down_at_hour = pyo.Constraint(
        m.S,
        m.T_hourly,
        rule=lambda b, s, t: (
            b.power[s, t - 1] - b.power[s, t]
            <= ramp * b.on[b.case_of[s], m.hour_of[t]]
            + last * b.stop[b.case_of[s], m.hour_of[t]]
            + b.outage[t]
        ),
    )


def _cost(m: Any, block: Any, data: ThermalData) -> Any:
    """Fuel and starts of a scenario."""
    block.energy_cost = parameter(data.energy_cost * m.hours, m.T)
    by_hour = (data.running_cost * m.hours).reshape(-1, m.mtus_per_hour).sum(axis=1)
    cold, hot = data.cold_start_cost, data.unit.start_cost
    block.running_cost = parameter(by_hour, m.H)
    if cold > hot:
        _add_hot_starts(m, block, data)

    def cost(s: Any) -> Any:
        total = sum(block.energy_cost[t] * block.power[s, t] for t in m.T)
        total = total + sum(cold * block.start[block.case_of[s], h] for h in m.H)
        if by_hour.any():
            total = total + sum(block.running_cost[h] * block.on[block.case_of[s], h] for h in m.H)
        if cold > hot:
            saved = cold - hot
            total = total - sum(saved * block.hot_start[block.case_of[s], h] for h in m.H)
        return total

    return cost


def _add_hot_starts(m: Any, block: Any, data: ThermalData) -> None:
    """Starts soon enough after a stop; continuous, since binaries and costs make them whole."""
    import pyomo.environ as pyo

    hours = data.unit.cold_after_hours
    still_hot = 0 if data.on else max(0, math.ceil(hours - data.hours_in_state))
    hour_count = len(m.H)
    known = np.array([1.0 if h < still_hot else 0.0 for h in range(hour_count)])
    block.hot_start = pyo.Var(block.C, m.H, bounds=(0.0, 1.0))
    block.hot_window = _windows(m, hours)
    block.still_hot = parameter(known, m.H)
    block.hot_is_start = pyo.Constraint(
        block.C, m.H, rule=lambda b, c, h: b.hot_start[c, h] <= b.start[c, h]
    )
    block.hot_after_stop = pyo.Constraint(
        block.C,
        m.H,
        rule=lambda b, c, h: (
            b.hot_start[c, h] <= sum(b.stop[c, i] for i in b.hot_window[h]) + b.still_hot[h]
        ),
    )
