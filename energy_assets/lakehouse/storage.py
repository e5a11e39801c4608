"""Delta tables on disk or in an object store, and the commit protocol every write goes through.

The protocol, for one table and scope:

1. load one snapshot of the table;
2. read the snapshot's transaction number n of the application id `table/scope`;
3. plan the change from that snapshot only; no change, no commit;
4. commit on that snapshot with transaction number n + 1.

Two writers that planned from the same snapshot both claim n + 1: Delta lets one commit and refuses
the other, which starts again at step 1 and finds the first one's rows. So nothing is doubled or
lost. The number is per scope: appends to different scopes never refuse each other. Maintenance
takes the same number, so it cannot overwrite rows it has not read.

Not here: what to write (`writing`, `maintenance`) or how to read (`reading`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from energy_assets import __version__
from energy_assets.errors import LakeError
from energy_assets.lakehouse.tables import Table

# A loser's chance does not fall with its losses, since the pause stops growing: of four processes
# writing one scope without a break the unluckiest write needed 18 attempts. With pauses that went
# on doubling, 8 attempts were lost in a row.
ATTEMPTS = 48
_FIRST_DELAY_SECONDS = 0.02
_LONGEST_DELAY_SECONDS = 0.32
# Rewritten files are large and sorted: a narrow read skips the row groups it does not need.
_SORTED_FILE = WriterProperties(max_row_group_size=16_384, compression="ZSTD")
_PARTITION_BY = ["scope", "month"]
_AUDIT_STAGES = frozenset({"governance"})
_AUDIT_TABLES = frozenset({"bids.bid_runs", "quality.rejected_rows"})


@dataclass(frozen=True)
class Change:
    """A planned commit.

    Attributes:
        rows: Rows to write, in stored column order.
        predicate: None to append; else the rows to overwrite, as a Delta predicate.
        metadata: Commit metadata beside the code version.
    """

    rows: pl.DataFrame
    predicate: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Committed:
    """What a commit came to: rows written (0 if nothing had changed) and the table version."""

    rows_written: int
    version: int


def is_audit(table: Table) -> bool:
    """Whether a table is evidence: append-only for good, never rewritten, never vacuumed."""
    return table.stage in _AUDIT_STAGES or table.id in _AUDIT_TABLES


@dataclass(frozen=True)
class Storage:
    """Where the tables lie.

    Attributes:
        root: Folder or object-store URL.
        options: Object-store options; kept out of `repr`.
        sleep: Waits between attempts, in seconds.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        if "%" in self.root:
            msg = f"lake root: expected a path without '%' (Delta decodes it), found {self.root!r}"
            raise LakeError(msg)

    def uri(self, table: Table) -> str:
        """Folder or URL of a table."""
        return f"{self.root.rstrip('/')}/{table.stage}/{table.name}"

    def open(self, table: Table) -> DeltaTable | None:
        """A snapshot of the newest version, or None if the table was never made."""
        try:
            return DeltaTable(self.uri(table), storage_options=self._options)
        except TableNotFoundError:
            return None

    def ensure(self, table: Table) -> DeltaTable:
        """A snapshot of the table, made empty if it is not there yet."""
        for attempt in range(ATTEMPTS):
            snapshot = self.open(table)
            if snapshot is not None:
                return snapshot
            try:
                self._create(table)
            except DeltaError:
                # Another process made the same table in between: the next look finds it.
                self._pause(attempt)
        msg = f"{table.id}: could not be created in {self.root} after {ATTEMPTS} attempts"
        raise LakeError(msg)

    def commit(
        self, table: Table, scope: str, plan: Callable[[DeltaTable], Change | None]
    ) -> Committed:
        """Plan a change on one snapshot and commit it there; on a conflict, plan again.

        Args:
            table: The table.
            scope: The scope whose rows change; conflicts are found per scope.
            plan: Gives the change for a snapshot, None if there is nothing to do.

        Raises:
            LakeError: If every attempt met a conflict.
        """
        failure: DeltaError | None = None
        for attempt in range(ATTEMPTS):
            snapshot = self.ensure(table)
            change = plan(snapshot)
            if change is None:
                return Committed(0, snapshot.version())
            try:
                self._write(table, scope, snapshot, change)
            except CommitFailedError as error:
                failure = error
                self._pause(attempt)
            else:
                return Committed(change.rows.height, snapshot.version())
        msg = f"{table.id}, scope {scope}: not committed after {ATTEMPTS} attempts ({failure})"
        raise LakeError(msg) from failure

    def _write(self, table: Table, scope: str, snapshot: DeltaTable, change: Change) -> None:
        app_id = f"{table.id}/{scope}"
        number = snapshot.transaction_version(app_id) or 0
        properties = CommitProperties(
            custom_metadata={"code_version": __version__, **change.metadata},
            app_transactions=[Transaction(app_id, number + 1)],
        )
        if change.predicate is None:
            write_deltalake(snapshot, change.rows, mode="append", commit_properties=properties)
        else:
            write_deltalake(
                snapshot,
                change.rows,
                mode="overwrite",
                predicate=change.predicate,
                commit_properties=properties,
                writer_properties=_SORTED_FILE,
            )

    def _create(self, table: Table) -> None:
        empty = pl.DataFrame(schema=table.schema).to_arrow()
        fields = [
            empty.schema.field(column.name).with_metadata({"comment": column.meaning})
            for column in table.all_columns
        ]
        configuration = {
            # Versions that approved runs name stay readable.
            "delta.logRetentionDuration": "interval 3650 days",
        }
        if is_audit(table):
            configuration["delta.appendOnly"] = "true"
        DeltaTable.create(
            self.uri(table),
            schema=pa.schema(fields),
            mode="error",
            partition_by=_PARTITION_BY,
            name=table.id,
            description=table.description,
            configuration=configuration,
            storage_options=self._options,
        )

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self.options) or None

    def _pause(self, attempt: int) -> None:
        delay = min(_FIRST_DELAY_SECONDS * 2**attempt, _LONGEST_DELAY_SECONDS)
        # Jitter parts writers that collided; it never reaches a result.
        self.sleep(delay * (0.5 + random.SystemRandom().random()))
