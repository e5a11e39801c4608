"""What it is worth to decide under scenarios, and what knowing the future would be worth.

    EV   the problem with every uncertain figure at its mean
    EEV  EV's first stage, all later decisions free, over the scenarios
    RP   the stochastic problem
    WS   every scenario on its own, all decisions free
    VSS = RP - EEV,  EVPI = WS - RP            (Birge and Louveaux 2011, chapter 4)

First stage are the curves, blocks, reserve offers and commitment with notice; later are intraday
trades by node, late commitment and dispatch. The figures compared are the model's objective: with
aversion and the price of soft limits, so WS >= RP >= EEV up to the solver's gap. Under a risk
weight it is the weighted mean and conditional value at risk, and the order still holds: a scenario
alone earns at least what it earns in RP, and that objective falls for no scenario that rises. EV
has one scenario, so its risk is not seen.

A reserve volume of EV, offered at the mean capacity price, goes to the highest offer price of RP
not above it. Reserve and block volumes of EV are upper limits in EEV, so that an award which no
plant of a scenario could cover counts against the mean decision as what has to be left out, not as
an infeasible problem. Where the mean decision cannot be carried out even so, EEV is minus infinity.

Not here: value on fresh scenarios (`replay`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.handoff import Highs, SolverInfeasibleError
from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import Operation, read_operation
from energy_assets.bidding.problem import BiddingProblem, SolverOptions
from energy_assets.bidding.stochastic import (
    Seconds,
    Solved,
    auction_position,
    fix_commitment,
    fix_directions,
    solve_data,
    solve_model,
)


@dataclass(frozen=True)
class Outlook:
    """A distribution of the model's profit (S,), its mean, tail and the objective made of both."""

    profit: FloatArray
    mean: float
    conditional_value_at_risk: float
    objective: float


@dataclass(frozen=True)
class StochasticValue:
    """The classical figures, in the model's objective, currency.

    Attributes:
        expected_value_problem: EV.
        mean_decision: EEV.
        stochastic: RP.
        wait_and_see: WS.
        gap: Relative gap RP was solved to: differences below it say nothing.
    """

    expected_value_problem: float
    mean_decision: Outlook
    stochastic: Outlook
    wait_and_see: Outlook
    gap: float

    @property
    def value_of_stochastic_solution(self) -> float:
        """VSS."""
        return self.stochastic.objective - self.mean_decision.objective

    @property
    def value_of_perfect_information(self) -> float:
        """EVPI."""
        return self.wait_and_see.objective - self.stochastic.objective


def stochastic_value(problem: BiddingProblem) -> StochasticValue:
    """VSS and EVPI of a problem with what they are made of.

    Raises:
        InfeasibleError: Names the unit and the limit.
        SolverError: If the solver stopped without a solution.
    """
    data = model_data(problem)
    feasibility.check(problem, data)
    options = problem.solver
    mean = model_data(expected_value_problem(problem))
    expected = solve_model(mean, options, Seconds(), "expected")
    recourse, commitment_gap, _ = solve_data(data, options, Seconds())
    try:
        decided = _outlook(data, _profit(_with_first_stage(data, options, expected, mean)))
    except SolverInfeasibleError:
        decided = Outlook(np.full(data.scenario_count, -np.inf), -np.inf, -np.inf, -np.inf)
    alone = np.array([_alone(data, options, s) for s in range(data.scenario_count)])
    return StochasticValue(
        expected_value_problem=expected.result.value,
        mean_decision=decided,
        stochastic=_outlook(data, _profit(recourse)),
        wait_and_see=_outlook(data, alone),
        gap=recourse.gap if commitment_gap is None else commitment_gap,
    )


