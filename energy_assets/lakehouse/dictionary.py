"""The data dictionary: the registry as a page for people.

`text()` gives the whole page; `docs/data_dictionary.md` holds it and a test keeps the two equal.
"""

from __future__ import annotations

from itertools import groupby

from energy_assets.lakehouse.tables import TABLES, Column, Table

_INTRODUCTION = """\
# Data dictionary

Generated from `energy_assets/lakehouse/tables/`; do not edit. Times are UTC. Injection, sale,
discharge and cash received are positive. Every table is partitioned by `scope` and `month`.
"""
_WRITTEN = {
    "raw": "append-only; a changed row is the next revision of its key and source",
    "decision": "append-only; a changed batch is the next revision of its batch key",
    "results": "replaced by scope, delivery day and key",
}


def text() -> str:
    """The data dictionary as Markdown."""
    parts = [_INTRODUCTION]
    for stage, tables in groupby(TABLES.values(), key=lambda table: table.stage):
        parts.append(f"## {stage}\n")
        parts.extend(_section(table) for table in tables)
    return "\n".join(parts)


def _section(table: Table) -> str:
    facts = [
        f"- Scope: {table.scope_kind}; owner: {table.owner}",
        f"- Key: {_code(table.key)}; time column: `{table.time_column}`",
        f"- Written: {_WRITTEN[table.kind]}",
    ]
    if table.batch_key:
        facts.append(f"- Batch: {_code(table.batch_key)}")
    if table.service.freshness:
        facts.append(
            f"- Freshness: at most {table.service.freshness.total_seconds() / 3600:g} hours old"
        )
    rows = [_row(column) for column in table.all_columns]
    header = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
    lines = [f"### {table.id}\n", f"{table.description}\n", *facts, "", *header, *rows, ""]
    return "\n".join(lines)


def _row(column: Column) -> str:
    dtype = str(column.dtype() if isinstance(column.dtype, type) else column.dtype)
    meaning = column.meaning
    if column.allowed:
        meaning += f" One of {_code(column.allowed)}."
    if column.minimum is not None or column.maximum is not None:
        meaning += f" Plausible: {_bound(column.minimum)} to {_bound(column.maximum)}."
    if column.nullable:
        meaning += " May be null."
    return f"| `{column.name}` | {dtype} | {column.unit} | {meaning.replace('|', '/')} |"


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
