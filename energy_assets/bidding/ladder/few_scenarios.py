"""The two rungs that decide on a few scenarios and are valued on all of them.

- `reduced_scenarios`: the whole problem on scenarios chosen by forward selection;
- `lp_with_repair`: its relaxation without integers, the commitment nearest to it that the units can
  keep (`commitment_path`), and the linear program at that commitment.

What they decide (curves, block and reserve volumes, commitment, intraday trades by node) is taken
to every scenario by the kept one that stands for it; then the market makes its awards and each
scenario is dispatched on its own. Objective, bound and gap are those of the few scenarios.

Not here: the full problem (`stochastic`), out-of-sample value (`replay`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.curves import awarded, curve_orders
from energy_assets.bidding.fixed_commitment import FixedCommitment
from energy_assets.bidding.handoff import Highs, SolverInfeasibleError
from energy_assets.bidding.ladder.commitment_path import best_commitment
from energy_assets.bidding.ladder.failure import RungFailedError
from energy_assets.bidding.model_data import ModelData, ThermalData, model_data
from energy_assets.bidding.operation import UnitPaths, summarise
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.problem import BiddingProblem, SolverOptions
from energy_assets.bidding.recourse import Given, dispatch_scenarios
from energy_assets.bidding.solution import BiddingSolution, IntradayPlan, Rung
from energy_assets.bidding.stochastic import (
    Seconds,
    Solved,
    reduce_data,
    relative_gap,
    solve_data,
)
from energy_assets.market.orders import CurveOrder

# Shares of an hour from which a unit is on: the nearest, and one that keeps units a reserve or a
# minimum power needs in part. The better one counts.
ROUNDINGS = (0.5, 0.02)


@dataclass(frozen=True)
class _Few:
    """A problem on a few of its scenarios.

    Attributes:
        problem: The problem.
        data: Its arrays, all scenarios.
        kept: Arrays of the few.
        nearest: Position among the few of the one that stands for each scenario (S,).
    """

    problem: BiddingProblem
    data: ModelData
    kept: ModelData
    nearest: IntArray


def reduced_scenarios(problem: BiddingProblem) -> BiddingSolution:
    """The whole problem on `solver.reduced_scenarios` scenarios.

    Raises:
        RungFailedError: The problem has no more scenarios than that.
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    keep = problem.solver.reduced_scenarios
    if problem.scenario_count <= keep:
        msg = f"{problem.scenario_count} scenarios are all of the {keep} it would keep"
        raise RungFailedError(msg)
    seconds = Seconds()
    few = _few(problem, seconds)
    solved, _, _ = solve_data(few.kept, problem.solver, seconds)
    return _on_all(few, solved, solved.bound, Rung.REDUCED_SCENARIOS, solved.result.status, seconds)