def expected_value_problem(problem: BiddingProblem) -> BiddingProblem:
    """The problem with one scenario: the mean of every uncertain figure."""

    def mean(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else (problem.weights @ values)[None, :]

    changes: dict[str, Any] = {
        "prices": mean(problem.prices),
        "probabilities": None,
        "long_prices": mean(problem.long_prices),
        "short_prices": mean(problem.short_prices),
        "availability": {name: mean(paths) for name, paths in problem.availability.items()},
        "reserves": tuple(
            market.model_copy(
                update={
                    "capacity_prices": mean(market.capacity_prices),
                    "activation": mean(market.activation),
                    "energy_prices": mean(market.energy_prices),
                }
            )
            for market in problem.reserves
        ),
    }
    if problem.intraday is not None:
        ladder = {"prices": mean(problem.intraday.prices), "node_of": None}
        changes["intraday"] = problem.intraday.model_copy(update=ladder)
    return problem.model_copy(update=changes)


def _alone(data: ModelData, options: SolverOptions, scenario: int) -> float:
    """Best model profit of one scenario that is known."""
    one = data.subset(np.array([scenario], dtype=np.int64), np.ones(1))
    return solve_model(one, options, Seconds(), "alone").result.value


def _profit(solved: Solved) -> FloatArray:
    return solved.result.read(solved.compiled, "profit")


def _outlook(data: ModelData, profit: FloatArray) -> Outlook:
    mean = float(data.probability @ profit)
    tail = conditional_value_at_risk(profit, data.probability, data.cvar_level)
    objective = (1.0 - data.risk_weight) * mean + data.risk_weight * tail
    return Outlook(profit[np.argsort(data.order)], mean, tail, objective)


def _with_first_stage(
    data: ModelData, options: SolverOptions, expected: Solved, mean: ModelData
) -> Solved:
    """The stochastic problem with the first stage of the expected-value problem."""
    model = compiled_model(data, options.build)
    solver = Highs(model, options)
    if data.grid is not None:
        columns = model.positions("volume")
        volumes = np.repeat(_flat_curve(expected, mean), np.diff(data.grid.offsets))
        solver.fix(columns[columns >= 0], volumes[columns >= 0])
    for family, most in _most_offered(data, expected.operation, mean):
        columns = model.positions(family)
        most = most.ravel()[columns >= 0]
        solver.change_bounds(columns[columns >= 0], np.zeros(len(most)), most)
    early = {t.unit.name for t in data.thermals if t.case_count == 1}
    on = expected.operation.on
    fix_commitment(solver, data, {name: hours for name, hours in on.items() if name in early})
    result = solver.solve()
    solved = Solved(model, result, read_operation(model, result, data), result.bound)
    return fix_directions(data, solved, solver, Seconds(), "decided") or solved


def _flat_curve(expected: Solved, mean: ModelData) -> FloatArray:
    """EV's curve (T,) MW: its one scenario sees one volume per MTU."""
    position: FloatArray = auction_position(expected, mean)[0]
    if mean.blocks is None or expected.operation.block_volume is None:
        return position
    blocks: FloatArray = mean.blocks.position(expected.operation.block_volume)[0]
    return position - blocks


def _most_offered(
    data: ModelData, operation: Operation, mean: ModelData
) -> list[tuple[str, FloatArray]]:
    """Families of offered volumes with what EV offers."""
    most = []
    if mean.blocks is not None and operation.block_volume is not None:
        # A block that the mean price rejects has any volume there.
        most.append(("block_volume", operation.block_volume * mean.blocks.accepted[0]))
    for reserve, one in zip(data.reserves, mean.reserves, strict=True):
        if reserve.awarded is None:
            offers = _offers(reserve, one, operation)
            most.append((f"product[{reserve.name}].volume", offers))
    return most


def _offers(reserve: ReserveData, one: ReserveData, operation: Operation) -> FloatArray:
    """EV's volume of each block at the highest offer price (B, K) not above its mean price."""
    volumes = np.zeros(reserve.prices.shape)
    wanted = operation.offered[reserve.name].sum(axis=1)
    for block, price in enumerate(one.prices[:, 0].tolist()):
        below = int(np.searchsorted(reserve.prices[block], price + 1e-9, side="right")) - 1
        volumes[block, max(0, below)] = wanted[block]
    return volumes
