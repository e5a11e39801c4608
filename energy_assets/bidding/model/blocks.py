"""Block orders: one volume over a run of MTUs, accepted whole or not at all.

    x[s,t] += sum_j accepted[s,j] covers[j,t] b[j],   0 <= b[j] <= most

For a price taker acceptance follows from the scenario's mean price over the block and the limit
price, so it is data, and the volume stays linear (`markets.BlockCandidate`).
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.market_data import BlockData
from energy_assets.bidding.model.parts import Injection, parameter


def add_blocks(m: Any, data: BlockData) -> Injection:
    """Add the candidates' volumes; returns their net sale of (scenario, MTU)."""
    import pyomo.environ as pyo

    most = [candidate.max_volume_mw for candidate in data.candidates]
    m.I = pyo.RangeSet(0, len(most) - 1)
    m.block_volume = pyo.Var(m.I, bounds=lambda _, i: (0.0, most[i]))
    m.block_accepted = parameter(data.accepted, m.S, m.I)
    m.block_covers = parameter(data.covers, m.I, m.T)
    return lambda s, t: sum(
        m.block_accepted[s, i] * m.block_covers[i, t] * m.block_volume[i] for i in m.I
    )