def lp_with_repair(problem: BiddingProblem) -> BiddingSolution:
    """The relaxed problem's commitment made feasible, and the best curves for it.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    seconds = Seconds()
    few = _few(problem, seconds)
    with seconds.step("relaxation"):
        share, bound = _relaxed_commitment(few.kept, problem.solver)
    with seconds.step("repair"):
        solved = _best_repaired(share, few.kept, problem.solver)
    return _on_all(few, solved, bound, Rung.LP_WITH_REPAIR, "repaired relaxation", seconds)


def _few(problem: BiddingProblem, seconds: Seconds) -> _Few:
    with seconds.step("reduction"):
        data = model_data(problem)
        feasibility.check(problem, data)
        keep = problem.solver.reduced_scenarios
        if data.scenario_count <= keep:
            return _Few(problem, data, data, np.arange(data.scenario_count, dtype=np.int64))
        return _Few(problem, data, *reduce_data(data, keep))


def _relaxed_commitment(data: ModelData, options: SolverOptions) -> tuple[UnitPaths, float]:
    """Share of each hour on (C, H) per thermal unit without integers, and the bound."""
    compiled = compiled_model(data, options.build)
    solver = Highs(compiled, options)
    solver.relax()
    try:
        result = solver.solve()
    except SolverInfeasibleError as error:
        raise feasibility.explain(data, options) from error
    share = {
        thermal.unit.name: result.read(compiled, f"unit[{thermal.unit.name}].on").reshape(
            thermal.case_count, data.hour_count
        )
        for thermal in data.thermals
    }
    return share, result.value


def _best_repaired(share: UnitPaths, data: ModelData, options: SolverOptions) -> Solved:
    """The linear program at the better one of the repaired commitments."""
    program = FixedCommitment(options)
    tried = [
        program.solve(
            data, {t.unit.name: _repaired(t, share, data, rounding) for t in data.thermals}
        )
        for rounding in (ROUNDINGS if data.thermals else ROUNDINGS[:1])
    ]
    return max(tried, key=lambda solved: solved.result.value)


def _repaired(
    thermal: ThermalData, share: UnitPaths, data: ModelData, rounding: float
) -> FloatArray:
    """Hours on (C, H) that the unit can keep, nearest to its share of each hour rounded there."""
    worth = share[thermal.unit.name] - rounding
    return np.stack([best_commitment(thermal, row, data.hours) for row in worth])


def _on_all(
    few: _Few, solved: Solved, bound: float, rung: Rung, status: str, seconds: Seconds
) -> BiddingSolution:
    """The decisions of a solve on a few scenarios, valued on all."""
    problem, decided = few.problem, solved.operation
    with seconds.step("valuation"):
        curves, position = _offered(few, solved)
        data = _awarded(few, position)
        by_node = _trades_by_node(few, solved, position)
        node_of = (
            np.zeros(0, dtype=np.int64) if few.data.intraday is None else few.data.intraday.node_of
        )
        given = Given(
            data=data,
            on={
                kept.unit.name: decided.on[kept.unit.name][kept.case_of][few.nearest]
                for kept in few.kept.thermals
            },
            awards={r.name: r.award(decided.offered.get(r.name, r.prices)) for r in data.reserves},
            traded=None if by_node is None else by_node[node_of],
        )
        operation = replace(
            dispatch_scenarios(given, problem.solver),
            offered=decided.offered,
            block_volume=decided.block_volume,
        )
    solution = summarise(
        problem,
        data,
        operation,
        position,
        rung=rung,
        curves=curves,
        objective=solved.result.value,
        bound=bound,
        gap=relative_gap(solved.result.value, bound),
        bound_scope="reduced scenarios",
        status=status,
        seconds=seconds.by_step,
    )
    return replace(solution, intraday=_plans(few, by_node))


def _offered(few: _Few, solved: Solved) -> tuple[tuple[CurveOrder, ...], FloatArray]:
    """The curves, and the position (S, T) MW they and the blocks are awarded in all scenarios."""
    problem, data = few.problem, few.data
    if few.kept.grid is None:
        return (), np.zeros(data.price.shape)
    volumes = solved.result.read(solved.compiled, "volume")
    curves = curve_orders(problem, few.kept.grid, few.kept.grid.settle(volumes))
    position = np.array([awarded(curves, path, problem.rules) for path in data.price])
    blocks = solved.operation.block_volume
    if data.blocks is not None and blocks is not None:
        position = position + data.blocks.position(blocks)
    return curves, position


def _awarded(few: _Few, position: FloatArray) -> ModelData:
    """All scenarios with the auction's position, each decided on its own from here on."""
    every = np.arange(few.data.scenario_count, dtype=np.int64)
    ladder = few.data.intraday
    return replace(
        few.data,
        grid=None,
        blocks=None,
        position=position,
        thermals=tuple(replace(thermal, case_of=every) for thermal in few.data.thermals),
        intraday=None if ladder is None else replace(ladder, node_of=every),
    )


def _trades_by_node(few: _Few, solved: Solved, position: FloatArray) -> FloatArray | None:
    """Net intraday sale (N, T) MW: that of the kept scenario nearest to the node's first one."""
    ladder, kept, decided = few.data.intraday, few.kept.intraday, solved.operation
    if ladder is None or kept is None or decided.sell is None or decided.buy is None:
        return None
    by_kept = (decided.sell - decided.buy).sum(axis=-1)[kept.node_of]
    _, first = np.unique(ladder.node_of, return_index=True)
    trades = by_kept[few.nearest[first]]
    held = few.data.earlier + position
    least, most = few.data.position_limits
    for node, wanted in enumerate(trades):
        mine = held[ladder.node_of == node]
        # A trade may always bring the position nearer to its limits.
        room_up = np.maximum(most - mine, 0.0).min(axis=0)
        room_down = np.minimum(least - mine, 0.0).max(axis=0)
        trades[node] = np.clip(wanted, room_down, room_up)
    traded: FloatArray = trades
    return traded


def _plans(few: _Few, by_node: FloatArray | None) -> tuple[IntradayPlan, ...]:
    if by_node is None or few.data.intraday is None:
        return ()
    shares = np.bincount(few.data.intraday.node_of, weights=few.data.probability).tolist()
    return tuple(
        IntradayPlan(node, share, path)
        for node, (share, path) in enumerate(zip(shares, by_node, strict=True))
    )
