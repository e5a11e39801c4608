"""Reading: bounded scans of one snapshot, as polars frames.

Every scan names its partitions (`scope`, `month`) and its time bounds as literals, so that only the
files concerned are opened. Filters that decide *which* revision is newest must not run before that
choice: `Selection.before` holds those on key columns, `Selection.after` the rest. Frames come from
the in-memory engine (the streaming engine reorders rows) and are sorted by whoever needs an order.

Not here: which revision is newest (`revisions`), which run is in force (`current`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from deltalake import DeltaTable

from energy_assets.errors import LakeError
from energy_assets.lakehouse.tables import Table

Where = Mapping[str, Any]
_MONTH = "%Y-%m"
_LONGEST_BATCH = timedelta(days=45)


@dataclass(frozen=True)
class Selection:
    """Which rows of a table are wanted.

    Attributes:
        scope: One data set, or None for all.
        start: Earliest value of the time column (included), UTC.
        end: End of the time column's range (excluded), UTC.
        where: Column to value, or to a list of values; None asks for null.
    """

    scope: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    where: Where = field(default_factory=dict)

    def before(self, table: Table) -> list[pl.Expr]:
        """Filters that may run before the newest revision is chosen."""
        filters = [] if self.scope is None else [pl.col("scope") == self.scope]
        identity = identity_columns(table)
        filters += [_matches(table, n, v) for n, v in self.where.items() if n in identity]
        if table.kind == "decision":
            # A batch may reach over a month's end; it is chosen whole, then cut.
            early = self.start - _LONGEST_BATCH if self.start else None
            late = self.end + _LONGEST_BATCH if self.end else None
            return filters + _month_filters(early, late)
        if not is_bounded(table):
            return filters
        return filters + _month_filters(self.start, self.end) + self.time_filters(table)

    def covers(self, other: Selection) -> bool:
        """Whether every row of another selection lies in this one."""
        same = (self.scope, self.where) == (other.scope, other.where)
        early = self.start is None or (other.start is not None and self.start <= other.start)
        late = self.end is None or (other.end is not None and other.end <= self.end)
        return same and early and late

    def after(self, table: Table) -> list[pl.Expr]:
        """Filters that only hold for the chosen revisions."""
        identity = identity_columns(table)
        filters = [_matches(table, n, v) for n, v in self.where.items() if n not in identity]
        bounded = table.kind != "decision" and is_bounded(table)
        return filters if bounded else filters + self.time_filters(table)

    def time_filters(self, table: Table) -> list[pl.Expr]:
        """The selection's range of the time column."""
        column = pl.col(table.time_column)
        is_date = table.column(table.time_column).dtype == pl.Date
        filters = []
        if self.start is not None:
            filters.append(column >= _bound(self.start, is_date=is_date))
        if self.end is not None:
            filters.append(column < _bound(self.end, is_date=is_date))
        return filters


def identity_columns(table: Table) -> frozenset[str]:
    """Columns that say which thing a row is about, whatever its revision."""
    if table.kind == "decision":
        return frozenset(("scope", *table.batch_key))
    if table.kind == "raw":
        return frozenset(("scope", "source", *table.key))
    return frozenset(table.schema)


def is_bounded(table: Table) -> bool:
    """Whether all revisions of a row share its time, so that a time range may cut before."""
    return table.kind == "results" or table.time_column in table.key


def scan(
    snapshot: DeltaTable | None,
    table: Table,
    filters: Sequence[pl.Expr],
    columns: Sequence[str] = (),
) -> pl.DataFrame:
    """The rows of a snapshot that pass every filter, in stored column order.

    Args:
        snapshot: The table's snapshot; None (never made) reads as empty.
        table: The table.
        filters: Expressions on stored columns.
        columns: Columns wanted; all by default.
    """
    wanted = list(columns) or list(table.schema)
    if snapshot is None:
        return pl.DataFrame(schema=table.schema).select(wanted)
    # polars 2.1 opens the percent-encoded path of a folder with a space or umlaut as it stands.
    encoded = snapshot.table_uri.startswith("file:") and "%" in snapshot.table_uri
    lazy = pl.scan_delta(snapshot, use_pyarrow=encoded)
    lazy = lazy.filter(*filters) if filters else lazy
    return lazy.select(wanted).collect(engine="in-memory")


def in_utc(moment: datetime, what: str) -> datetime:
    """The moment in UTC.

    Raises:
        LakeError: If it has no time zone.
    """
    if moment.tzinfo is None:
        msg = f"{what}: expected a time with a zone, found {moment.isoformat()} without one"
        raise LakeError(msg)
    return moment.astimezone(UTC)


def select(
    scope: str | None, start: datetime | None, end: datetime | None, where: Where | None
) -> Selection:
    """A selection with its bounds in UTC."""
    return Selection(
        scope=scope,
        start=None if start is None else in_utc(start, "start"),
        end=None if end is None else in_utc(end, "end"),
        where=dict(where or {}),
    )


def _month_filters(start: datetime | None, end: datetime | None) -> list[pl.Expr]:
    filters = []
    if start is not None:
        filters.append(pl.col("month") >= start.strftime(_MONTH))
    if end is not None:
        filters.append(pl.col("month") <= end.strftime(_MONTH))
    return filters


def _bound(moment: datetime, *, is_date: bool) -> datetime | date:
    if not is_date:
        return moment
    day = moment.date()
    return day if moment == datetime(day.year, day.month, day.day, tzinfo=UTC) else _next(day)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _matches(table: Table, name: str, value: Any) -> pl.Expr:
    column = pl.col(name)
    dtype = table.column(name).dtype
    if value is None:
        return column.is_null()
    if isinstance(value, list | tuple | set | frozenset):
        return column.is_in(pl.Series(sorted(value), dtype=dtype).implode())
    return column == pl.lit(value, dtype=dtype)
