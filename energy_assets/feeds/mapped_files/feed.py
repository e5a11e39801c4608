"""One feed per file set, table and scope of a mapping.

Belongs here: the `Feed` face of mapped files and the choice of scopes. Not here: how rows are made
(`rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.interface import Feed, Window, known
from energy_assets.feeds.mapped_files.account import SeriesSpan, series_spans
from energy_assets.feeds.mapped_files.mapping import FileSet, Mapping, load_mapping
from energy_assets.feeds.mapped_files.prepared import Prepared, prepared
from energy_assets.feeds.mapped_files.rows import MissingCells, scope_of, table_rows
from energy_assets.lakehouse import Table, table
from energy_assets.portfolio import Desk, FeedSpec, MappedFilesFeed


@dataclass(frozen=True)
class MappedFeed:
    """The rows of one table and scope in one file set.

    Attributes:
        source: Value of the rows' `source` column.
        files: The file set.
        number: Which of its tables.
        scope: Scope the rows go to.
        declared: That scope as the mapping names it; None where it names none.
        data_root: Folder the files' paths are relative to.
    """

    source: str
    files: FileSet
    number: int
    scope: str
    declared: str | None
    data_root: Path

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{self.source}.{self.files.name}.{self.number}.{self.table.name}.{self.scope}"

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table(self.files.tables[self.number].table)

    @property
    def selection(self) -> dict[str, str]:
        """Labels that all rows share."""
        rows = self.files.tables[self.number]
        mine = [
            {**rows.labels, **value.labels}
            for value in rows.values
            if self.files.scope_column or scope_of(self.files, rows, value) == self.declared
        ]
        return {
            name: label
            for name, label in mine[0].items()
            if all(labels.get(name) == label for labels in mine)
        }

    @property
    def prepared(self) -> Prepared:
        """The file set the rows are made from.

        Raises:
            InputError: A file has a fault.
        """
        return prepared(self.data_root, self.files)

    @property
    def rows(self) -> pl.DataFrame:
        """Every row, typed."""
        return self._made[0]

    @property
    def missing(self) -> MissingCells:
        """Cells that had no value."""
        return self._made[1]

    def series(self) -> list[SeriesSpan]:
        """Span and gaps of every series."""
        return series_spans(self.table, self.rows)

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows of the window that could be known at `as_of`.

        Raises:
            InputError: A file has a fault anywhere, in the window or not.
        """
        return known(self.table, self.rows, window, as_of)

    @cached_property
    def _made(self) -> tuple[pl.DataFrame, MissingCells]:
        return table_rows(self.prepared, self.files, self.number, self.declared, self.source)


def mapped_feeds(
    mapping: Mapping, data_root: Path, scope: str | None = None, *, where: str = "--scope"
) -> list[MappedFeed]:
    """The feeds of a mapping.

    Args:
        mapping: The mapping.
        data_root: Folder its paths are relative to.
        scope: Only this scope; it also names the scope of rows whose mapping names none.
        where: What to name in an error about the scope.

    Raises:
        InputError: The mapping needs a scope, or has no such scope.
    """
    parts = list(_parts(mapping))
    if scope is None:
        open_parts = [files.name for files, _, code in parts if code is None]
        if open_parts:
            expected = f"a scope for the rows of files[{open_parts[0]}], which name none"
            raise InputError(where, expected=expected, found="nothing")
    chosen = [part for part in parts if scope in (None, part[2]) or part[2] is None]
    if not chosen:
        known_scopes = sorted({code for _, _, code in parts if code is not None})
        raise InputError(where, expected=f"one of {', '.join(known_scopes)}", found=scope)
    return [
        MappedFeed(mapping.source, files, number, code or scope or "", code, data_root)
        for files, number, code in chosen
    ]


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feeds of a mapping that fit a desk: its area's, its own and global ones.

    Rows whose mapping names no scope go to the desk's area, the desk or `global`, as their table
    asks.

    Raises:
        InputError: The mapping has a fault, or nothing for this desk.
    """
    assert isinstance(spec, MappedFilesFeed)
    mapping = load_mapping(access.data_root / spec.mapping)
    own = {"area": desk.area, "desk": desk.name, "global": "global"}
    feeds: list[Feed] = []
    for files, number, code in _parts(mapping):
        fitting = own[table(files.tables[number].table).scope_kind]
        if code in (None, fitting):
            feeds.append(MappedFeed(mapping.source, files, number, fitting, code, access.data_root))
    if not feeds:
        found = ", ".join(sorted({str(code) for _, _, code in _parts(mapping)}))
        expected = f"rows of {desk.area}, {desk.name} or global"
        raise InputError(f"mapping {spec.mapping}", expected=expected, found=found)
    return feeds


def _parts(mapping: Mapping) -> Iterator[tuple[FileSet, int, str | None]]:
    """File set, table number and declared scope of every feed, in the mapping's order."""
    for files in mapping.files:
        for number, rows in enumerate(files.tables):
            if files.scope_column:
                codes: list[str | None] = list(files.scopes.values())
            else:
                codes = [scope_of(files, rows, value) for value in rows.values]
            yield from ((files, number, code) for code in dict.fromkeys(codes))
