"""Quarantine: refused rows kept whole in `quality.rejected_rows`, with rule and reason.

A rejected row is keyed by table, rule and the hash of what it says, so refusing it again adds
nothing: not a thousand copies in one batch, nor the same row fetched every hour and known an hour
later each time. The first one is kept whole. Any shape of row is accepted: it is stored as JSON
text and never parsed again.

Not here: the rules that refuse (`quality`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from energy_assets.lakehouse.hashing import text_hash
from energy_assets.lakehouse.tables import table

REJECTED_ROWS = "quality.rejected_rows"


def rejected_frame(
    table_id: str,
    rows: pl.DataFrame | Sequence[Mapping[str, Any]],
    *,
    rule: str,
    reason: str,
    source: str,
    at: datetime,
) -> pl.DataFrame:
    """Rows as they enter `quality.rejected_rows`, each once.

    Args:
        table_id: Table the rows were meant for.
        rows: The rows as they came, a frame or dicts.
        rule: Rule id.
        reason: Expected and found, in words.
        source: Feed that delivered them.
        at: When they were refused, UTC.
    """
    volatile = table(table_id).volatile
    first: dict[str, str] = {}
    for row in _distinct(rows, volatile):
        said = {name: value for name, value in row.items() if name not in volatile}
        first.setdefault(text_hash(_as_json(said)), _as_json(row))
    target = table(REJECTED_ROWS)
    columns = {
        "table": table_id,
        "rule": rule,
        "reason": reason,
        "source": source,
        "rejected_at": at,
        "knowledge_time": at,
        "knowledge_basis": "observed",
    }
    kept = {"row_hash": list(first), "raw_row": list(first.values())}
    return pl.DataFrame(kept, schema=dict.fromkeys(kept, pl.String)).with_columns(
        *[pl.lit(value, dtype=target.schema[name]).alias(name) for name, value in columns.items()],
    )


def _distinct(
    rows: pl.DataFrame | Sequence[Mapping[str, Any]], volatile: frozenset[str]
) -> Sequence[Mapping[str, Any]]:
    """The rows as dicts; of a frame, the first of each content only (a flood is cut short here)."""
    if not isinstance(rows, pl.DataFrame):
        return rows
    said = [name for name in rows.columns if name not in volatile]
    return rows.unique(said or None, keep="first", maintain_order=True).to_dicts()


def _as_json(row: Mapping[str, Any]) -> str:
    return json.dumps(dict(row), sort_keys=True, default=_as_text)


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
