"""From a Pyomo model to HiGHS in one call, and back into arrays.

The model is compiled to a sparse matrix and passed in bulk: the row-by-row interfaces of Pyomo take
seven times as long at 200 scenarios (`benchmarks/model_build.py`). Nothing is copied back into
Pyomo variables; values are read by column position.

Not here: what to solve (`stochastic`, `dispatch`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.problem import SolverOptions
from energy_assets.errors import EnergyAssetsError


class SolverError(EnergyAssetsError):
    """The solver stopped without a usable solution; the ladder takes the next rung."""


class SolverInfeasibleError(SolverError):
    """The solver proved that no solution exists."""


@dataclass(frozen=True)
class CompiledModel:
    """Maximise cost' x with row_lower <= A x <= row_upper and bounds; some x integer.

    The model is kept because Pyomo's variables and rows lose their names without it.
    """

    model: Any
    matrix: Any
    cost: FloatArray
    offset: float
    row_lower: FloatArray
    row_upper: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: IntArray
    columns: list[Any]
    rows: list[Any]

    @cached_property
    def column_of(self) -> dict[int, int]:
        """Column of each Pyomo variable, by identity."""
        return {id(variable): i for i, variable in enumerate(self.columns)}

    def positions(self, variable: Any) -> IntArray:
        """Columns of an indexed variable in index order; -1 where it is in no row."""
        column_of = self.column_of
        found = [column_of.get(id(entry), -1) for entry in variable.values()]
        return np.array(found, dtype=np.int64)


def compile_model(model: Any) -> CompiledModel:
    """Compile a Pyomo model to sparse standard form."""
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    with _without_deprecations():
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    matrix = form.A.tocsc()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    kinds = np.array([row.bound_type for row in form.rows], dtype=np.int64)
    columns = form.columns
    bounds = np.array([v.bounds for v in columns], dtype=np.float64)
    lower = np.nan_to_num(bounds[:, 0], nan=-np.inf)
    upper = np.nan_to_num(bounds[:, 1], nan=np.inf)
    return CompiledModel(
        model=model,
        matrix=matrix,
        cost=np.asarray(form.c.todense(), dtype=np.float64).ravel(),
        offset=float(form.c_offset[0]),
        row_lower=np.where(kinds <= 0, form.rhs, -np.inf),
        row_upper=np.where(kinds >= 0, form.rhs, np.inf),
        lower=lower,
        upper=upper,
        integer=np.array([not v.is_continuous() for v in columns], dtype=np.int64),
        columns=columns,
        rows=form.rows,
    )


@contextmanager
def _without_deprecations() -> Iterator[None]:
    # Pyomo 6.10 calls one of its own deprecated methods here and would log it in every run.
    logger = logging.getLogger("pyomo")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


class Highs:
    """One compiled model inside HiGHS; bounds may change between solves (warm start)."""

    def __init__(self, compiled: CompiledModel, options: SolverOptions) -> None:
        import highspy

        self.compiled = compiled
        self._api = highspy
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        settings = {
            "output_flag": False,
            "threads": 1,
            "random_seed": 0,
            "mip_rel_gap": options.gap,
            "mip_max_nodes": options.node_limit,
            "time_limit": options.time_limit_seconds,
        }
        for name, value in settings.items():
            self._highs.setOptionValue(name, value)
        self._pass(compiled)

    def _pass(self, c: CompiledModel) -> None:
        lp = self._api.HighsLp()
        lp.num_col_, lp.num_row_ = len(c.columns), len(c.rows)
        lp.sense_ = self._api.ObjSense.kMaximize
        lp.offset_ = c.offset
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = c.cost, c.lower, c.upper
        lp.row_lower_, lp.row_upper_ = c.row_lower, c.row_upper
        lp.a_matrix_.format_ = self._api.MatrixFormat.kColwise
        lp.a_matrix_.start_ = c.matrix.indptr
        lp.a_matrix_.index_ = c.matrix.indices
        lp.a_matrix_.value_ = c.matrix.data
        if c.integer.any():
            kinds = (self._api.HighsVarType.kContinuous, self._api.HighsVarType.kInteger)
            lp.integrality_ = [kinds[flag] for flag in c.integer.tolist()]
        self._highs.passModel(lp)

    def fix(self, positions: IntArray, values: FloatArray) -> None:
        """Fix columns and make them continuous, so that a model without integers is an LP."""
        kind = self._api.HighsVarType.kContinuous
        for column, value in zip(positions.tolist(), values.tolist(), strict=True):
            self._highs.changeColBounds(column, value, value)
            if self.compiled.integer[column]:
                self._highs.changeColIntegrality(column, kind)

    def solve(self) -> SolverResult:
        """Run and read the result.

        Raises:
            SolverInfeasibleError: If there is no solution.
            SolverError: If the solver stopped without one.
        """
        self._highs.run()
        status = self._highs.getModelStatus()
        name = self._highs.modelStatusToString(status)
        statuses = self._api.HighsModelStatus
        if status in (statuses.kInfeasible, statuses.kUnboundedOrInfeasible):
            raise SolverInfeasibleError(name)
        info = self._highs.getInfo()
        solved = status == statuses.kOptimal
        # Node limit: a solution with a known gap; time limit: not reproducible, so not used.
        stopped = status == statuses.kSolutionLimit and info.primal_solution_status == 2
        if not (solved or stopped):
            msg = f"solver stopped: {name}"
            raise SolverError(msg)
        value = float(info.objective_function_value)
        mixed = bool(info.mip_node_count >= 0)
        bound = float(info.mip_dual_bound) if mixed else value
        values = np.array(self._highs.getSolution().col_value)
        return SolverResult(values, value, bound, name.lower())

    def irreducible_rows(self) -> list[str]:
        """Names of rows that cannot hold together, even without integers; empty if they can."""
        strategies = self._api.IisStrategy
        wanted = (strategies.kIisStrategyFromLp, strategies.kIisStrategyIrreducible)
        self._highs.setOptionValue("iis_strategy", sum(int(strategy) for strategy in wanted))
        kind = self._api.HighsVarType.kContinuous
        for column in np.flatnonzero(self.compiled.integer).tolist():
            self._highs.changeColIntegrality(column, kind)
        _, iis = self._highs.getIis()
        return [self.compiled.rows[i].constraint.name for i in iis.row_index_]


@dataclass(frozen=True)
class SolverResult:
    """Column values, objective value, best bound and the solver's word for its status."""

    columns: FloatArray
    value: float
    bound: float
    status: str

    def read(self, compiled: CompiledModel, variable: Any) -> FloatArray:
        """Values of an indexed variable in index order (0 where it is in no row)."""
        positions = compiled.positions(variable)
        return np.where(positions >= 0, self.columns[np.maximum(positions, 0)], 0.0)
