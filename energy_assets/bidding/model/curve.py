"""Day-ahead curve: net supply q at each price point, the same for all scenarios.

    q[k] <= q[k+1]                                (k, k+1 points of one MTU)
    x[s,t] = a[s,t] q[low[s,t]] + b[s,t] q[high[s,t]]

The weights a, b are data (`price_grid`): 1 and 0 where curves are steps, the shares of the
interpolation where they are piecewise linear. So x, the position awarded in scenario s, is exactly
what the auction will accept at that price, and all scenarios share one curve. T(K-1) rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_assets.bidding.model.parts import Injection, parameter
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.price_grid import PriceGrid


def add_curve(m: Any, data: ModelData, grid: PriceGrid) -> Injection:
    """Add the curve's points and monotone rows; returns the position of (scenario, MTU)."""
    import pyomo.environ as pyo

    mtu = np.repeat(np.arange(data.mtu_count), np.diff(grid.offsets))
    lowest, highest = data.lowest[mtu].tolist(), data.highest[mtu].tolist()
    m.K = pyo.RangeSet(0, grid.size - 1)
    m.K_followed = pyo.Set(initialize=grid.neighbours)
    m.volume = pyo.Var(m.K, bounds=lambda _, k: (lowest[k], highest[k]))
    m.monotone = pyo.Constraint(m.K_followed, rule=lambda m, k: m.volume[k] <= m.volume[k + 1])
    m.low, m.high = parameter(grid.low, m.S, m.T), parameter(grid.high, m.S, m.T)
    m.low_weight = parameter(grid.low_weight, m.S, m.T)
    m.high_weight = parameter(grid.high_weight, m.S, m.T)

    def position(s: Any, t: Any) -> Any:
        below = m.low_weight[s, t] * m.volume[m.low[s, t]]
        return below + m.high_weight[s, t] * m.volume[m.high[s, t]]

    return position


def add_given_position(m: Any, data: ModelData) -> Injection:
    """The position where it is already known, as data."""
    assert data.position is not None
    m.position = parameter(data.position, m.S, m.T)
    return lambda s, t: m.position[s, t]
