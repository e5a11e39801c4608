"""The full stochastic rung: curves, commitment and recourse under all scenarios.

Recipe (measured in `benchmarks/model_build.py`):
1. the commitment is decided by a mixed-integer solve on a few scenarios chosen by forward
   selection, with the very curves all scenarios will use;
2. with the commitment fixed, a linear program on all scenarios sets the curves;
3. where a battery charges and discharges at once (that pays only where the price is negative, or
   where the curve binds scenarios together), its direction is fixed to its net and the program
   solved again; where that costs more than the gap, those cells get mode binaries, round by round.
A problem without thermal units starts at step 2, and its bound is that of the full problem.

Not here: equations (`model`), other rungs (`rungs`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.curves import curve_orders
from energy_assets.bidding.handoff import (
    Highs,
    SolverInfeasibleError,
    SolverResult,
    SparseModel,
)
from energy_assets.bidding.model.build import ModeCells
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation, read_operation, summarise
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.problem import BiddingProblem, SolverOptions
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.market.orders import CurveOrder

MODE_ROUNDS = 4

Commitment = dict[str, FloatArray]


@dataclass
class Seconds:
    """CPU seconds by step."""

    by_step: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of the block to a step."""
        before = time.process_time()
        try:
            yield
        finally:
            spent = time.process_time() - before
            self.by_step[name] = self.by_step.get(name, 0.0) + spent


@dataclass(frozen=True)
class Solved:
    """A solved model with its operation, and the bound it was proven against."""

    compiled: SparseModel
    result: SolverResult
    operation: Operation
    bound: float

    @property
    def gap(self) -> float:
        """Relative distance to the bound."""
        return relative_gap(self.result.value, self.bound)


def relative_gap(value: float, bound: float) -> float:
    """Distance of a value to its bound relative to the value (absolute below 1)."""
    return max(0.0, bound - value) / max(1.0, abs(value))


def solve(problem: BiddingProblem) -> BiddingSolution:
    """Bid curves, expected dispatch, value and risk of a problem.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    seconds = Seconds()
    with seconds.step("data"):
        data = model_data(problem)
        feasibility.check(problem, data)
    solved, commitment_gap, scope = solve_data(data, problem.solver, seconds)
    with seconds.step("curves"):
        curves: tuple[CurveOrder, ...] = ()
        if data.grid is not None:
            volumes = solved.result.read(solved.compiled, "volume")
            curves = curve_orders(problem, data.grid, data.grid.settle(volumes))
    position = auction_position(solved, data)
    gap = solved.gap if commitment_gap is None else commitment_gap
    value = solved.result.value
    return summarise(
        problem,
        data,
        solved.operation,
        position,
        rung=Rung.STOCHASTIC,
        curves=curves,
        objective=value,
        bound=solved.bound if commitment_gap is None else value + gap * max(1.0, abs(value)),
        gap=gap,
        bound_scope=scope,
        status=solved.result.status,
        seconds=seconds.by_step,
    )


def auction_position(solved: Solved, data: ModelData) -> FloatArray:
    """The auction's position (S, T) MW of a solved model."""
    if data.grid is None:
        assert data.position is not None
        return data.position
    position = data.grid.volumes(solved.result.read(solved.compiled, "volume"))
    if data.blocks is not None and solved.operation.block_volume is not None:
        position = position + data.blocks.position(solved.operation.block_volume)
    return position


def solve_data(
    data: ModelData, options: SolverOptions, seconds: Seconds
) -> tuple[Solved, float | None, str]:
    """The recipe on arrays: the solved model, the commitment's gap and the scope of its proof."""
    if data.thermals and data.scenario_count > options.reduced_scenarios:
        with seconds.step("reduction"):
            reduced, nearest = reduce_data(data, options.reduced_scenarios)
        first = solve_model(reduced, options, seconds, "commitment")
        commitment = _commitment(first, reduced, data, nearest)
        solved = solve_model(data, options, seconds, "recourse", commitment)
        return solved, first.gap, "reduced scenarios"
    return solve_model(data, options, seconds, "solve"), None, "all scenarios"


def reduce_data(data: ModelData, keep: int) -> tuple[ModelData, IntArray]:
    """The problem on a few scenarios chosen by forward selection.

    Returns:
        The reduced problem, and for each scenario the kept one that stands for it (S,).
    """
    from energy_assets.forecasting.scenarios import reduce_scenarios

    parts = [data.price, data.forced, *(r.available for r in data.renewables)]
    if data.intraday is not None:
        parts.append(data.intraday.price)
    paths = np.hstack(parts)
    kept = np.asarray(reduce_scenarios(paths, keep)[0], dtype=np.int64)
    spread = paths.std(axis=0)
    scaled = paths / np.where(spread > 0, spread, 1.0)
    # The probabilities it returns assume equally likely paths; the problem's may not be.
    distances = [np.square(scaled[kept] - path).sum(axis=1) for path in scaled]
    nearest = np.array([int(each.argmin()) for each in distances], dtype=np.int64)
    probability = np.zeros(keep)
    np.add.at(probability, nearest, data.probability)
    return data.subset(kept, probability), nearest


