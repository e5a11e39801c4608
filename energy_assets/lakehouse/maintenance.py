"""Maintenance: closed months rewritten in sorted order, old files removed.

The open month holds one small file per commit. Once a month has ended, each (scope, month) with
several files is read whole, sorted by key, checked (rows read equal the rows the log counts, equal
checksum after sorting) and put back in one overwrite with a predicate, then read back and compared.
A checkpoint of the log afterwards spares every reader the replay of what was rewritten, which costs
more than the rows do.
It is one Delta commit on the snapshot that was read, under the scope's transaction number: a kill
leaves the old files or the new ones, and a write in between makes it start over.

Audit tables (`storage.is_audit`) are append-only and left alone. `delta.appendOnly` on the other
tables would forbid the rewrite (it removes files), so they do without; nothing but this module and
`Lake.replace` ever overwrites.

Not here: when it runs (`defs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from deltalake import DeltaTable

from energy_assets.errors import LakeError
from energy_assets.lakehouse.current import sort_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.reading import in_utc, scan
from energy_assets.lakehouse.storage import Change, is_audit
from energy_assets.lakehouse.tables import TABLES, Table, table
from energy_assets.lakehouse.writing import partition_predicate

_SMALL_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Rewrite:
    """One partition rewritten: its table, scope, month, rows and the files it had before."""

    table: str
    scope: str
    month: str
    rows: int
    files_before: int


def maintain(
    lake: Lake, tables: Iterable[str] | None = None, now: datetime | None = None
) -> list[Rewrite]:
    """Rewrite every closed month that holds several small files; what was known when stays equal.

    Args:
        lake: The lake.
        tables: Table ids; all by default. Audit tables are skipped.
        now: The current time (the lake's clock by default); months before its own are closed.

    Raises:
        LakeError: If a count or checksum does not match; the partition was left as it was.
    """
    open_month = in_utc(now or lake.clock(), "now").strftime("%Y-%m")
    rewrites = []
    for table_id in TABLES if tables is None else tables:
        target = table(table_id)
        snapshot = lake.storage.open(target)
        if snapshot is None or is_audit(target):
            continue
        done = [
            Rewrite(target.id, scope, month, _rewrite(lake, target, scope, month), files)
            for scope, month, files in _scattered_partitions(snapshot)
            if month < open_month
        ]
        if done:
            lake.storage.ensure(target).create_checkpoint()
        rewrites += done
    return rewrites


def vacuum(
    lake: Lake,
    tables: Iterable[str] | None = None,
    *,
    retention: timedelta | None = None,
    keep_versions: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, int]:
    """Delete files that no kept version needs; audit tables are never vacuumed.

    Args:
        lake: The lake.
        tables: Table ids; all by default.
        retention: Files dropped later than this ago stay, and with them time travel; each table's
            own (`Table.retention`) by default.
        keep_versions: By table id, versions that stay readable whatever their age (approved runs
            name them).

    Returns:
        Number of files deleted per table.
    """
    deleted = {}
    for table_id in TABLES if tables is None else tables:
        target = table(table_id)
        snapshot = lake.storage.open(target)
        if snapshot is not None and not is_audit(target):
            age = target.retention if retention is None else retention
            kept = (keep_versions or {}).get(target.id, ())
            files = snapshot.vacuum(
                retention_hours=int(age.total_seconds() // 3600),
                dry_run=False,
                enforce_retention_duration=False,
                # A commit that was refused or killed leaves files that no log entry names.
                full=True,
                keep_versions=[v for v in kept if v <= snapshot.version()] or None,
            )
            deleted[target.id] = len(files)
    return deleted


def _scattered_partitions(snapshot: DeltaTable) -> list[tuple[str, str, int]]:
    """(scope, month, files) of every partition with more than one small file."""
    counted = (
        _files(snapshot)
        .filter(pl.col("size_bytes") < _SMALL_FILE_BYTES)
        .group_by("partition.scope", "partition.month")
        .len()
        .filter(pl.col("len") > 1)
        .sort("partition.scope", "partition.month")
    )
    return [(scope, month, files) for scope, month, files in counted.iter_rows()]


def _rewrite(lake: Lake, target: Table, scope: str, month: str) -> int:
    checked: list[tuple[int, int]] = []

    def plan(snapshot: DeltaTable) -> Change:
        rows = _partition_rows(snapshot, target, scope, month)
        logged = _files(snapshot).filter(
            pl.col("partition.scope") == scope, pl.col("partition.month") == month
        )
        counted = int(logged.get_column("num_records").sum())
        _require(target, scope, month, "rows", counted, rows.height)
        ordered = rows.sort(sort_columns(target))
        checked.append((rows.height, _checksum(rows)))
        _require(target, scope, month, "checksum", checked[-1][1], _checksum(ordered))
        metadata = {"maintenance": "sorted rewrite", "scope": scope, "months": month}
        return Change(ordered, partition_predicate(scope, [month]), metadata)

    done = lake.storage.commit(target, scope, plan)
    height, checksum = checked[-1]
    written = DeltaTable(
        lake.storage.uri(target),
        version=done.version,
        storage_options=dict(lake.storage.options) or None,
    )
    rows = _partition_rows(written, target, scope, month)
    _require(target, scope, month, "rows read back", height, rows.height)
    _require(target, scope, month, "checksum read back", checksum, _checksum(rows))
    return height


def _partition_rows(snapshot: DeltaTable, target: Table, scope: str, month: str) -> pl.DataFrame:
    return scan(snapshot, target, [pl.col("scope") == scope, pl.col("month") == month])


def _files(snapshot: DeltaTable) -> pl.DataFrame:
    frame = pl.DataFrame(snapshot.get_add_actions(flatten=True))
    return frame.select("partition.scope", "partition.month", "size_bytes", "num_records")


def _checksum(rows: pl.DataFrame) -> int:
    """Checksum over all columns that row order does not change; compared within one process."""
    return int(rows.hash_rows(seed=0).cast(pl.Int128).sum()) if rows.height else 0


def _require(target: Table, scope: str, month: str, what: str, expected: int, found: int) -> None:
    if expected != found:
        msg = f"{target.id} {scope}/{month}: {what}: expected {expected}, found {found}"
        raise LakeError(msg)
