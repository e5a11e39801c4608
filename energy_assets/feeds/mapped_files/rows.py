"""From a prepared file set to typed rows of one table and scope, and the account of them.

Belongs here: labels, values, issue and knowledge times, as columns of the registry's table. Not
here: reading (`prepared`), storing and screening (`quality`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from energy_assets.errors import InputError
from energy_assets.feeds.interface import typed_frame
from energy_assets.feeds.knowledge_rules import AfterIssue, AfterPeriod, BeforeDelivery
from energy_assets.feeds.mapped_files.cells import numbers
from energy_assets.feeds.mapped_files.mapping import FileSet, TableRows
from energy_assets.feeds.mapped_files.prepared import Prepared
from energy_assets.feeds.mapped_files.tables import TARGETS
from energy_assets.feeds.mapped_files.values import Value, computed_labels
from energy_assets.lakehouse import Table, table

_UTC_TIME = pl.Datetime("us", "UTC")


@dataclass
class MissingCells:
    """Cells without a value: left empty by the source, or holding a code for it."""

    empty: dict[str, int] = field(default_factory=dict)
    coded: dict[str, int] = field(default_factory=dict)


def scope_of(files: FileSet, rows: TableRows, value: Value) -> str | None:
    """The scope a value goes to; None where a column or the caller names it."""
    if table(rows.table).scope_kind == "global":
        return value.scope or rows.scope or "global"
    return value.scope or rows.scope or files.scope


def table_rows(
    ready: Prepared, files: FileSet, number: int, scope: str | None, source: str
) -> tuple[pl.DataFrame, MissingCells]:
    """Rows of one table and scope.

    Args:
        ready: The file set's rows.
        files: What they hold.
        number: Which of its tables.
        scope: Scope as the mapping declares it; None where it declares none.
        source: Value of the `source` column.

    Returns:
        Typed rows for `Lake.append_if_changed`, and the cells that had no value.
    """
    rows = files.tables[number]
    frame = ready.frame
    if files.scope_column:
        names = [name for name, code in files.scopes.items() if code == scope]
        frame = frame.filter(pl.col(files.scope_column).is_in(names))
    frame = _with_times(frame, rows, number)
    missing = MissingCells()
    parts = [
        _value_rows(frame, files, rows, value, missing)
        for value in rows.values
        if files.scope_column or scope_of(files, rows, value) == scope
    ]
    return typed_frame(
        table(rows.table), pl.concat(parts), source=source, basis=rows.knowledge_basis
    ), missing


def _value_rows(
    frame: pl.DataFrame, files: FileSet, rows: TableRows, value: Value, missing: MissingCells
) -> pl.DataFrame:
    target = TARGETS[rows.table]
    cell = pl.col(value.column)
    coded, empty = frame.select(coded=value.coded(cell), empty=cell.is_null()).get_columns()
    place = value.column
    missing.empty[place] = missing.empty.get(place, 0) + int(empty.sum())
    missing.coded[place] = missing.coded.get(place, 0) + int((coded & ~empty).sum())
    labels = {**rows.labels, **value.labels}
    constants = {**labels, **computed_labels(rows.table, labels, value)}
    stored = value.stored(rows.table, labels, numbers(cell, files.decimal))
    times = {target.time: pl.col("_day" if target.time == "price_date" else "_start")}
    if target.length:
        times[target.length] = _length(files, target.length)
    if target.vintages:
        times["issue_time"] = pl.col("_issued")
    return frame.filter(~coded & ~empty).select(
        pl.col("_known").alias("knowledge_time"),
        stored.alias(target.value),
        *[expression.alias(name) for name, expression in times.items()],
        *[pl.col(column).cast(pl.String).alias(n) for n, column in rows.label_columns.items()],
        *[pl.lit(text).alias(name) for name, text in constants.items()],
        *[pl.lit(None).alias(name) for name in _unfilled(table(rows.table))],
    )


def _length(files: FileSet, column: str) -> pl.Expr:
    if column == "resolution_min":
        return pl.col("_minutes")
    return pl.lit(0) if files.time.momentary else pl.col("_minutes") * 60


def _unfilled(registered: Table) -> list[str]:
    return [column.name for column in registered.columns if column.nullable]


def _with_times(frame: pl.DataFrame, rows: TableRows, number: int) -> pl.DataFrame:
    """`_issued` and `_known` of every row."""
    if rows.issue_time is None:
        issued = pl.lit(None, dtype=_UTC_TIME)
    elif isinstance(rows.issue_time, BeforeDelivery):
        issued = pl.lit(_before_delivery(frame["_start"], rows.issue_time))
    else:
        issued = pl.col(f"_issued_{number}")
    frame = frame.with_columns(_issued=issued)
    rule = rows.knowledge
    if isinstance(rule, BeforeDelivery):
        known = pl.lit(_before_delivery(frame["_start"], rule))
    elif isinstance(rule, AfterPeriod):
        known = pl.col("_start") + pl.duration(minutes=pl.col("_minutes") + rule.minutes)
    elif isinstance(rule, AfterIssue):
        known = pl.col("_issued") + pl.duration(minutes=rule.minutes)
    else:
        known = pl.col(f"_known_{number}")
    return frame.with_columns(_known=known.cast(_UTC_TIME))


def _before_delivery(starts: pl.Series, rule: BeforeDelivery) -> pl.Series:
    """The rule's moment for the day each period starts on, in the rule's own clock."""
    try:
        days = starts.dt.convert_time_zone(rule.clock).dt.date()
    except pl.exceptions.PolarsError as error:
        where = "knowledge.clock"
        raise InputError(where, expected="an IANA zone", found=rule.clock) from error
    labels = days.unique()
    known: list[datetime] = [rule.on(day) for day in labels.to_list()]
    answers = pl.DataFrame({"day": labels, "at": pl.Series(known, dtype=_UTC_TIME)})
    return days.to_frame("day").join(answers, on="day", how="left", maintain_order="left")["at"]
