"""Collects families of columns and rows and joins them into one sparse model.

A family is an array of columns or rows with a name and one index set per axis, as a Pyomo variable
or constraint is. Terms are columns with factors; in a row family their leading axes are the rows'
and the axes after these are summed:

    energy = a.columns("energy", (scenarios, mtus), upper=40.0)
    a.at_most("daily", (scenarios,), [energy * hours], 80.0)        # sum over MTUs
    a.equal("kept", (scenarios, mtus[1:]), [energy[:, 1:], -energy[:, :-1]], 0.0)

Not here: equations (the other modules), the solver (`handoff`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.handoff import SparseModel
from energy_assets.bidding.price_grid import IntArray

Axes = tuple[IntArray, ...]
"""Per axis its index set: (n,), or (n, d) where one axis runs over d-fold indices."""


@dataclass(frozen=True)
class Terms:
    """Columns and their factors, two arrays of one shape; slices and multiples are terms again."""

    columns: IntArray
    factors: FloatArray

    def __getitem__(self, index: Any) -> Terms:
        return Terms(np.asarray(self.columns[index]), np.asarray(self.factors[index]))

    def __mul__(self, factors: npt.ArrayLike) -> Terms:
        multiplied = self.factors * np.asarray(factors)
        if multiplied.shape == self.columns.shape:
            return Terms(self.columns, multiplied)
        columns, multiplied = np.broadcast_arrays(self.columns, multiplied)
        return Terms(columns, multiplied)

    def __neg__(self) -> Terms:
        return self * -1.0


@dataclass(frozen=True)
class Family:
    """Columns or rows of one name, numbered from `first` in index order."""

    name: str
    axes: Axes
    first: int

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Entries per axis."""
        return tuple(len(axis) for axis in self.axes)

    @cached_property
    def numbers(self) -> IntArray:
        """Their numbers in the family's shape."""
        return np.arange(self.first, self.first + prod(self.shape)).reshape(self.shape)

    def label(self, number: int) -> str:
        """Name of one entry, such as `unit[battery].charge[0,3]`."""
        if not self.axes:
            return self.name
        place = np.unravel_index(number - self.first, self.shape)
        indices = [np.atleast_1d(axis[i]) for axis, i in zip(self.axes, place, strict=True)]
        return f"{self.name}[{','.join(map(str, np.concatenate(indices).tolist()))}]"


@dataclass
class _Collected:
    """Everything added so far."""

    columns: list[Family] = field(default_factory=list)
    rows: list[Family] = field(default_factory=list)
    column_bounds: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)
    row_bounds: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)
    integer: list[IntArray] = field(default_factory=list)
    entries: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)
    objective: list[Terms] = field(default_factory=list)


