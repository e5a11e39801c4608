"""The lakehouse: the table registry, the one write path, point-in-time reads, the DuckDB session.

Belongs here: how tables are stored, written and read. Not here: what a value should be (`quality`)
or where it comes from (`feeds`).

Public face:
    `Lake(root)`: writes `append_if_changed`, `append`, `replace`, `quarantine`;
        reads `as_of`, `read`, `current`
    `PointInTime(lake, decision_time, ingested_before)` -> `as_of`, `input_hash`
    `TABLES`, `table(id)`: the registry
    `connect()`: DuckDB with every table as a view
    `maintain(lake)`: closed months rewritten in sorted order
"""

from energy_assets.lakehouse.analysts import connect
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.maintenance import maintain
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import TABLES, Column, Table, table
from energy_assets.lakehouse.writing import WriteResult

__all__ = [
    "TABLES",
    "Column",
    "Lake",
    "PointInTime",
    "Table",
    "WriteResult",
    "connect",
    "maintain",
    "table",
]
