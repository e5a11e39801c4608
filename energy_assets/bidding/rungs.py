"""The bid ladder: the best rung that holds, and why no better one did.

    stochastic          the full problem                                         solver
    reduced_scenarios   the full problem on a few scenarios                      solver
    lp_with_repair      its relaxation, commitment repaired, linear program      solver
    marginal_cost       curves of the units' merit order
    last_accepted       the last orders in force, re-validated
    price_independent   must-run and obligations

Every rung's orders pass the same checks. Under budgets the rungs with a solver run in a child
process that is killed at its budget; without, in this process to their end, so that a replay always
gives the same.

Belongs here: the order of the rungs and the choice between them. Not here: what a rung does
(`stochastic`, `ladder`), the rows of a run (`runs`), the watchdog.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from energy_assets.bidding.ladder.budgets import Budgets
from energy_assets.bidding.ladder.failure import RungFailedError, failure_text
from energy_assets.bidding.ladder.few_scenarios import lp_with_repair, reduced_scenarios
from energy_assets.bidding.ladder.last_accepted import FindEarlier, last_accepted
from energy_assets.bidding.ladder.marginal_cost import marginal_cost
from energy_assets.bidding.ladder.price_independent import price_independent
from energy_assets.bidding.ladder.solver_child import Make, made_in_child
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.bidding.stochastic import solve
from energy_assets.market import DeliveryDay, OrderSet
from energy_assets.market.orders import require_valid

__all__ = ["LADDER", "LadderRung", "best_bid", "price_independent"]

Require = Callable[[BiddingSolution], object]


@dataclass(frozen=True)
class LadderRung:
    """A rung and what makes it.

    Attributes:
        rung: Its name on the record.
        make: The function of a module that makes it.
        needs_solver: Whether it can take long, so that a budget is kept.
    """

    rung: Rung
    make: Make
    needs_solver: bool = False


# Best first. `last_accepted` joins where earlier orders can be found, `price_independent` is last.
LADDER = (
    LadderRung(Rung.STOCHASTIC, solve, needs_solver=True),
    LadderRung(Rung.REDUCED_SCENARIOS, reduced_scenarios, needs_solver=True),
    LadderRung(Rung.LP_WITH_REPAIR, lp_with_repair, needs_solver=True),
    LadderRung(Rung.MARGINAL_COST, marginal_cost),
)


def best_bid(
    problem: BiddingProblem,
    *,
    budgets: Budgets | None = None,
    find_earlier: FindEarlier | None = None,
    require: Require | None = None,
    ladder: Sequence[LadderRung] = LADDER,
) -> BiddingSolution:
    """The best rung that holds; a lower one states why each better one did not.

    Args:
        problem: The problem.
        budgets: Seconds per rung; None runs each to its end in this process.
        find_earlier: Finds the last orders in force; without it that rung is left out.
        require: Raises where a solution's orders break a rule of the session.
        ladder: The rungs above those two, best first.

    Raises:
        MarketRuleError: Even the price-independent orders break a rule.
    """
    rungs = list(ladder)
    if find_earlier is not None:
        rungs.append(LadderRung(Rung.LAST_ACCEPTED, lambda p: last_accepted(p, find_earlier)))
    failures: list[str] = []
    for rung in rungs:
        try:
            solution = _made(rung, problem, budgets)
            _require_sound(problem, solution, require)
        # No error of a rung, not even a fault of its own, may cost the gate: it is on the record.
        except Exception as error:
            failures.append(f"{rung.rung}: {failure_text(error)}")
        else:
            return replace(solution, reason="; ".join(failures))
    solution = price_independent(problem, reason="; ".join(failures))
    _require_sound(problem, solution, require)
    return solution


def _made(rung: LadderRung, problem: BiddingProblem, budgets: Budgets | None) -> BiddingSolution:
    if budgets is None or not rung.needs_solver:
        return rung.make(problem)
    seconds = budgets.seconds.get(rung.rung, 0.0)
    if seconds <= 0:
        msg = "no time left before the gate"
        raise RungFailedError(msg)
    return made_in_child(rung.make, problem, seconds)


def _require_sound(
    problem: BiddingProblem, solution: BiddingSolution, require: Require | None
) -> None:
    """Raise unless figures are finite and the orders keep the market's rules."""
    for name in ("position", "profit"):
        if not np.isfinite(getattr(solution, name)).all():
            msg = f"{name} is not finite"
            raise RungFailedError(msg)
    if problem.auction:
        _require_valid_curves(problem, solution)
    if require is not None:
        require(solution)


def _require_valid_curves(problem: BiddingProblem, solution: BiddingSolution) -> None:
    end = problem.starts[-1] + timedelta(minutes=problem.mtu_minutes)
    day = DeliveryDay(problem.start.date(), problem.start, end, problem.mtu_minutes, "UTC")
    orders = OrderSet(
        area="problem",
        session="curves",
        delivery_day=day.label,
        currency="",
        rules=problem.rules,
        curves=solution.curves,
        participant_id="",
        portfolio_id="",
        balance_area="",
    )
    require_valid(orders, day, problem.rules)
