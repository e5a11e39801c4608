"""Curtailable wind and solar: output g per scenario, at most what is available.

    0 <= g[s,t] <= available[s,t]

Plant that cannot be curtailed and load are no decisions: they are in the forced injection of
`model_data`.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.model.parts import UnitTerms
from energy_assets.bidding.model_data import RenewableData


def add_renewable(m: Any, block: Any, data: RenewableData) -> UnitTerms:
    """Add a curtailable unit's output to its block."""
    import pyomo.environ as pyo

    available = data.available.tolist()
    block.output = pyo.Var(m.S, m.T, bounds=lambda _, s, t: (0.0, available[s][t]))
    rate = data.variable_cost * m.hours

    def cost(s: Any) -> Any:
        return sum(rate * block.output[s, t] for t in m.T)

    return UnitTerms(lambda s, t: block.output[s, t], cost if rate else lambda _: 0.0)
