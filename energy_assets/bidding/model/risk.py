"""Objective: mean and conditional value at risk of the profit.

    maximise (1 - l) sum_s pi[s] f[s] + l (eta - sum_s pi[s] z[s] / (1 - a))
    z[s] >= eta - f[s],  z[s] >= 0

f is the profit of a scenario, l the risk weight, a the level, eta free and common to all scenarios
(Rockafellar and Uryasev 2000, in the profit form): at the optimum the bracket is the mean of the
worst share (1 - a) of profits.

`conditional_value_at_risk` is the same figure for a finished vector of profits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model.parts import Cost
from energy_assets.bidding.model_data import ModelData


def add_objective(m: Any, data: ModelData, income: Cost) -> None:
    """Add profit rows, the tail rows where risk counts, and the objective."""
    import pyomo.environ as pyo

    m.profit = pyo.Var(m.S)
    m.profit_row = pyo.Constraint(m.S, rule=lambda m, s: m.profit[s] == income(s))
    weight, probability = data.risk_weight, data.probability.tolist()
    mean = sum(probability[s] * m.profit[s] for s in m.S)
    if weight == 0:
        m.objective = pyo.Objective(expr=mean, sense=pyo.maximize)
        return
    m.threshold = pyo.Var()
    m.shortfall = pyo.Var(m.S, within=pyo.NonNegativeReals)
    m.tail = pyo.Constraint(m.S, rule=lambda m, s: m.shortfall[s] >= m.threshold - m.profit[s])
    beyond = sum(probability[s] * m.shortfall[s] for s in m.S) / (1.0 - data.cvar_level)
    m.objective = pyo.Objective(
        expr=(1.0 - weight) * mean + weight * (m.threshold - beyond), sense=pyo.maximize
    )


def conditional_value_at_risk(profit: FloatArray, weights: FloatArray, level: float) -> float:
    """Mean of the worst share (1 - level) of profits; the last profit counts in part.

    Args:
        profit: Profit of each scenario.
        weights: Probabilities.
        level: E.g. 0.95 for the worst twentieth.
    """
    order = np.argsort(profit, kind="stable")
    tail = 1.0 - level
    before = np.concatenate([[0.0], np.cumsum(weights[order])[:-1]])
    counted = np.clip(tail - before, 0.0, weights[order])
    return float(counted @ profit[order] / counted.sum())
