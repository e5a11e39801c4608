"""The analysts' session: DuckDB with every registered table as a view, no network.

`delta_scan` comes from the wheel `duckdb-extension-delta`, loaded from its file; DuckDB may neither
install nor load anything by itself. Where the wheel is missing (or the lake is an object store) the
views read pyarrow datasets instead: slower, same rows. A table that was never written is an empty
view with the right columns.

`<stage>.<table>` shows every row; `<stage>.current_<table>` the newest revision (raw) or the live
runs in force (decision tables; the rule is stated in `current`).

Not here: the pipeline's own reads, which go through `Lake` and `PointInTime`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from energy_assets.errors import LakeError
from energy_assets.lakehouse.current import BID_RUNS, SLOT, has_rung, rungs, slot_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import TABLES, Table
from energy_assets.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQL_TYPES: dict[object, str] = {
    pl.String: "VARCHAR",
    pl.Float64: "DOUBLE",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


def connect(lake: Lake | None = None, *, warehouse: Path | None = None) -> DuckDBPyConnection:
    """A DuckDB connection in memory with every registered table as a view.

    Args:
        lake: The lake; the one of this process's settings by default.
        warehouse: DuckDB file of the marts, attached read-only as `marts` where it exists; that of
            the settings when `lake` is not given.
    """
    import duckdb

    if lake is None:
        settings = Settings.from_environment()
        lake = Lake(settings.lake_root, settings.object_store_options)
        warehouse = warehouse or settings.warehouse
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    create_views(connection, lake)
    if warehouse is not None and warehouse.is_file():
        connection.execute(f"ATTACH {_text(str(warehouse))} AS marts (READ_ONLY)")
    return connection


def create_views(connection: DuckDBPyConnection, lake: Lake) -> None:
    """Make (or remake) the views of every registered table in a connection."""
    # The extension has no object-store client here and loses letters beyond ASCII in a path.
    plain = "://" not in lake.storage.root and lake.storage.root.isascii()
    relation = _delta_scan if plain and load_delta(connection) else _arrow_dataset
    for stage in sorted({table.stage for table in TABLES.values()}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(stage)}")
    for table in TABLES.values():
        source = relation(connection, lake, table)
        rows = f"SELECT {_columns(table)} FROM {source}"  # noqa: S608 (names are quoted)
        _create_view(connection, table, table.name, rows)
    # bid_runs first: the other views of runs in force read it.
    for table in sorted(TABLES.values(), key=lambda table: table.id != BID_RUNS):
        if table.kind != "results":
            _create_view(connection, table, f"current_{table.name}", _current_sql(table))


def extension_file() -> Path | None:
    """The Delta extension inside the wheel that matches this DuckDB, if it is installed."""
    import duckdb

    spec = importlib.util.find_spec("duckdb_extension_delta")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        version = f"v{duckdb.__version__}"
        path = Path(folder) / "extensions" / version / "delta.duckdb_extension"
        if path.is_file():
            return path
    return None


def load_delta(connection: DuckDBPyConnection) -> bool:
    """Load the Delta extension from its wheel; False where there is none."""
    path = extension_file()
    if path is None:
        return False
    connection.execute(f"LOAD {_text(str(path))}")
    return True


Relation = Callable[["DuckDBPyConnection", Lake, Table], str]


def _delta_scan(_connection: DuckDBPyConnection, lake: Lake, table: Table) -> str:
    if lake.storage.open(table) is None:
        return _empty(table)
    return f"delta_scan({_text(lake.storage.uri(table))})"


def _arrow_dataset(connection: DuckDBPyConnection, lake: Lake, table: Table) -> str:
    snapshot = lake.storage.open(table)
    if snapshot is None:
        return _empty(table)
    name = f"{table.id} dataset"
    connection.register(name, snapshot.to_pyarrow_dataset())
    return _name(name)


def _empty(table: Table) -> str:
    columns = ", ".join(
        f"CAST(NULL AS {_sql_type(table, column.name)}) AS {_name(column.name)}"
        for column in table.all_columns
    )
    return f"(SELECT {columns} WHERE false)"


def _create_view(connection: DuckDBPyConnection, table: Table, name: str, select: str) -> None:
    view = f"{_name(table.stage)}.{_name(name)}"
    connection.execute(f"CREATE OR REPLACE VIEW {view} AS {select}")
    connection.execute(f"COMMENT ON VIEW {view} IS {_text(table.description)}")
    for column in table.all_columns:
        unit = f" [{column.unit}]" if column.unit else ""
        meaning = _text(column.meaning + unit)
        connection.execute(f"COMMENT ON COLUMN {view}.{_name(column.name)} IS {meaning}")


def _current_sql(table: Table) -> str:
    if table.kind == "raw":
        return _newest_raw_sql(table)
    if table.id == BID_RUNS:
        return _bid_runs_sql(table)
    return _rung_sql(table) if has_rung(table) else _newest_batch_sql(table)


def _newest_raw_sql(table: Table) -> str:
    identity = _list(["scope", *table.key, "source"])
    return f"""
        SELECT {_columns(table)} FROM {_view(table)}
        QUALIFY row_number() OVER (
            PARTITION BY {identity} ORDER BY knowledge_time DESC, revision DESC) = 1"""  # noqa: S608


def _bid_runs_sql(table: Table) -> str:
    places = " ".join(f"WHEN {_text(rung)} THEN {place}" for place, rung in enumerate(rungs()))
    return f"""
        SELECT {_columns(table)} FROM {_view(table)}
        WHERE mode = 'live' AND ingested_at <= gate_closure
        QUALIFY row_number() OVER (
            PARTITION BY {_list(SLOT)}
            ORDER BY decision_time DESC, CASE rung {places} ELSE {len(rungs())} END, revision DESC
        ) = 1"""  # noqa: S608


def _rung_sql(table: Table) -> str:
    run = "scope, session, delivery_day, decision_time, mode, rung"
    batch = _list(["scope", *table.batch_key])
    return f"""
        SELECT {_columns(table)} FROM (
            SELECT orders.* FROM {_view(table)} AS orders
            JOIN (SELECT {run}, ingested_at AS finished_at FROM bids.current_bid_runs) AS runs
            USING ({run}) WHERE orders.ingested_at <= runs.finished_at)
        QUALIFY revision = max(revision) OVER (PARTITION BY {batch})"""  # noqa: S608


def _newest_batch_sql(table: Table) -> str:
    slot = _list(slot_columns(table))
    batch = _list(["scope", *table.batch_key])
    return f"""
        SELECT {_columns(table)} FROM {_view(table)} WHERE mode = 'live'
        QUALIFY decision_time = max(decision_time) OVER (PARTITION BY {slot})
            AND revision = max(revision) OVER (PARTITION BY {batch})"""  # noqa: S608


def _view(table: Table) -> str:
    return f"{_name(table.stage)}.{_name(table.name)}"


def _columns(table: Table) -> str:
    return _list(table.schema)


def _list(names: object) -> str:
    return ", ".join(_name(name) for name in names)  # type: ignore[attr-defined]


def _sql_type(table: Table, name: str) -> str:
    dtype = table.schema[name]
    if dtype not in _SQL_TYPES:
        msg = f"{table.id}: column {name!r}: no DuckDB type is known for {dtype!r}"
        raise LakeError(msg)
    return _SQL_TYPES[dtype]


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
