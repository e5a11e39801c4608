"""The problem at a fixed commitment: one linear program in memory, solved again after changes.

Without integers the program has duals, and the same plant under other figures has the same matrix
pattern, so that a change of price, output or cost is a warm re-solve.

Belongs here: fixing the commitment and re-solving. Not here: what is asked of it
(`sensitivities`, `marginal_values`, `recourse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from energy_assets.bidding import feasibility
from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.handoff import Highs, SolverInfeasibleError, SparseModel
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.operation import read_operation
from energy_assets.bidding.problem import SolverOptions
from energy_assets.bidding.stochastic import Seconds, Solved, fix_directions
from energy_assets.bidding.twin.build import build_twin


def with_commitment(
    model: SparseModel, data: ModelData, commitment: Mapping[str, FloatArray]
) -> SparseModel:
    """The model with hours on (C, H) in the bounds of every thermal unit, so without integers."""
    lower, upper = model.lower.copy(), model.upper.copy()
    for thermal in data.thermals:
        unit = thermal.unit.name
        switch = np.diff(commitment[unit], prepend=float(thermal.on), axis=1)
        for family, values in (
            ("on", commitment[unit]),
            ("start", np.maximum(switch, 0.0)),
            ("stop", np.maximum(-switch, 0.0)),
        ):
            columns = model.positions(f"unit[{unit}].{family}")
            lower[columns] = upper[columns] = values.ravel()
    return replace(model, lower=lower, upper=upper, integer=np.zeros_like(model.integer))


class FixedCommitment:
    """Solves problems of one plant at given commitments, each from the basis of the one before."""

    def __init__(self, options: SolverOptions) -> None:
        self._options = options
        self._solver: Highs | None = None

    @property
    def solver(self) -> Highs:
        """The solver after the last solve."""
        assert self._solver is not None
        return self._solver

    def solve(self, data: ModelData, commitment: Mapping[str, FloatArray]) -> Solved:
        """The optimum at a commitment; every battery moves one way at a time.

        Args:
            data: Arrays of the problem.
            commitment: Hours on (C, H) of every thermal unit.

        Raises:
            InfeasibleError: Names the unit and the limit.
            SolverError: If the solver stopped without a solution.
        """
        model = with_commitment(build_twin(data, keep_pattern=True), data, commitment)
        solver = self._holding(model)
        try:
            result = solver.solve()
        except SolverInfeasibleError as error:
            raise feasibility.explain(data, self._options) from error
        solved = Solved(model, result, read_operation(model, result, data), result.bound)
        return fix_directions(data, solved, solver, Seconds(), "fixed") or solved

    def _holding(self, model: SparseModel) -> Highs:
        if self._solver is not None:
            try:
                self._solver.update(model)
            except ValueError:
                # Another pattern: another plant, or rows that come and go. Start cold.
                self._solver = None
        if self._solver is None:
            self._solver = Highs(model, self._options)
        return self._solver
