r"""Flexible load: consumption lowered by d and raised by u (MW) around its baseline.

    D[s,t] = D[s,t-1] + h d[s,t],   U[s,t] = U[s,t-1] + h u[s,t],   D[s,-1] = U[s,-1] = 0
    -E <= D[s,t] - U[s,t] <= E                   (energy outstanding)
    U[s,t+r] >= D[s,t],  D[s,t+r] >= U[s,t]      (made up for within r MTUs)
    U[s,T-1] = D[s,T-1]                          (the day consumes what the baseline does)

After Zerrahn and Schill (2015, Energy 84), in cumulated energies, so that rows stay short.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.model.parts import Held, UnitTerms, parameter
from energy_assets.bidding.model_data import FlexibleLoadData


def add_flexible_load(m: Any, block: Any, data: FlexibleLoadData, held: Held | None) -> UnitTerms:
    """Add a flexible load's variables and rows to its block."""
    import pyomo.environ as pyo

    terms, hours, last = data.flexibility, m.hours, m.last
    lower, upper = data.lower.tolist(), data.raise_.tolist()
    block.lower = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, lower[s][t]))
    block.raise_ = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, upper[s][t]))
    block.lowered = pyo.Var(m.S, m.T, within=pyo.NonNegativeReals)
    block.raised = pyo.Var(m.S, m.T, within=pyo.NonNegativeReals)
    for name, power, energy in (
        ("lowered", block.lower, block.lowered),
        ("raised", block.raise_, block.raised),
    ):
        _add_recursion(m, block, name, power, energy)
    most = terms.energy_mwh
    block.most_lowered = pyo.Constraint(
        m.S, m.T, rule=lambda b, s, t: b.lowered[s, t] - b.raised[s, t] <= most
    )
    block.most_raised = pyo.Constraint(
        m.S, m.T, rule=lambda b, s, t: b.raised[s, t] - b.lowered[s, t] <= most
    )
    block.made_up = pyo.Constraint(m.S, rule=lambda b, s: b.raised[s, last] == b.lowered[s, last])
    _add_recovery(m, block, data)
    if held is not None:
        _add_room(m, block, data, held)
    rate = terms.shift_cost * hours

    def cost(s: Any) -> Any:
        return sum(rate * block.lower[s, t] for t in m.T)

    return UnitTerms(
        lambda s, t: block.lower[s, t] - block.raise_[s, t], cost if rate else lambda _: 0.0
    )


def _add_recursion(m: Any, block: Any, name: str, power: Any, energy: Any) -> None:
    import pyomo.environ as pyo

    hours = m.hours
    first = pyo.Constraint(m.S, rule=lambda _, s: energy[s, 0] == hours * power[s, 0])
    later = pyo.Constraint(
        m.S,
        m.T_later,
        rule=lambda _, s, t: energy[s, t] == energy[s, t - 1] + hours * power[s, t],
    )
    block.add_component(f"first_{name}", first)
    block.add_component(f"next_{name}", later)


def _add_recovery(m: Any, block: Any, data: FlexibleLoadData) -> None:
    import pyomo.environ as pyo

    within = data.recovery_mtus
    if within > m.last:
        return
    block.T_recovered = pyo.RangeSet(0, m.last - within)
    block.raised_in_time = pyo.Constraint(
        m.S, block.T_recovered, rule=lambda b, s, t: b.raised[s, t + within] >= b.lowered[s, t]
    )
    block.lowered_in_time = pyo.Constraint(
        m.S, block.T_recovered, rule=lambda b, s, t: b.lowered[s, t + within] >= b.raised[s, t]
    )


def _add_room(m: Any, block: Any, data: FlexibleLoadData, held: Held) -> None:
    """Room for reserves: upward by taking off more, downward by adding more."""
    import pyomo.environ as pyo

    block.lower_limit = parameter(data.lower, m.S, m.T)
    block.raise_limit = parameter(data.raise_, m.S, m.T)
    block.room_up = pyo.Constraint(
        m.S,
        m.T,
        rule=lambda b, s, t: b.lower[s, t] - b.raise_[s, t] + held.up(s, t) <= b.lower_limit[s, t],
    )
    block.room_down = pyo.Constraint(
        m.S,
        m.T,
        rule=lambda b, s, t: (
            b.raise_[s, t] - b.lower[s, t] + held.down(s, t) <= b.raise_limit[s, t]
        ),
    )
