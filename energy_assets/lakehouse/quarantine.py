"""Quarantine: refused rows kept whole in `quality.rejected_rows`, with rule and reason.

A rejected row is keyed by table, rule and the hash of the row as it came, so refusing it again adds
nothing. Any shape of row is accepted: it is stored as JSON text and never parsed again.

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
    """Rows as they enter `quality.rejected_rows`.

    Args:
        table_id: Table the rows were meant for.
        rows: The rows as they came, a frame or dicts.
        rule: Rule id.
        reason: Expected and found, in words.
        source: Feed that delivered them.
        at: When they were refused, UTC.
    """
    records = rows.to_dicts() if isinstance(rows, pl.DataFrame) else rows
    texts = [json.dumps(dict(row), sort_keys=True, default=_as_text) for row in records]
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
    return pl.DataFrame({"raw_row": texts}, schema={"raw_row": pl.String}).with_columns(
        pl.Series("row_hash", [text_hash(text) for text in texts], dtype=pl.String),
        *[pl.lit(value, dtype=target.schema[name]).alias(name) for name, value in columns.items()],
    )


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