def _commitment(
    solved: Solved, reduced: ModelData, data: ModelData, nearest: IntArray
) -> Commitment:
    """Hours on by case of the whole problem (C, H): each scenario runs as the one kept for it."""
    found = {}
    for few, thermal in zip(reduced.thermals, data.thermals, strict=True):
        by_scenario = solved.operation.on[few.unit.name][few.case_of][nearest]
        _, first = np.unique(thermal.case_of, return_index=True)
        found[thermal.unit.name] = by_scenario[first]
    return found


def solve_model(
    data: ModelData,
    options: SolverOptions,
    seconds: Seconds,
    step: str,
    commitment: Commitment | None = None,
) -> Solved:
    """Build and solve; then make every battery move one way at a time."""
    solved, solver = _solve_once(data, options, seconds, step, {}, commitment)
    bound = solved.bound
    one_way = fix_directions(data, solved, solver, seconds, step)
    if one_way is None:
        return solved
    if relative_gap(one_way.result.value, bound) <= max(options.gap, 1e-9):
        return one_way
    return _with_modes(data, options, seconds, step, commitment, solved, one_way)


def _with_modes(
    data: ModelData,
    options: SolverOptions,
    seconds: Seconds,
    step: str,
    commitment: Commitment | None,
    relaxed: Solved,
    one_way: Solved,
) -> Solved:
    """Mode binaries where the relaxed battery moved both ways, until the answer is proven.

    Every round's bound holds for the full problem, so the rounds may stop at any time.
    """
    cells, bound = relaxed.operation.both_ways(), relaxed.bound
    for _ in range(MODE_ROUNDS):
        solved, _ = _solve_once(data, options, seconds, step, cells, commitment)
        bound = min(bound, solved.bound)
        missing = solved.operation.both_ways()
        if not any(missing.values()) and solved.result.value > one_way.result.value:
            one_way = solved
        if not any(missing.values()):
            break
        if relative_gap(one_way.result.value, bound) <= options.gap:
            break
        cells = {name: sorted({*cells[name], *missing[name]}) for name in cells}
    return replace(one_way, bound=bound)


def _solve_once(
    data: ModelData,
    options: SolverOptions,
    seconds: Seconds,
    step: str,
    cells: ModeCells,
    commitment: Commitment | None,
) -> tuple[Solved, Highs]:
    with seconds.step(f"{step}_build"):
        compiled = compiled_model(data, options.build, cells)
    with seconds.step(f"{step}_hand_off"):
        solver = Highs(compiled, options)
        if commitment is not None:
            fix_commitment(solver, data, commitment)
    with seconds.step(f"{step}_solve"):
        try:
            result = solver.solve()
        except SolverInfeasibleError as error:
            raise feasibility.explain(data, options) from error
    operation = read_operation(compiled, result, data)
    return Solved(compiled, result, operation, result.bound), solver


def fix_commitment(solver: Highs, data: ModelData, commitment: Commitment) -> None:
    """Fix hours on (C, H) of some thermal units, and the starts and stops that follow from them.

    NaN leaves an hour open.
    """
    for thermal in data.thermals:
        unit = thermal.unit.name
        if unit not in commitment:
            continue
        on = commitment[unit]
        switch = np.diff(on, prepend=float(thermal.on), axis=1)
        for family, values in (
            ("on", on),
            ("start", np.maximum(switch, 0.0)),
            ("stop", np.maximum(-switch, 0.0)),
        ):
            decided = np.flatnonzero(~np.isnan(values))
            positions = solver.compiled.positions(f"unit[{unit}].{family}")[decided]
            solver.fix(positions, values.ravel()[decided])


def fix_directions(
    data: ModelData, solved: Solved, solver: Highs, seconds: Seconds, step: str
) -> Solved | None:
    """Fix the direction of cells that move both ways and solve again; None if there are none."""
    current = solved
    for _ in range(5):
        cells = current.operation.both_ways()
        if not any(cells.values()):
            break
        with seconds.step(f"{step}_solve"):
            for name, both in cells.items():
                _fix_cells(solver, current, name, both)
            result = solver.solve()
        operation = read_operation(current.compiled, result, data)
        current = Solved(current.compiled, result, operation, solved.bound)
    return None if current is solved else current


def _fix_cells(solver: Highs, solved: Solved, name: str, cells: list[tuple[int, int]]) -> None:
    if not cells:
        return
    operation = solved.operation
    rows, columns = np.array(cells).T
    shape = operation.charge[name].shape
    charging = (operation.charge[name] > operation.discharge[name])[rows, columns]
    for family, idle in (("charge", ~charging), ("discharge", charging)):
        positions = solved.compiled.positions(f"unit[{name}].{family}").reshape(shape)
        chosen = positions[rows[idle], columns[idle]]
        solver.fix(chosen, np.zeros(len(chosen)))
