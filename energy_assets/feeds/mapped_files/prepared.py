"""A file set in memory: its rows with their UTC periods, before any table's rows are made.

Kept until one of the files changes, since every table and scope of a file set is made from it.

Belongs here: row rules (skipped rows, duplicates) and the count of what they took. Not here:
values, labels and scopes (`rows`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from energy_assets.feeds.mapped_files.cells import (
    LINE,
    data_files,
    read_cells,
    refuse,
    require_numbers,
)
from energy_assets.feeds.mapped_files.mapping import FileSet, TableRows
from energy_assets.feeds.mapped_files.stamps import PERIOD_INDEX, periods, stated_moments
from energy_assets.feeds.mapped_files.tables import TARGETS
from energy_assets.feeds.mapped_files.time_spec import MomentColumn


@dataclass(frozen=True)
class Prepared:
    """A file set's rows.

    Attributes:
        frame: The named columns, `_start`, `_minutes`, `_day`, and per table number n `_issued_n`
            and `_known_n` where the file states them.
        rows_read: Rows of the files.
        skipped: Rows left out, by reason.
        averaged: Rows of an averaged autumn hour, stored as its first occurrence.
    """

    frame: pl.DataFrame
    rows_read: int
    skipped: dict[str, int]
    averaged: int


def prepared(root: Path, files: FileSet) -> Prepared:
    """The rows of a file set; read again only when a file has changed.

    Raises:
        InputError: At the first fault: file, and row and column where it has one.
    """
    paths = tuple(
        (path, path.stat().st_mtime_ns, path.stat().st_size) for path in data_files(root, files)
    )
    return _prepared(paths, files.model_dump_json())


@lru_cache(maxsize=16)
def _prepared(paths: tuple[tuple[Path, int, int], ...], document: str) -> Prepared:
    files = FileSet.model_validate_json(document)
    parts = [_one_file(path, files) for path, _, _ in paths]
    frame = pl.concat([part.frame for part in parts])
    skipped: Counter[str] = Counter()
    for part in parts:
        skipped.update(part.skipped)
    if files.rows.duplicates != "refuse":
        same = [_moment(files), *_identity(files)]
        first = files.rows.duplicates == "keep_first"
        once = frame.unique(same, keep="first" if first else "last", maintain_order=True)
        skipped["duplicate"] += frame.height - once.height
        frame = once
    return Prepared(
        frame,
        rows_read=sum(part.rows_read for part in parts),
        skipped={reason: count for reason, count in skipped.items() if count},
        averaged=sum(part.averaged for part in parts),
    )


def _one_file(path: Path, files: FileSet) -> Prepared:
    cells = read_cells(path, files)
    rows_read = cells.height
    rules = files.rows
    cells = cells.slice(rules.skip_first, max(rows_read - rules.skip_first - rules.skip_last, 0))
    if files.time.period_columns:
        cells = _one_period_per_row(cells, files)
    require_numbers(path, files, cells)
    _require_scopes(path, files, cells)
    identity = _identity(files)
    when = periods(path, files.time, cells, identity)
    stated = {
        name: stated_moments(path, spec, cells)
        for number, rows in enumerate(files.tables)
        for name, spec in _stated(number, rows).items()
    }
    frame = cells.with_columns(when.frame).with_columns(**stated)
    exists = frame.filter(pl.col("_start").is_not_null())
    skipped = {
        "first_rows": min(rules.skip_first, rows_read),
        "last_rows": min(rules.skip_last, rows_read),
        "hour_does_not_exist": frame.height - exists.height,
    }
    return Prepared(exists, rows_read, skipped, when.averaged)


def _one_period_per_row(cells: pl.DataFrame, files: FileSet) -> pl.DataFrame:
    columns = list(files.time.period_columns)
    order = {name: number for number, name in enumerate(columns, start=1)}
    long = cells.unpivot(
        columns,
        index=[name for name in cells.columns if name not in columns],
        variable_name=PERIOD_INDEX,
        value_name="value",
    )
    return long.with_columns(pl.col(PERIOD_INDEX).replace_strict(order, return_dtype=pl.Int64))


def _require_scopes(path: Path, files: FileSet, cells: pl.DataFrame) -> None:
    if not files.scope_column:
        return
    names = pl.col(files.scope_column)
    unknown = cells.filter(~names.is_in(list(files.scopes)).fill_null(value=False))
    if not unknown.is_empty():
        expected = f"one of {', '.join(files.scopes)}"
        row = unknown.row(0, named=True)
        refuse(path, row[LINE], files.scope_column, expected, row[files.scope_column])


def _stated(number: int, rows: TableRows) -> dict[str, MomentColumn]:
    moments = {f"_issued_{number}": rows.issue_time, f"_known_{number}": rows.knowledge}
    return {name: spec for name, spec in moments.items() if isinstance(spec, MomentColumn)}


def _moment(files: FileSet) -> str:
    """Daily closes have one row a day, also where a file repeats them every hour."""
    closes = all(TARGETS[rows.table].time == "price_date" for rows in files.tables)
    return "_day" if closes else "_start"


def _identity(files: FileSet) -> list[str]:
    """Columns that, with the period, tell a file's rows apart."""
    names = [files.scope_column] if files.scope_column else []
    for rows in files.tables:
        names += rows.label_columns.values()
        if isinstance(rows.issue_time, MomentColumn):
            names += rows.issue_time.columns
    return list(dict.fromkeys(names))
