"""Which solvers work on this machine, found out by solving a problem of two variables.

Where a licence is limited in size, one problem just above its free size tells whether this one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from energy_assets.bidding.handoff import SolverError, compile_model
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.solvers.named import PACKAGES, SOLVERS, solve_compiled
from energy_assets.bidding.solvers.options import SolverSizeError
from energy_assets.bidding.solvers.pyomo_solvers import PYOMO_SOLVERS


@dataclass(frozen=True)
class SolverState:
    """Whether a solver can be used.

    Attributes:
        name: Solver.
        usable: Whether it solved the test problem.
        version: Of its Python package; empty where absent.
        most_columns: Largest problem of a size-limited licence; None where there is no limit.
        reason: Why it cannot be used, or in what it is limited.
    """

    name: str
    usable: bool
    version: str
    most_columns: int | None = None
    reason: str = ""


def available_solvers() -> tuple[SolverState, ...]:
    """The state of every solver, in the order of `SOLVERS`."""
    return tuple(solver_state(solver) for solver in SOLVERS)


def solver_state(solver: str) -> SolverState:
    """The state of one solver."""
    try:
        found = version(PACKAGES[solver])
    except PackageNotFoundError:
        return SolverState(solver, usable=False, version="", reason="not installed")
    try:
        _solve_columns(solver, 2)
    except SolverError as error:
        return SolverState(solver, usable=False, version=found, reason=str(error))
    free = PYOMO_SOLVERS[solver].free_columns if solver in PYOMO_SOLVERS else None
    if free is None or _solves(solver, free + 1):
        return SolverState(solver, usable=True, version=found)
    reason = f"licence limited to {free} columns or rows"
    return SolverState(solver, usable=True, version=found, most_columns=free, reason=reason)


def _solves(solver: str, columns: int) -> bool:
    try:
        _solve_columns(solver, columns)
    except SolverSizeError:
        return False
    return True


def _solve_columns(solver: str, columns: int) -> None:
    result = solve_compiled(compile_model(_model(columns)), solver, SolverOptions(gap=0))
    if not np.isclose(result.value, 3.0):
        msg = f"{solver}: wrong answer {result.value} to max 2a + b with a + b <= 2, a, b <= 1"
        raise SolverError(msg)


def _model(columns: int) -> Any:
    import pyomo.environ as pyo

    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(columns), bounds=(0, 1))
    m.x[0].domain = pyo.Binary
    m.limit = pyo.Constraint(expr=sum(m.x.values()) <= 2)
    m.value = pyo.Objective(expr=2 * m.x[0] + m.x[1], sense=pyo.maximize)
    return m
