"""Objective: columns and rows of `model.risk`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.twin.assembly import Assembly
from energy_assets.bidding.twin.parts import Amount, Horizon, UnitTerms, scaled


def add_objective(
    a: Assembly, horizon: Horizon, data: ModelData, incomes: list[Amount], units: list[UnitTerms]
) -> None:
    """Add profits, the tail where risk counts, and the objective."""
    scenarios, weight = (horizon.scenarios,), data.risk_weight
    profit = a.columns("profit", scenarios, lower=-np.inf)
    earned = [terms for income in incomes for terms in scaled(income.terms, -1.0)]
    spent = [terms for unit in units for terms in unit.cost]
    known = np.zeros(data.scenario_count)
    for income in incomes:
        known = known + income.known
    a.equal("profit_row", scenarios, [profit, *earned, *spent], known)
    a.maximise([profit * ((1.0 - weight) * data.probability)])
    if weight == 0:
        return
    threshold = a.columns("threshold", (), lower=-np.inf)
    shortfall = a.columns("shortfall", scenarios)
    tail = [threshold * np.ones(data.scenario_count), -profit, -shortfall]
    a.at_most("tail", scenarios, tail, 0.0)
    beyond = weight * data.probability / (1.0 - data.cvar_level)
    a.maximise([threshold * weight, shortfall * -beyond])
