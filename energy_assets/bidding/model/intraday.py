r"""Intraday trading after the auction: a ladder of steps j per MTU and side, traded per node n.

    y[n,t] = sum_j sell[n,t,j] - buy[n,t,j]
    0 <= sell[n,t,j], buy[n,t,j] <= depth[t,j]
    income[s] = h sum_t price[s,t] y[n(s),t] - h sum_{t,j} cost[j] (sell[n(s),t,j] + buy[n(s),t,j])

Scenarios of one node cannot be told apart when intraday trades are made: they have one position.
Costs do not fall from step to step, so steps fill in order without integers, and buying and selling
at once never pays.
"""

from __future__ import annotations

from typing import Any

from energy_assets.bidding.market_data import IntradayData
from energy_assets.bidding.model.parts import Cost, Injection, parameter


def add_intraday(m: Any, data: IntradayData, hours: float) -> tuple[Injection, Cost]:
    """Add the ladder; returns net sale of (scenario, MTU) and income of a scenario."""
    import pyomo.environ as pyo

    depth = data.depth.tolist()
    m.N = pyo.RangeSet(0, data.node_count - 1)
    m.J = pyo.RangeSet(0, len(data.cost) - 1)
    m.node_of = parameter(data.node_of, m.S)

    def bounds(_: Any, __: int, t: int, j: int) -> tuple[float, float]:
        return 0.0, depth[t][j]

    m.sell = pyo.Var(m.N, m.T, m.J, bounds=bounds)
    m.buy = pyo.Var(m.N, m.T, m.J, bounds=bounds)
    cost = hours * data.cost[None, None, :]
    m.sell_income = parameter(hours * data.price[..., None] - cost, m.S, m.T, m.J)
    m.buy_cost = parameter(hours * data.price[..., None] + cost, m.S, m.T, m.J)

    def position(s: Any, t: Any) -> Any:
        return sum(m.sell[m.node_of[s], t, j] - m.buy[m.node_of[s], t, j] for j in m.J)

    def income(s: Any) -> Any:
        return sum(
            m.sell_income[s, t, j] * m.sell[m.node_of[s], t, j]
            - m.buy_cost[s, t, j] * m.buy[m.node_of[s], t, j]
            for t in m.T
            for j in m.J
        )

    return position, income
