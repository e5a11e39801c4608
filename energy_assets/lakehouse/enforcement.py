"""Write-time enforcement: a frame must be what the registry says before anything is written.

Belongs here: the comparison of a frame with a table's columns (missing, unknown, dtype, nulls,
NaN) and the derived partition columns. Not here: plausibility of values (`quality`), revisions or
commits.
"""

from __future__ import annotations

import polars as pl

from energy_assets.errors import LakeError
from energy_assets.lakehouse.tables import Table

STAMPED: dict[str, tuple[str, ...]] = {
    "raw": ("scope", "month", "ingested_at", "revision", "content_hash"),
    "decision": ("scope", "month", "ingested_at", "revision", "content_hash"),
    "results": ("scope", "month", "ingested_at"),
}
"""Columns the lake itself adds to a caller's frame, by table kind."""


def caller_columns(table: Table) -> list[str]:
    """The columns a caller hands in, in stored order."""
    return [name for name in table.schema if name not in STAMPED[table.kind]]


def content_columns(table: Table) -> list[str]:
    """The columns that make two rows the same: neither volatile nor stamped by the lake."""
    return [name for name in caller_columns(table) if name not in table.volatile]


def conform(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The caller's frame in stored column order, once it has passed every check.

    Raises:
        LakeError: Names table, column, expected and found.
    """
    wanted = caller_columns(table)
    for name in wanted:
        if name not in frame.columns:
            _refuse(table, name, "the column", f"only {', '.join(frame.columns)}")
    for name in frame.columns:
        if name not in wanted:
            _refuse(table, name, f"only {', '.join(wanted)}", "an unknown column")
    for name in wanted:
        _check_column(table, frame.get_column(name))
    return frame.select(wanted)


def require_unique(table: Table, frame: pl.DataFrame, columns: list[str]) -> None:
    """Refuse a frame in which two rows share a key.

    Raises:
        LakeError: Names the table and the first such key.
    """
    repeated = frame.filter(frame.select(columns).is_duplicated())
    if not repeated.is_empty():
        first = repeated.sort(columns).select(columns).row(0, named=True)
        shown = ", ".join(f"{name}={value}" for name, value in first.items())
        msg = f"{table.id}: expected one row per key, found {repeated.height} rows sharing: {shown}"
        raise LakeError(msg)


def stamp_partition(table: Table, frame: pl.DataFrame, scope: str) -> pl.DataFrame:
    """The frame with its partition columns: scope, and the UTC month of the time column.

    Raises:
        LakeError: If the scope is empty or could not be a folder name.
    """
    if not scope or not all(letter.isalnum() or letter in "_-." for letter in scope):
        msg = f"{table.id}: expected a scope of letters, digits, '_', '-', '.', found {scope!r}"
        raise LakeError(msg)
    return frame.with_columns(
        scope=pl.lit(scope), month=pl.col(table.time_column).dt.strftime("%Y-%m")
    )


def _check_column(table: Table, values: pl.Series) -> None:
    column = table.column(values.name)
    if values.dtype != column.dtype:
        _refuse(table, column.name, f"dtype {column.dtype!r}", f"{values.dtype!r}")
    if not column.nullable and values.null_count():
        row = values.is_null().arg_true()[0]
        _refuse(table, column.name, "a value", f"null in row {row} ({values.null_count()} in all)")
    if values.dtype.is_float():
        bad = values.is_nan().fill_null(value=False).arg_true()
        if len(bad):
            _refuse(table, column.name, "a number or null", f"NaN in row {bad[0]}")


def _refuse(table: Table, column: str, expected: str, found: str) -> None:
    msg = f"{table.id}: column {column!r}: expected {expected}, found {found}"
    raise LakeError(msg)
