"""The auction's curve: net supply q at each price point, the same for all scenarios.

    q[k] <= q[k+1]                                (k, k+1 points of one MTU)
    x[s,t] = a[s,t] q[low[s,t]] + b[s,t] q[high[s,t]]

The weights a, b are data (`price_grid`): 1 and 0 where curves are steps, the shares of the
interpolation where they are piecewise linear. So x, the position awarded in scenario s, is exactly
what the auction will accept at that price, and all scenarios share one curve. T(K-1) rows.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from energy_assets.bidding.model.parts import Cost, Injection, parameter
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


def auction_income(m: Any, data: ModelData, position: Any) -> Cost:
    """Income of the awarded position: price x position x hours, per scenario."""
    if data.position is not None:
        # A template cannot sum constants, so a known income is one parameter.
        m.known_income = parameter((data.price * data.position).sum(axis=1) * data.hours, m.S)
        return lambda s: m.known_income[s]
    m.price = parameter(data.price * data.hours, m.S, m.T)
    return lambda s: sum(m.price[s, t] * position(s, t) for t in m.T)


def add_position_limits(m: Any, data: ModelData, sold: list[Injection]) -> None:
    """Keep what is sold in all sessions within the desk's limits."""
    import pyomo.environ as pyo

    m.most_sold = parameter(data.position_limits[1] - data.earlier, m.T)
    m.most_bought = parameter(data.position_limits[0] - data.earlier, m.T)

    def total(s: Any, t: Any) -> Any:
        return reduce(add, (part(s, t) for part in sold))

    m.sale_limit = pyo.Constraint(m.S, m.T, rule=lambda m, s, t: total(s, t) <= m.most_sold[t])
    m.purchase_limit = pyo.Constraint(
        m.S, m.T, rule=lambda m, s, t: total(s, t) >= m.most_bought[t]
    )
