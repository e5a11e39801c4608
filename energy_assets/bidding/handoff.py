"""From a model to HiGHS in one call, and back into arrays.

A Pyomo model is compiled to a sparse matrix and passed in bulk: the row-by-row interfaces of Pyomo
take seven times as long at 200 scenarios (`benchmarks/model_build.py`). The numpy twin is such a
matrix from the start. Nothing is copied back into Pyomo variables; values are read by the name of
a family of columns, such as `unit[battery].charge`.

Not here: which build to take (`builds`), what to solve (`stochastic`, `dispatch`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.price_grid import IntArray
from energy_assets.bidding.problem import SolverOptions
from energy_assets.errors import EnergyAssetsError

# Linear programs from so many rows on are solved by interior point first.
INTERIOR_POINT_ROWS = 5_000


class SolverError(EnergyAssetsError):
    """The solver stopped without a usable solution; the ladder takes the next rung."""


class SolverInfeasibleError(SolverError):
    """The solver proved that no solution exists."""


@dataclass(frozen=True)
class SparseModel(ABC):
    """Maximise cost' x with row_lower <= A x <= row_upper and bounds; some x integer.

    Columns and rows come in families, such as `unit[battery].charge`: an array of them with one
    name. A compiled Pyomo model also takes its variables and constraints for their names.
    """

    matrix: Any
    cost: FloatArray
    offset: float
    row_lower: FloatArray
    row_upper: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: IntArray

    @abstractmethod
    def positions(self, family: Any) -> IntArray:
        """Columns of a family in index order; -1 where one is in no row."""

    @abstractmethod
    def row_positions(self, family: Any) -> IntArray:
        """Rows of a family in index order; -1 where one says nothing and was left out."""

    @abstractmethod
    def column_name(self, position: int) -> str:
        """Name of a column, such as `unit[battery].charge[0,3]`."""

    @abstractmethod
    def row_name(self, position: int) -> str:
        """Name of a row."""


@dataclass(frozen=True)
class CompiledModel(SparseModel):
    """A compiled Pyomo model.

    The model is kept because Pyomo's variables and rows lose their names without it.
    """

    model: Any
    columns: list[Any]
    rows: list[Any]

    @cached_property
    def column_of(self) -> dict[int, int]:
        """Column of each Pyomo variable, by identity."""
        return {id(variable): i for i, variable in enumerate(self.columns)}

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Row of each Pyomo constraint, by identity."""
        return {id(row.constraint): i for i, row in enumerate(self.rows)}

    def positions(self, family: Any) -> IntArray:
        """Columns of an indexed variable in index order; -1 where it is in no row."""
        return self._found(family, self.column_of)

    def row_positions(self, family: Any) -> IntArray:
        """Rows of an indexed constraint in index order; -1 where it says nothing."""
        return self._found(family, self.row_of)

    def column_name(self, position: int) -> str:
        """Name of a column."""
        return str(self.columns[position].name)

    def row_name(self, position: int) -> str:
        """Name of a row."""
        return str(self.rows[position].constraint.name)

    def _found(self, family: Any, position_of: dict[int, int]) -> IntArray:
        component = self.model.find_component(family) if isinstance(family, str) else family
        found = [position_of.get(id(entry), -1) for entry in component.values()]
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

    def __init__(self, compiled: SparseModel, options: SolverOptions) -> None:
        import highspy

        self.compiled = compiled
        # What HiGHS has now, which may differ from the compiled model.
        self._lower, self._upper = compiled.lower.copy(), compiled.upper.copy()
        self._row_lower, self._row_upper = compiled.row_lower.copy(), compiled.row_upper.copy()
        self._cost, self._integer = compiled.cost.copy(), compiled.integer.copy()
        self._api = highspy
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
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

    def _pass(self, c: SparseModel) -> None:
        lp = self._api.HighsLp()
        lp.num_row_, lp.num_col_ = c.matrix.shape
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
        self.change_bounds(positions, values, values)
        self._change_integer(positions[self._integer[positions] > 0], 0)

    def relax(self) -> None:
        """Make all columns continuous."""
        self._change_integer(np.flatnonzero(self._integer), 0)

    def update(self, compiled: SparseModel) -> None:
        """Take other figures of the same pattern, keeping the basis.

        What was fixed is freed and what was relaxed is integer again.

        Raises:
            ValueError: If the pattern is another one.
        """
        old, new = self.compiled.matrix, compiled.matrix
        if not (_same(old.indptr, new.indptr) and _same(old.indices, new.indices)):
            msg = "the model's pattern changed"
            raise ValueError(msg)
        entries = np.flatnonzero(old.data != new.data)
        columns = np.searchsorted(new.indptr, entries, side="right") - 1
        self.change_coefficients(new.indices[entries], columns, new.data[entries])
        lower, upper = compiled.lower, compiled.upper
        changed = np.flatnonzero((self._lower != lower) | (self._upper != upper))
        self.change_bounds(changed, lower[changed], upper[changed])
        lower, upper = compiled.row_lower, compiled.row_upper
        changed = np.flatnonzero((self._row_lower != lower) | (self._row_upper != upper))
        self.change_rows(changed, lower[changed], upper[changed])
        changed = np.flatnonzero(self._cost != compiled.cost)
        self.change_costs(changed, compiled.cost[changed])
        for kind in (0, 1):
            changed = np.flatnonzero((self._integer != kind) & (compiled.integer == kind))
            self._change_integer(changed, kind)
        self.compiled = compiled

    def _change_integer(self, columns: IntArray, kind: int) -> None:
        kinds = np.full(len(columns), kind, dtype=np.uint8)
        self._integer[columns] = kind
        self._highs.changeColsIntegrality(len(columns), columns, kinds)

    def solve(self) -> SolverResult:
        """Run and read the result.

        Raises:
            SolverInfeasibleError: If there is no solution.
            SolverError: If the solver stopped without one.
        """
        statuses = self._api.HighsModelStatus
        status = self._run()
        name = self._highs.modelStatusToString(status)
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

    def _run(self) -> Any:
        """Run; a large linear program without a basis by interior point and crossover.

        With reserves in every scenario that is four times faster than the simplex method, which
        then takes over from its basis. Where it does not end in an optimum, simplex decides.
        """
        rows = self.compiled.matrix.shape[0]
        is_cold = not self._integer.any() and not self._highs.getBasis().valid
        if is_cold and rows >= INTERIOR_POINT_ROWS:
            self._highs.setOptionValue("solver", "ipm")
            self._highs.run()
            self._highs.setOptionValue("solver", "choose")
            status = self._highs.getModelStatus()
            if status == self._api.HighsModelStatus.kOptimal:
                return status
            self._highs.clearSolver()
        self._highs.run()
        return self._highs.getModelStatus()

    def irreducible_rows(self) -> list[str]:
        """Names of rows that cannot hold together, even without integers; empty if they can."""
        strategies = self._api.IisStrategy
        wanted = (strategies.kIisStrategyFromLp, strategies.kIisStrategyIrreducible)
        self._highs.setOptionValue("iis_strategy", sum(int(strategy) for strategy in wanted))
        self.relax()
        _, iis = self._highs.getIis()
        return [self.compiled.row_name(i) for i in iis.row_index_]

    def write(self, file: Path) -> None:
        """Write the model, named by position (`c0`, `r0`), in the format of the file's suffix."""
        self._highs.writeModel(str(file))

    def change_costs(self, columns: IntArray, costs: FloatArray) -> None:
        """Set the objective's coefficients of some columns."""
        self._cost[columns] = costs
        self._highs.changeColsCost(len(columns), columns, costs)

    def change_bounds(self, columns: IntArray, lower: FloatArray, upper: FloatArray) -> None:
        """Set the bounds of some columns."""
        self._lower[columns], self._upper[columns] = lower, upper
        self._highs.changeColsBounds(len(columns), columns, lower, upper)

    def change_rows(self, rows: IntArray, lower: FloatArray, upper: FloatArray) -> None:
        """Set the limits of some rows."""
        self._row_lower[rows], self._row_upper[rows] = lower, upper
        self._highs.changeRowsBounds(len(rows), rows, lower, upper)

    def change_coefficients(self, rows: IntArray, columns: IntArray, values: FloatArray) -> None:
        """Set single entries of the matrix."""
        for row, column, value in zip(
            rows.tolist(), columns.tolist(), values.tolist(), strict=True
        ):
            self._highs.changeCoeff(row, column, value)

    def basis(self) -> Any:
        """The basis of the last solve, which must have been one without integers."""
        return self._highs.getBasis()

    def start_from(self, basis: Any) -> None:
        """Start the next solve from a basis, and from nothing else that was found before."""
        self._highs.clearSolver()
        self._highs.setBasis(basis)

    def duals(self) -> Duals:
        """Dual values of the last solve, which must have been one without integers."""
        solution = self._highs.getSolution()
        return Duals(np.array(solution.row_dual), np.array(solution.col_dual))


@dataclass(frozen=True)
class Duals:
    """What the objective gains per unit of a row's limit, and of a column's binding bound."""

    rows: FloatArray
    columns: FloatArray


@dataclass(frozen=True)
class SolverResult:
    """Column values, objective value, best bound and the solver's word for its status."""

    columns: FloatArray
    value: float
    bound: float
    status: str

    def read(self, compiled: SparseModel, family: Any) -> FloatArray:
        """Values of a family of columns in index order (0 where one is in no row)."""
        positions = compiled.positions(family)
        return np.where(positions >= 0, self.columns[np.maximum(positions, 0)], 0.0)


def _same(one: IntArray, other: IntArray) -> bool:
    return one.shape == other.shape and bool((one == other).all())
