"""Curtailable wind and solar: output g per scenario, at most what is available.

    0 <= g[s,t] <= available[s,t]
    g[s,t] + r_up[s,t] <= available[s,t],  g[s,t] >= r_down[s,t]   (room held for reserves)

Plant that cannot be curtailed and load are no decisions: they are in the forced injection of
`model_data`.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.model.parts import Held, UnitTerms, parameter
from energy_assets.bidding.model_data import RenewableData


def add_renewable(m: Any, block: Any, data: RenewableData, held: Held | None) -> UnitTerms:
    """Add a curtailable unit's output to its block."""
    import pyomo.environ as pyo

    available = data.available.tolist()
    block.output = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, available[s][t]))
    if held is not None:
        block.available = parameter(data.available, m.S, m.T)
        block.room_up = pyo.Constraint(
            m.S,
            m.T,
            rule=lambda b, s, t: b.output[s, t] + held.up(s, t) <= b.available[s, t],
        )
        block.room_down = pyo.Constraint(
            m.S, m.T, rule=lambda b, s, t: held.down(s, t) <= b.output[s, t]
        )
    rate = data.variable_cost * m.hours

    def cost(s: Any) -> Any:
        return sum(rate * block.output[s, t] for t in m.T)

    return UnitTerms(lambda s, t: block.output[s, t], cost if rate else lambda _: 0.0)
