"""Bidding: from scenarios, plant and market rules to bid curves, dispatch, value and risk.

Belongs here: the problem (`problem`), the stochastic model (`model`), its solve (`stochastic`),
curves in ticks (`curves`), dispatch on one path (`dispatch`), the ladder (`rungs`). Not here: where
scenarios come from (`forecasting`), approval and sending (`governance`, `trading`).
"""

from energy_assets.bidding.curves import awarded, flat_orders, order_set
from energy_assets.bidding.dispatch import (
    Schedule,
    perfect_foresight,
    redispatch,
    schedule_for_prices,
)
from energy_assets.bidding.handoff import SolverError
from energy_assets.bidding.problem import (
    BiddingProblem,
    SolverOptions,
    StartState,
    load_problem,
    make_problem,
)
from energy_assets.bidding.rungs import best_bid, price_independent
from energy_assets.bidding.solution import BiddingSolution, PathBand, Rung, SoftBreach, UnitPlan
from energy_assets.bidding.stochastic import solve

__all__ = [
    "BiddingProblem",
    "BiddingSolution",
    "PathBand",
    "Rung",
    "Schedule",
    "SoftBreach",
    "SolverError",
    "SolverOptions",
    "StartState",
    "UnitPlan",
    "awarded",
    "best_bid",
    "flat_orders",
    "load_problem",
    "make_problem",
    "order_set",
    "perfect_foresight",
    "price_independent",
    "redispatch",
    "schedule_for_prices",
    "solve",
]
