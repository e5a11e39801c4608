"""Intraday re-plan by array update: one model kept in the solver and changed in place.

Once the auction is over, the plan is made again on every new forecast, outage, trade or telemetry.
Plant, scenarios and MTUs stay, so the model keeps its pattern: the twin gives the new figures, what
differs is changed in HiGHS in bulk, and the solve starts from the basis of the problem it was
prepared with (`benchmarks/replan.py`). An update and a model built afresh have the same arrays, and
a plan depends on the figures and that first problem only, not on the plans made in between.

Belongs here: the model kept between re-plans. Not here: when to re-plan, what is already traded
(the problem's `earlier_position`), the equations (`twin`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.handoff import Highs, SolverInfeasibleError, SolverResult
from energy_assets.bidding.model_data import ModelData, model_data
from energy_assets.bidding.operation import read_operation, summarise
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.bidding.stochastic import (
    Commitment,
    Seconds,
    Solved,
    fix_commitment,
    fix_directions,
    relative_gap,
)
from energy_assets.bidding.twin.build import build_twin
from energy_assets.errors import InputError

DecidedHours = Mapping[str, npt.ArrayLike]
"""Per thermal unit, hours on (H,): 1 or 0, NaN where still open. Other units are open."""


class PreparedReplan:
    """The re-plan of one plant over one horizon, ready for new figures.

    Prices, availability, earlier position, start states, power limits, costs and the ladder's
    depth may change from plan to plan; units, products, scenario and MTU counts may not.

    Attributes:
        seconds: CPU seconds of the last preparation or update and the solve after it.
    """

    def __init__(self, problem: BiddingProblem, decided: DecidedHours | None = None) -> None:
        """Build the model, hand it over and find a basis without integers.

        Args:
            problem: A problem without an auction.
            decided: Commitment that stands.

        Raises:
            InputError: The problem has an auction, or `decided` does not fit it.
            InfeasibleError: Names the unit and the limit.
            SolverError: If the solver stopped without a solution.
        """
        self.seconds = Seconds()
        commitment = self._take(problem, decided)
        with self.seconds.step("arrays"):
            compiled = build_twin(self._data, keep_pattern=True)
        with self.seconds.step("hand_over"):
            self._solver = Highs(compiled, problem.solver)
            fix_commitment(self._solver, self._data, commitment)
        with self.seconds.step("basis"):
            self._solver.relax()
            self._solve()
            self._basis = self._solver.basis()
            self._solver.update(compiled)
            fix_commitment(self._solver, self._data, commitment)

    def update(self, problem: BiddingProblem, decided: DecidedHours | None = None) -> None:
        """Take the figures of a new problem and the commitment that stands now.

        Raises:
            InputError: It is not the same plant, scenario count or horizon.
            InfeasibleError: Names the unit and the limit.
        """
        self.seconds = Seconds()
        commitment = self._take(problem, decided)
        with self.seconds.step("arrays"):
            compiled = build_twin(self._data, keep_pattern=True)
        with self.seconds.step("hand_over"):
            try:
                self._solver.update(compiled)
            except ValueError as error:
                expected = "the plant, products, scenario and MTU counts it was prepared for"
                raise InputError("re-plan", expected=expected, found="another model") from error
            fix_commitment(self._solver, self._data, commitment)

    def solve(self) -> BiddingSolution:
        """The plan for the figures at hand; `seconds` of the solution include its update.

        Raises:
            InfeasibleError: Names the unit and the limit.
            SolverError: If the solver stopped without a solution.
        """
        data, solver, problem = self._data, self._solver, self._problem
        with self.seconds.step("solve"):
            solver.start_from(self._basis)
            result = self._solve()
        operation = read_operation(solver.compiled, result, data)
        solved = Solved(solver.compiled, result, operation, result.bound)
        solved = fix_directions(data, solved, solver, self.seconds, "one_way") or solved
        assert data.position is not None
        value = solved.result.value
        return summarise(
            problem,
            data,
            solved.operation,
            data.position,
            rung=Rung.STOCHASTIC,
            curves=(),
            objective=value,
            bound=solved.bound,
            gap=relative_gap(value, solved.bound),
            bound_scope="all scenarios",
            status=solved.result.status,
            seconds=self.seconds.by_step,
        )

    def _solve(self) -> SolverResult:
        try:
            return self._solver.solve()
        except SolverInfeasibleError as error:
            raise feasibility.explain(self._data, self._problem.solver) from error

    def _take(self, problem: BiddingProblem, decided: DecidedHours | None) -> Commitment:
        if problem.auction:
            raise InputError("re-plan", expected="a problem without an auction", found="one")
        with self.seconds.step("data"):
            data = model_data(problem)
            feasibility.check(problem, data)
        commitment = _commitment(data, decided or {})
        self._problem, self._data = problem, data
        return commitment


def _commitment(data: ModelData, decided: DecidedHours) -> Commitment:
    cases = {thermal.unit.name: thermal.case_count for thermal in data.thermals}
    commitment: dict[str, FloatArray] = {}
    for name, hours in decided.items():
        if name not in cases:
            expected = f"one of {', '.join(cases) or 'no units'}"
            raise InputError("decided", expected=expected, found=name)
        path = np.asarray(hours, dtype=np.float64)
        if path.shape != (data.hour_count,):
            where, expected = f"decided[{name}]", f"{data.hour_count} hours"
            raise InputError(where, expected=expected, found=str(path.shape))
        commitment[name] = np.broadcast_to(path, (cases[name], data.hour_count))
    return commitment
