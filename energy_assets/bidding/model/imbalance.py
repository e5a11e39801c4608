"""Imbalance: what the plant delivers beyond (long) or below (short) the position.

    injections[s,t] - sold[s,t] - called[s,t] = long + long_excess - short - short_excess
    0 <= long, short <= limit,  0 <= long_excess, short_excess

A surplus earns the long price less the aversion, a deficit costs the short price plus the aversion.
The limit is soft: the excess part pays the price limit on top, so that a forecast error can never
leave the desk without orders; the solution lists every breach. Long price <= short price (checked
in `problem`) keeps the model convex.
"""

from __future__ import annotations

from functools import reduce
from operator import add, sub
from typing import Any

from energy_assets.bidding.model.parts import Cost, Injection, UnitTerms, parameter
from energy_assets.bidding.model_data import ModelData


def add_imbalance(m: Any, data: ModelData, units: list[UnitTerms], sold: list[Injection]) -> Cost:
    """Add imbalance variables and the balance; returns the settlement income of a scenario.

    Args:
        m: The model.
        data: Its arrays.
        units: What injects.
        sold: What of it is sold or called, by session.
    """
    import pyomo.environ as pyo

    most = data.max_imbalance
    m.long = pyo.Var(m.S, m.T, bounds=(0.0, most))
    m.short = pyo.Var(m.S, m.T, bounds=(0.0, most))
    m.long_excess = pyo.Var(m.S, m.T, within=pyo.NonNegativeReals)
    m.short_excess = pyo.Var(m.S, m.T, within=pyo.NonNegativeReals)
    m.forced = parameter(data.forced - data.earlier, m.S, m.T)
    m.long_price = parameter((data.long_price - data.aversion) * data.hours, m.S, m.T)
    m.short_price = parameter((data.short_price + data.aversion) * data.hours, m.S, m.T)
    excess = data.excess_price * data.hours

    # Not `sum`: inside a rule Pyomo takes it for a sum over index sets.
    def balance(m: Any, s: Any, t: Any) -> Any:
        delivered = reduce(add, (unit.injection(s, t) for unit in units), m.forced[s, t])
        surplus = m.long[s, t] + m.long_excess[s, t] - m.short[s, t] - m.short_excess[s, t]
        return reduce(sub, (part(s, t) for part in sold), delivered) - surplus == 0.0

    m.balance = pyo.Constraint(m.S, m.T, rule=balance)

    def income(s: Any) -> Any:
        return sum(
            m.long_price[s, t] * m.long[s, t]
            - m.short_price[s, t] * m.short[s, t]
            + (m.long_price[s, t] - excess) * m.long_excess[s, t]
            - (m.short_price[s, t] + excess) * m.short_excess[s, t]
            for t in m.T
        )

    return income
