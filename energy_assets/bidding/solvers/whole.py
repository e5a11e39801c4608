"""A problem as one mixed-integer program on all scenarios, by any solver.

No reduction and no fixed commitment: what the recipe of `stochastic` is measured against. Mode
binaries of batteries are added where a solution charges and discharges at once, until none does;
every round is a relaxation of the full program, so the last one's optimum is the full one's.
"""

from __future__ import annotations

from energy_assets.bidding import feasibility
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.curves import curve_orders
from energy_assets.bidding.handoff import SolverInfeasibleError
from energy_assets.bidding.model.build import ModeCells
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import read_operation, summarise
from energy_assets.bidding.problem import BiddingProblem, Build, SolverOptions
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.bidding.solvers.named import solve_compiled
from energy_assets.bidding.stochastic import Seconds, Solved, auction_position
from energy_assets.market.orders import CurveOrder


def solve_whole(problem: BiddingProblem, solver: str) -> BiddingSolution:
    """Curves, plan, value and risk of a problem by a solver of the caller's choice.

    Raises:
        InputError: If there is no such solver.
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution or its licence is too small.
    """
    seconds = Seconds()
    with seconds.step("data"):
        data = model_data(problem)
        feasibility.check(problem, data)
    with seconds.step("solve"):
        solved = whole_optimum(data, solver, problem.solver)
    curves: tuple[CurveOrder, ...] = ()
    if data.grid is not None:
        volumes = solved.result.read(solved.compiled, "volume")
        curves = curve_orders(problem, data.grid, data.grid.settle(volumes))
    return summarise(
        problem,
        data,
        solved.operation,
        auction_position(solved, data),
        rung=Rung.STOCHASTIC,
        curves=curves,
        objective=solved.result.value,
        bound=solved.bound,
        gap=solved.gap,
        bound_scope="all scenarios",
        status=f"{solver}: {solved.result.status}",
        seconds=seconds.by_step,
    )


def whole_optimum(
    data: ModelData, solver: str, options: SolverOptions, build: Build = "plain"
) -> Solved:
    """The solved program and its bound.

    Args:
        data: Arrays of the problem.
        solver: One of `SOLVERS`.
        options: When to stop; every round has the whole of the limits.
        build: How the model is made; Gurobi and CPLEX need plain rules, SCIP any of Pyomo's.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution or its licence is too small.
    """
    cells: ModeCells = {battery.unit.name: [] for battery in data.batteries}
    bound = float("inf")
    while True:
        compiled = compiled_model(data, build, cells)
        try:
            result = solve_compiled(compiled, solver, options)
        except SolverInfeasibleError as error:
            raise feasibility.explain(data, options) from error
        bound = min(bound, result.bound)
        operation = read_operation(compiled, result, data)
        added = {name: set(both) - set(cells[name]) for name, both in operation.both_ways().items()}
        if not any(added.values()):
            return Solved(compiled, result, operation, bound)
        cells = {name: sorted({*cells[name], *added[name]}) for name in cells}
