"""The one write path: append a raw batch, append a decision batch, replace results.

Each function checks the frame against the registry, adds the system columns and commits through
`storage.Storage.commit`, which re-plans on a conflict. A write is one Delta commit: readers see all
of it or nothing. The time of writing is stamped per attempt.

Not here: the revision rule (`revisions`), the commit protocol (`storage`), schema checks
(`enforcement`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from deltalake import DeltaTable

from energy_assets.errors import LakeError
from energy_assets.lakehouse.enforcement import (
    conform,
    content_columns,
    require_unique,
    stamp_partition,
)
from energy_assets.lakehouse.hashing import combined_hash, row_hashes
from energy_assets.lakehouse.reading import Selection, scan
from energy_assets.lakehouse.revisions import next_revisions
from energy_assets.lakehouse.storage import Change, Committed, Storage
from energy_assets.lakehouse.tables import Kind, Table

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class WriteResult:
    """What a write came to.

    Attributes:
        table: Table id.
        rows_in: Rows handed in.
        rows_written: Rows that were news; 0 when nothing had changed.
        version: Delta version of the table afterwards.
    """

    table: str
    rows_in: int
    rows_written: int
    version: int


@dataclass(frozen=True)
class Writer:
    """The write path of one lake.

    Attributes:
        storage: Where the tables lie.
        clock: Gives the time a row is written at.
    """

    storage: Storage
    clock: Clock

    def append_if_changed(
        self,
        table: Table,
        frame: pl.DataFrame,
        scope: str,
        ingested_at: datetime | None,
        run_id: str,
    ) -> WriteResult:
        """Append the raw rows that are news, as the next revision of their key and source."""
        _require_kind(table, "raw", "append_if_changed")
        checked = conform(table, frame)
        batch = stamp_partition(table, checked, scope).with_columns(
            row_hashes(checked, content_columns(table))
        )
        metadata = _metadata(run_id, batch)

        def plan(snapshot: DeltaTable) -> Change | None:
            news = next_revisions(table, batch, _stored_revisions(snapshot, table, batch, scope))
            return self._appended(table, news, ingested_at, metadata)

        return self._commit(table, scope, frame, plan)

    def append(self, table: Table, frame: pl.DataFrame, scope: str) -> WriteResult:
        """Append the decision batches that differ from their newest revision."""
        _require_kind(table, "decision", "append")
        checked = stamp_partition(table, conform(table, frame), scope)
        batch_key = list(table.batch_key)
        require_unique(table, checked, list(dict.fromkeys((*batch_key, *table.key))))
        batches = _batch_hashes(table, checked, batch_key)
        run_ids = checked.get_column("run_id").unique().sort().to_list()
        metadata = _metadata(",".join(run_ids), checked)

        def plan(snapshot: DeltaTable) -> Change | None:
            news = _changed_batches(
                batches, _stored_batches(snapshot, table, checked, scope), batch_key
            )
            rows = checked.join(news, on=batch_key, how="inner", maintain_order="left")
            return self._appended(table, rows, None, metadata)

        return self._commit(table, scope, frame, plan)

    def replace(
        self, table: Table, frame: pl.DataFrame, scope: str, by: Sequence[str], run_id: str
    ) -> WriteResult:
        """Put the frame in place of the rows that share its scope, months and `by` values."""
        _require_kind(table, "results", "replace")
        checked = stamp_partition(table, conform(table, frame), scope)
        slot = list(dict.fromkeys(("month", *(table.column(name).name for name in by))))
        require_unique(table, checked, list(dict.fromkeys(("delivery_day", *table.key, *by))))
        metadata = _metadata(run_id, checked)

        def plan(snapshot: DeltaTable) -> Change | None:
            months = checked.get_column("month").unique().sort().to_list()
            filters = [pl.col("scope") == scope, pl.col("month").is_in(months)]
            stored = scan(snapshot, table, filters)
            others = stored.join(checked.select(slot).unique(), on=slot, how="anti")
            replaced = stored.join(checked.select(slot).unique(), on=slot, how="semi")
            if _same_content(table, replaced, checked):
                return None
            written = checked.with_columns(_stamp(self.clock())).select(list(table.schema))
            rows = pl.concat([others, written]).sort("month", "delivery_day", *table.key)
            return Change(rows, partition_predicate(scope, months), metadata)

        result = self._commit(table, scope, frame, plan)
        written = checked.height if result.rows_written else 0
        return WriteResult(table.id, frame.height, written, result.version)

    def _appended(
        self,
        table: Table,
        rows: pl.DataFrame,
        ingested_at: datetime | None,
        metadata: dict[str, str],
    ) -> Change | None:
        if rows.is_empty():
            return None
        stamped = rows.with_columns(_stamp(ingested_at or self.clock()))
        order = ["month", *table.batch_key, *table.key]
        return Change(stamped.select(list(table.schema)).sort(order), None, metadata)

    def _commit(
        self,
        table: Table,
        scope: str,
        frame: pl.DataFrame,
        plan: Callable[[DeltaTable], Change | None],
    ) -> WriteResult:
        if frame.is_empty():
            return WriteResult(table.id, 0, 0, self.storage.ensure(table).version())
        done: Committed = self.storage.commit(table, scope, plan)
        return WriteResult(table.id, frame.height, done.rows_written, done.version)


def partition_predicate(scope: str, months: Sequence[str]) -> str:
    """Delta predicate of whole partitions; both parts were checked or made by the lake."""
    listed = ", ".join(f"'{month}'" for month in months)
    return f"scope = '{scope}' AND month IN ({listed})"


def _stored_revisions(
    snapshot: DeltaTable, table: Table, batch: pl.DataFrame, scope: str
) -> pl.DataFrame:
    filters = [pl.col("scope") == scope]
    if table.time_column in table.key:
        filters += [
            pl.col(name).is_between(*_ends(batch.get_column(name)))
            for name in ("month", table.time_column)
        ]
    columns = [*table.key, "source", "knowledge_time", "content_hash", "revision"]
    return scan(snapshot, table, filters, columns)


def _batch_hashes(table: Table, rows: pl.DataFrame, batch_key: list[str]) -> pl.DataFrame:
    """One row per batch: its key and `content_hash`, from the hashes of its rows."""
    content = ["scope", *content_columns(table)]
    hashed = rows.select(*batch_key).with_columns(row_hashes(rows, content))
    grouped = hashed.group_by(batch_key, maintain_order=True).agg("content_hash")
    digests = [combined_hash(hashes) for hashes in grouped.get_column("content_hash").to_list()]
    return grouped.with_columns(pl.Series("content_hash", digests, dtype=pl.String))


def _stored_batches(
    snapshot: DeltaTable, table: Table, rows: pl.DataFrame, scope: str
) -> pl.DataFrame:
    """Newest revision of every stored batch that may be one of these."""
    moments: list[datetime] = rows.get_column(table.time_column).sort().to_list()
    filters = Selection(scope=scope, start=moments[0], end=moments[-1]).before(table)
    filters.append(pl.col("delivery_day").is_between(*_ends(rows.get_column("delivery_day"))))
    columns = [*table.batch_key, "revision", "content_hash"]
    stored = scan(snapshot, table, filters, columns).unique()
    return stored.sort("revision").unique(list(table.batch_key), keep="last", maintain_order=True)


def _changed_batches(
    batches: pl.DataFrame, stored: pl.DataFrame, batch_key: list[str]
) -> pl.DataFrame:
    compared = batches.join(stored, on=batch_key, how="left", suffix="_stored")
    changed = pl.col("content_hash").ne_missing(pl.col("content_hash_stored"))
    revision = (pl.col("revision").fill_null(0) + 1).cast(pl.Int32)
    return compared.filter(changed).select(*batch_key, "content_hash", revision=revision)


def _same_content(table: Table, stored: pl.DataFrame, rows: pl.DataFrame) -> bool:
    content = content_columns(table)
    return stored.height == rows.height and combined_hash(
        row_hashes(stored, content)
    ) == combined_hash(row_hashes(rows, content))


def _ends(values: pl.Series) -> tuple[pl.Expr, pl.Expr]:
    return pl.lit(values.min(), dtype=values.dtype), pl.lit(values.max(), dtype=values.dtype)


def _stamp(moment: datetime) -> pl.Expr:
    return pl.lit(moment, dtype=pl.Datetime("us", "UTC")).alias("ingested_at")


def _metadata(run_id: str, rows: pl.DataFrame) -> dict[str, str]:
    metadata = {"run_id": run_id}
    if rows.is_empty():
        return metadata
    months = rows.get_column("month").unique().sort().to_list()
    metadata |= {"scope": rows.get_column("scope")[0], "months": ",".join(months)}
    if "delivery_day" in rows.columns:
        days = rows.get_column("delivery_day").unique().sort().to_list()
        metadata["delivery_days"] = ",".join(day.isoformat() for day in days)
    return metadata


def _require_kind(table: Table, kind: Kind, function: str) -> None:
    if table.kind != kind:
        msg = f"{table.id}: {function} writes {kind} tables; this one is {table.kind}"
        raise LakeError(msg)
