"""How every asset is described: key, group, owner, kinds and column schema, from the registry.

Belongs here: the one place that turns a registered table into an asset's arguments and metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from energy_assets.lakehouse.tables import Table, table
from energy_assets.market import load_area

KINDS = {"polars", "deltalake"}


def key(scope: str, table_id: str) -> dg.AssetKey:
    """`<scope>/<stage>/<name>`."""
    stage, name = table_id.split(".")
    return dg.AssetKey([scope, stage, name])


def column_schema(registered: Table) -> dg.TableSchema:
    """The registry's columns as Dagster's column schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.dtype),
                description=f"{column.meaning} [{column.unit}]" if column.unit else column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in registered.all_columns
        ]
    )


def table_spec(
    scope: str, table_id: str, *, area: str, deps: Sequence[dg.AssetKey] = (), note: str = ""
) -> dg.AssetSpec:
    """The spec of an asset that writes one table for one scope."""
    registered = table(table_id)
    synthetic = " Synthetic data." if load_area(area).synthetic else ""
    return dg.AssetSpec(
        key=key(scope, table_id),
        deps=list(deps),
        description=f"{registered.description}{synthetic} {note}".strip(),
        group_name=registered.stage,
        owners=[f"team:{registered.owner}"],
        kinds=KINDS,
        metadata={
            "dagster/column_schema": column_schema(registered),
            "key": ", ".join(registered.key),
            "write mode": registered.kind,
        },
        tags={"desk_or_area": scope, "synthetic": str(bool(synthetic)).lower()},
    )


def rows_metadata(**values: Any) -> dict[str, Any]:
    """Metadata of a materialization; frames become markdown tables."""
    return {name: value for name, value in values.items() if value is not None}
