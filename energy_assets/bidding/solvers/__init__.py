"""Solvers by name: HiGHS is the desk's own; the others check it, or replace it where licensed.

- `options`: one table from our option names to each solver's;
- `pyomo_solvers`: Gurobi, CPLEX and SCIP through Pyomo;
- `exchange`: OR-Tools through an MPS file in a process of its own (`ortools_process`);
- `availability`: which of them work on this machine, and why not;
- `whole`: a problem as one mixed-integer program, without reduction, by any of them.

Belongs here: handing a compiled model to a solver other than by `handoff.Highs`. Not here: the
model (`model`), the desk's daily recipe (`stochastic`).
"""

from energy_assets.bidding.solvers.availability import (
    SolverState,
    available_solvers,
    solver_state,
)
from energy_assets.bidding.solvers.named import SOLVERS, solve_compiled
from energy_assets.bidding.solvers.options import SolverSizeError
from energy_assets.bidding.solvers.whole import solve_whole, whole_optimum

__all__ = [
    "SOLVERS",
    "SolverSizeError",
    "SolverState",
    "available_solvers",
    "solve_compiled",
    "solve_whole",
    "solver_state",
    "whole_optimum",
]
