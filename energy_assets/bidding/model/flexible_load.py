r"""Flexible load: consumption lowered by d and raised by u (MW) around its baseline.

    x[s,t] = x[s,t-1] + h (d[s,t] - u[s,t]),   x[s,-1] = what is outstanding at the start
    -E <= x[s,t] <= E                          (energy outstanding)
    x[s,t] = 0 at the end of every recovery window, and of the horizon

Windows of the recovery time follow each other from the start of the delivery day. A limit on each
change's own age would need a variable per pair of MTUs; on cumulated energies it can be evaded by
lowering and raising at once, which earns nothing here.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.model.parts import Held, UnitTerms, parameter
from energy_assets.bidding.model_data import FlexibleLoadData


def add_flexible_load(m: Any, block: Any, data: FlexibleLoadData, held: Held | None) -> UnitTerms:
    """Add a flexible load's variables and rows to its block."""
    import pyomo.environ as pyo

    terms, hours, shifted = data.flexibility, m.hours, data.shifted
    lower, upper, most = data.lower.tolist(), data.raise_.tolist(), terms.energy_mwh
    block.lower = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, lower[s][t]))
    block.raise_ = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, upper[s][t]))
    block.outstanding = pyo.Var(m.S, m.T, bounds=(-most, most))
    block.first_outstanding = pyo.Constraint(
        m.S,
        rule=lambda b, s: (
            b.outstanding[s, 0] == shifted + hours * b.lower[s, 0] - hours * b.raise_[s, 0]
        ),
    )
    block.next_outstanding = pyo.Constraint(
        m.S,
        m.T_later,
        rule=lambda b, s, t: (
            b.outstanding[s, t]
            == b.outstanding[s, t - 1] + hours * b.lower[s, t] - hours * b.raise_[s, t]
        ),
    )
    block.T_made_up = pyo.Set(dimen=1, initialize=data.window_ends.tolist())
    block.made_up = pyo.Constraint(
        m.S, block.T_made_up, rule=lambda b, s, t: b.outstanding[s, t] == 0.0
    )
    if held is not None:
        _add_room(m, block, data, held)
    rate = terms.shift_cost * hours

    def cost(s: Any) -> Any:
        return sum(rate * block.lower[s, t] for t in m.T)

    return UnitTerms(
        lambda s, t: block.lower[s, t] - block.raise_[s, t], cost if rate else lambda _: 0.0
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
