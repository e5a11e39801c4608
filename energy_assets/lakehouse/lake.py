"""The lake: every read and write of a registered table goes through one `Lake`.

Writes: `append_if_changed` (raw), `append` (decisions), `replace` (results), `quarantine`.
Reads: `as_of` (raw, point in time), `read` (reports), `current` (runs in force).
Forecasting and bidding are handed a `PointInTime`, never a `Lake`.

Belongs here: the face of the package, argument checks and wiring. Not here: the rules themselves
(`revisions`, `current`, `storage`), maintenance, the DuckDB session (`analysts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from energy_assets.errors import LakeError
from energy_assets.lakehouse import current as in_force
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.quarantine import REJECTED_ROWS, rejected_frame
from energy_assets.lakehouse.reading import Selection, Where, in_utc, scan, select
from energy_assets.lakehouse.revisions import Revisions
from energy_assets.lakehouse.storage import Storage
from energy_assets.lakehouse.tables import TABLES, Table, table
from energy_assets.lakehouse.writing import Writer, WriteResult


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


class Lake:
    """All registered tables under one root.

    Args:
        root: Folder or object-store URL (`s3://`, `abfss://`, `gs://`).
        storage_options: Object-store options.
        clock: Gives the time rows are written at.
    """

    def __init__(
        self,
        root: str | Path,
        storage_options: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.storage = Storage(str(root), dict(storage_options or {}))
        self.clock = clock
        self._writer = Writer(self.storage, clock)

    def ensure_tables(self, table_ids: Iterable[str] | None = None) -> None:
        """Make every registered table (or those named) that is not there yet."""
        for table_id in TABLES if table_ids is None else table_ids:
            self.storage.ensure(table(table_id))

    def version(self, table_id: str) -> int | None:
        """Delta version of a table, None if it was never made."""
        snapshot = self.storage.open(table(table_id))
        return None if snapshot is None else int(snapshot.version())

    def append_if_changed(
        self,
        table_id: str,
        frame: pl.DataFrame,
        *,
        scope: str,
        ingested_at: datetime | None = None,
        run_id: str = "",
    ) -> WriteResult:
        """Append the raw rows that are news, each as the next revision of its key and source.

        Args:
            table_id: A raw table.
            frame: Own columns plus `source`, `knowledge_time`, `knowledge_basis`; any row order.
            scope: Area, desk or `global`.
            ingested_at: When the rows were written; the clock by default.
            run_id: For the commit's metadata.

        Raises:
            LakeError: If the frame is not what the registry says, or holds two contents of one key
                with the same knowledge time; nothing was written.
        """
        written_at = None if ingested_at is None else in_utc(ingested_at, "ingested_at")
        return self._writer.append_if_changed(table(table_id), frame, scope, written_at, run_id)

    def append(self, table_id: str, frame: pl.DataFrame, *, scope: str) -> WriteResult:
        """Append the decision batches whose content differs from their newest revision.

        Args:
            table_id: A decision table.
            frame: Own columns plus `session`, `delivery_day`, `decision_time`, `run_id`, `mode`.
            scope: Desk (or what the table's scope names).

        Raises:
            LakeError: If the frame is not what the registry says; nothing was written.
        """
        return self._writer.append(table(table_id), frame, scope)

    def replace(
        self,
        table_id: str,
        frame: pl.DataFrame,
        *,
        scope: str,
        by: Sequence[str] | None = None,
        run_id: str = "",
    ) -> WriteResult:
        """Put rows in place of those with the same scope, month and `by` values; no others change.

        Args:
            table_id: A results table.
            frame: Own columns plus `delivery_day`.
            scope: Desk (or what the table's scope names).
            by: Columns that name what is replaced; delivery day and the table's key by default.
            run_id: For the commit's metadata.

        Raises:
            LakeError: If the frame is not what the registry says; nothing was written.
        """
        target = table(table_id)
        slot = ("delivery_day", *target.key) if by is None else tuple(by)
        return self._writer.replace(target, frame, scope, slot, run_id)

    def quarantine(
        self,
        table_id: str,
        rows: pl.DataFrame | Sequence[Mapping[str, Any]],
        *,
        rule: str,
        reason: str,
        scope: str,
        source: str,
        run_id: str = "",
    ) -> WriteResult:
        """Keep refused rows, whole, with rule and reason; refusing them again adds nothing."""
        frame = rejected_frame(
            table(table_id).id, rows, rule=rule, reason=reason, source=source, at=self.clock()
        )
        return self.append_if_changed(REJECTED_ROWS, frame, scope=scope, run_id=run_id)

    def as_of(
        self,
        table_id: str,
        at: datetime,
        *,
        scope: str,
        start: datetime | None = None,
        end: datetime | None = None,
        where: Where | None = None,
        ingested_before: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Raw rows as known at a time, sorted by key then source; see `PointInTime.as_of`."""
        reader = PointInTime(self, at, ingested_before)
        return reader.as_of(
            table_id, scope=scope, start=start, end=end, where=where, columns=columns
        )

    def revisions(
        self, table: Table, selection: Selection, ingested_before: datetime | None = None
    ) -> pl.DataFrame:
        """All revisions of the selected keys of a raw table, in no particular order."""
        if table.kind != "raw":
            msg = f"{table.id}: only raw tables are read as of a time; this one is {table.kind}"
            raise LakeError(msg)
        filters = selection.before(table)
        if ingested_before is not None:
            filters.append(pl.col("ingested_at") < ingested_before)
        return scan(self.storage.open(table), table, filters)

    def stored_days(
        self, table_id: str, *, scope: str, start: datetime, where: Where | None = None
    ) -> list[date]:
        """UTC days of the time column that have rows from `start` on, in order."""
        target = table(table_id)
        selection = select(scope, start, None, where)
        snapshot = self.storage.open(target)
        names = [target.time_column, *(where or {})]
        rows = scan(snapshot, target, [*selection.before(target), *selection.after(target)], names)
        days = rows.select(pl.col(target.time_column).cast(pl.Date).unique().sort())
        return days.to_series().to_list()

    def read(
        self,
        table_id: str,
        *,
        scope: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        where: Where | None = None,
        latest_revision: bool = True,
    ) -> pl.DataFrame:
        """Rows for reports, trading and settlement; sorted.

        Args:
            table_id: Any registered table.
            scope: One data set, or all.
            start: Earliest value of the time column (included).
            end: End of its range (excluded).
            where: Column to value or list of values.
            latest_revision: Only the newest revision of each key (raw) or batch (decision).
        """
        target = table(table_id)
        selection = select(scope, start, end, where)
        rows = scan(self.storage.open(target), target, selection.before(target))
        if latest_revision and target.kind == "raw":
            rows = Revisions(target, rows).in_force()
        elif latest_revision and target.kind == "decision":
            rows = in_force.newest_revision(target, rows)
        after = selection.after(target)
        kept = rows.filter(*after) if after else rows
        return kept.sort(in_force.sort_columns(target))

    def current(
        self,
        table_id: str,
        *,
        scope: str,
        session: str | None = None,
        delivery_day: date | Sequence[date] | None = None,
        mode: str = "live",
    ) -> pl.DataFrame:
        """Rows of the runs in force; the rule is stated in `current`.

        Args:
            table_id: A decision table.
            scope: Desk.
            session: One session, or all.
            delivery_day: One delivery day, several, or all.
            mode: `live`, `replay` or `what_if`.
        """
        target = table(table_id)
        if target.kind != "decision":
            msg = f"{target.id}: only decision tables have runs in force; it is {target.kind}"
            raise LakeError(msg)
        where: dict[str, Any] = {"mode": mode}
        if session is not None:
            where["session"] = session
        if delivery_day is not None:
            where["delivery_day"] = delivery_day
        selection = Selection(scope=scope, where=where)
        bid_runs = table(in_force.BID_RUNS)
        rows = scan(self.storage.open(target), target, selection.before(target))
        runs = scan(self.storage.open(bid_runs), bid_runs, selection.before(bid_runs))
        return in_force.rows_in_force(target, rows, runs)
