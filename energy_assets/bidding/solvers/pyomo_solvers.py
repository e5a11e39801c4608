"""Gurobi, CPLEX and SCIP through Pyomo's interfaces.

They take the Pyomo model row by row (slow at hundreds of scenarios: they are for cross-checks and
for desks that own a licence), and the row-by-row interfaces of Gurobi and CPLEX cannot read
templated rules: build the model with plain ones.

Not here: option names (`options`), OR-Tools (`exchange`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_assets.bidding.handoff import (
    CompiledModel,
    SolverError,
    SolverInfeasibleError,
    SolverResult,
    SparseModel,
)
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.solvers.options import SolverSizeError, settings


@dataclass(frozen=True)
class PyomoSolver:
    """How a solver is reached.

    Attributes:
        interface: Pyomo's name of the interface.
        package: The Python package behind it.
        at_node_limit: Termination condition at the node limit.
        too_large: Part of the message of a licence too small for the model.
        free_columns: Most columns of its free licence; None where it is free.
    """

    interface: str
    package: str
    at_node_limit: str
    too_large: str = ""
    free_columns: int | None = None


PYOMO_SOLVERS = {
    "gurobi": PyomoSolver("gurobi_direct", "gurobipy", "maxEvaluations", "size-limited", 2000),
    # Pyomo has no word for CPLEX's node limit; other errors leave no bounds.
    "cplex": PyomoSolver("cplex_direct", "cplex", "error", "size limits exceeded", 1000),
    "scip": PyomoSolver("scip_direct", "pyscipopt", "maxIterations"),
}


def solve_through_pyomo(compiled: SparseModel, solver: str, options: SolverOptions) -> SolverResult:
    """Solve the Pyomo model behind a compiled one; values in the order of its columns.

    Raises:
        TypeError: If the model was not compiled from Pyomo.
        SolverSizeError: If the licence is too small for the model.
        SolverInfeasibleError: If there is no solution.
        SolverError: If the solver stopped without one.
    """
    if not isinstance(compiled, CompiledModel):
        msg = f"{solver} needs a model built with Pyomo's plain rules"
        raise TypeError(msg)
    reached = PYOMO_SOLVERS[solver]
    answer = _run(compiled.model, solver, reached, settings(solver, options))
    condition = str(answer.solver.termination_condition)
    if condition in ("infeasible", "infeasibleOrUnbounded"):
        msg = f"{solver}: infeasible"
        raise SolverInfeasibleError(msg)
    # The model maximises: the value found is the lower, the proven bound the upper one.
    value, bound = answer.problem.lower_bound, answer.problem.upper_bound
    has_value = value is not None and bool(np.isfinite(value))
    if condition != "optimal" and not (condition == reached.at_node_limit and has_value):
        msg = f"{solver} stopped: {condition}"
        raise SolverError(msg)
    # A status other than `ok` would be logged on loading, or refused; it has been judged already.
    answer.solver.status = "ok"
    compiled.model.solutions.load_from(answer)
    columns = np.array([variable.value for variable in compiled.columns], dtype=float)
    status = "optimal" if condition == "optimal" else "node limit"
    return SolverResult(columns, float(value), float(bound), status)


def _run(model: Any, solver: str, reached: PyomoSolver, options: dict[str, float]) -> Any:
    import pyomo.environ as pyo
    from pyomo.common.tee import capture_output

    interface = pyo.SolverFactory(reached.interface)
    for name, value in options.items():
        interface.options[name] = value
    try:
        # Licence messages would end up in the command's document.
        with capture_output():
            return interface.solve(model, load_solutions=False)
    except Exception as error:
        # Each solver has an exception family of its own, known only once it is imported.
        text = " ".join(str(error).split())
        if reached.too_large and reached.too_large in text:
            msg = f"{solver}: the problem is larger than its free licence allows"
            raise SolverSizeError(msg) from error
        msg = f"{solver}: {text}"
        raise SolverError(msg) from error
