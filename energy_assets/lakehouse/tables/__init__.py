"""The table registry: one statement per table, used by writes, metadata, checks, docs and views.

A `Table` states its columns (dtype, unit, meaning, bounds), natural key, time column, write mode
and scope. System columns follow from the kind and are appended by `Table.schema`:

- every table: `scope` (area, desk or `global`) and `month` (UTC month of the time column), the
  partition columns;
- raw: `source`, `knowledge_time`, `knowledge_basis`, `ingested_at`, `revision`, `content_hash`;
- decision: `session`, `delivery_day`, `decision_time`, `run_id`, `mode`, `revision`,
  `ingested_at`, `content_hash`.

A decision *batch* is the rows that share scope, `batch_key`; its content hash leaves out volatile
columns (run id, seconds, time stamps of making), so that a re-run with equal economic content
appends nothing.

Not here: reading and writing (`lake`), checks (`quality`), the DuckDB session (`analysts`).
"""

from __future__ import annotations

from energy_assets.errors import LakeError
from energy_assets.lakehouse.tables.bids import BIDS
from energy_assets.lakehouse.tables.curated import CURATED
from energy_assets.lakehouse.tables.forecasts import FORECASTS
from energy_assets.lakehouse.tables.model import (
    UTC_TIME,
    Column,
    Kind,
    ScopeKind,
    ServiceLevel,
    Table,
)
from energy_assets.lakehouse.tables.quality import QUALITY
from energy_assets.lakehouse.tables.raw import RAW
from energy_assets.lakehouse.tables.results import RESULTS
from energy_assets.lakehouse.tables.trading import TRADING

__all__ = [
    "RAW",
    "TABLES",
    "UTC_TIME",
    "Column",
    "Kind",
    "ScopeKind",
    "ServiceLevel",
    "Table",
    "table",
]

TABLES: dict[str, Table] = {
    table.id: table for table in (*RAW, *QUALITY, *CURATED, *FORECASTS, *BIDS, *TRADING, *RESULTS)
}


def table(table_id: str) -> Table:
    """The registered table `stage.name`.

    Raises:
        LakeError: If no such table is registered.
    """
    if table_id not in TABLES:
        msg = f"table {table_id!r} is not registered; registered: {', '.join(sorted(TABLES))}"
        raise LakeError(msg)
    return TABLES[table_id]
