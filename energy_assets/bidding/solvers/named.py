"""One way to solve a compiled model with a solver by name.

Not here: how each is reached (`pyomo_solvers`, `exchange`, `handoff`).
"""

from __future__ import annotations

import importlib.util

from energy_assets.bidding.handoff import Highs, SolverError, SolverResult, SparseModel
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.solvers.exchange import solve_by_exchange
from energy_assets.bidding.solvers.pyomo_solvers import PYOMO_SOLVERS, solve_through_pyomo
from energy_assets.errors import InputError

PACKAGES = {
    "highs": "highspy",
    **{name: reached.package for name, reached in PYOMO_SOLVERS.items()},
    "ortools": "ortools",
}
SOLVERS = tuple(PACKAGES)


def solve_compiled(compiled: SparseModel, solver: str, options: SolverOptions) -> SolverResult:
    """Solve with a solver by name; values come in the order of the compiled columns.

    Args:
        compiled: The model; built with plain rules for Gurobi and CPLEX.
        solver: One of `SOLVERS`.
        options: When to stop.

    Raises:
        InputError: If there is no such solver.
        SolverInfeasibleError: If there is no solution.
        SolverError: If the solver is not installed, its licence is too small (`SolverSizeError`) or
            it stopped without a solution.
    """
    require_known(solver, "solver")
    if importlib.util.find_spec(PACKAGES[solver]) is None:
        msg = f"{solver}: not installed (pip install 'energy_assets[solvers]')"
        raise SolverError(msg)
    if solver == "highs":
        return Highs(compiled, options).solve()
    if solver == "ortools":
        return solve_by_exchange(compiled, options)
    return solve_through_pyomo(compiled, solver, options)


def require_known(solver: str, where: str) -> None:
    """Raise the input error of a name that is no solver's."""
    if solver not in SOLVERS:
        raise InputError(where, expected=f"one of {', '.join(SOLVERS)}", found=solver)