@dataclass(frozen=True)
class Assembly:
    """A model in the making; `within` gives the same one with prefixed names."""

    prefix: str = ""
    _collected: _Collected = field(default_factory=_Collected)

    def within(self, block: str) -> Assembly:
        """The same model; names get the block's in front."""
        return Assembly(f"{self.prefix}{block}.", self._collected)

    def columns(
        self,
        name: str,
        axes: Axes,
        lower: npt.ArrayLike = 0.0,
        upper: npt.ArrayLike = np.inf,
        *,
        integer: bool = False,
    ) -> Terms:
        """Add columns; bounds are broadcast to the axes.

        Returns:
            The columns, each once.
        """
        family = _append(self._collected.columns, self.prefix + name, axes)
        self._collected.column_bounds.append(_bounds(family, lower, upper))
        numbers = family.numbers
        self._collected.integer.append(np.full(numbers.size, int(integer), dtype=np.int64))
        return Terms(numbers, np.broadcast_to(1.0, numbers.shape))

    def equal(self, name: str, axes: Axes, terms: Sequence[Terms], value: npt.ArrayLike) -> None:
        """Add rows: terms = value."""
        self._add_rows(name, axes, terms, value, value)

    def at_most(self, name: str, axes: Axes, terms: Sequence[Terms], value: npt.ArrayLike) -> None:
        """Add rows: terms <= value."""
        self._add_rows(name, axes, terms, -np.inf, value)

    def at_least(self, name: str, axes: Axes, terms: Sequence[Terms], value: npt.ArrayLike) -> None:
        """Add rows: terms >= value."""
        self._add_rows(name, axes, terms, value, np.inf)

    def maximise(self, terms: Sequence[Terms]) -> None:
        """Add to the objective."""
        self._collected.objective.extend(terms)

    def compile(self, *, keep_pattern: bool = False) -> TwinModel:
        """The sparse model.

        Args:
            keep_pattern: Keep entries that happen to be 0 and rows that happen to say nothing, so
                that other figures give the same pattern.
        """
        from scipy.sparse import coo_matrix

        made = self._collected
        row_lower, row_upper = _joined(made.row_bounds)
        lower, upper = _joined(made.column_bounds)
        row, column, factor = (np.concatenate(parts) for parts in zip(*made.entries, strict=True))
        matrix = coo_matrix((factor, (row, column)), shape=(len(row_lower), len(lower))).tocsc()
        matrix.sum_duplicates()
        kept = np.arange(len(row_lower))
        if not keep_pattern:
            matrix.eliminate_zeros()
            says_nothing = np.bincount(matrix.indices, minlength=len(kept)) == 0
            says_nothing &= (row_lower <= 0) & (row_upper >= 0)
            says_nothing |= np.isneginf(row_lower) & np.isposinf(row_upper)
            kept = kept[~says_nothing]
            matrix = matrix if len(kept) == len(says_nothing) else matrix.tocsr()[kept].tocsc()
        cost = np.zeros(len(lower))
        for terms in made.objective:
            np.add.at(cost, terms.columns.ravel(), terms.factors.ravel())
        return TwinModel(
            matrix=matrix,
            cost=cost,
            offset=0.0,
            row_lower=row_lower[kept],
            row_upper=row_upper[kept],
            lower=lower,
            upper=upper,
            integer=np.concatenate(made.integer),
            column_families=tuple(made.columns),
            row_families=tuple(made.rows),
            kept=kept,
        )

    def _add_rows(
        self,
        name: str,
        axes: Axes,
        terms: Sequence[Terms],
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
    ) -> None:
        family = _append(self._collected.rows, self.prefix + name, axes)
        self._collected.row_bounds.append(_bounds(family, lower, upper))
        rows, depth = family.numbers, len(axes)
        for part in terms:
            summed = (1,) * (part.columns.ndim - depth)
            shape = rows.shape + part.columns.shape[depth:]
            arrays = (rows.reshape(rows.shape + summed), part.columns, part.factors)
            self._collected.entries.append(tuple(_spread(array, shape) for array in arrays))


@dataclass(frozen=True)
class TwinModel(SparseModel):
    """An assembled model; `kept` are the numbers of the rows that stayed."""

    column_families: tuple[Family, ...]
    row_families: tuple[Family, ...]
    kept: IntArray

    def positions(self, family: str) -> IntArray:
        """Columns of a family in index order; -1 where one is in no row."""
        found = _named(self.column_families, family).numbers.ravel()
        return np.where(np.diff(self.matrix.indptr)[found] > 0, found, -1)

    def row_positions(self, family: str) -> IntArray:
        """Rows of a family in index order; -1 where one says nothing and was left out."""
        numbers = _named(self.row_families, family).numbers.ravel()
        found = np.minimum(np.searchsorted(self.kept, numbers), len(self.kept) - 1)
        return np.where(self.kept[found] == numbers, found, -1)

    def column_name(self, position: int) -> str:
        """Name of a column."""
        return _label(self.column_families, position)

    def row_name(self, position: int) -> str:
        """Name of a row."""
        return _label(self.row_families, int(self.kept[position]))


def _named(families: Sequence[Family], name: str) -> Family:
    return next(family for family in families if family.name == name)


def _append(families: list[Family], name: str, axes: Axes) -> Family:
    first = families[-1].first + families[-1].numbers.size if families else 0
    families.append(Family(name, axes, first))
    return families[-1]


def _label(families: Sequence[Family], number: int) -> str:
    # Empty families share their first number with the one after them, which is the last of these.
    return families[bisect_right(families, number, key=lambda f: f.first) - 1].label(number)


def _bounds(
    family: Family, lower: npt.ArrayLike, upper: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    low, high = (_spread(np.asarray(b, dtype=float), family.shape) for b in (lower, upper))
    return low, high


def _spread(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return array.ravel() if array.shape == shape else np.broadcast_to(array, shape).ravel()


def _joined(bounds: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    return np.concatenate([low for low, _ in bounds]), np.concatenate([high for _, high in bounds])
