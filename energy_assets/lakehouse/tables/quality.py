"""Quality tables: verdicts on inputs and points, and rows refused."""

from __future__ import annotations

import polars as pl

from energy_assets.lakehouse.tables.model import BATCH, UTC_TIME, Column, Table

QUALITY = (
    Table(
        "quality",
        "verdicts",
        "One verdict on an input, as seen by a decision.",
        "decision",
        "desk",
        (
            Column("input", pl.String, "Table and series checked."),
            Column("rule", pl.String, "Rule id; `all` for the input's overall verdict."),
            Column("verdict", pl.String, "Outcome.", allowed=("good", "suspect", "missing")),
            Column("window_start", UTC_TIME, "Start of the window checked.", "UTC"),
            Column("window_end", UTC_TIME, "End of the window checked.", "UTC"),
            Column("detail", pl.String, "Expected and found, in words."),
        ),
        ("input", "rule"),
        "window_start",
        batch_key=BATCH,
    ),
    Table(
        "quality",
        "point_verdicts",
        "One verdict on one stored raw point; decisions leave out points that are not good.",
        "raw",
        "area",
        (
            Column("table", pl.String, "Raw table of the point."),
            Column("series", pl.String, "Key of the series, `column=value` joined by `,`."),
            Column("row_source", pl.String, "Source of the point's row."),
            Column("point_time", UTC_TIME, "Value of the table's time column.", "UTC"),
            Column("rule", pl.String, "Rule id; empty where the point was cleared."),
            Column("verdict", pl.String, "Outcome.", allowed=("good", "suspect", "quarantined")),
            Column("raw_value", pl.Float64, "The value judged."),
            Column("detail", pl.String, "Expected and found, in words."),
        ),
        ("table", "series", "row_source", "point_time"),
        "point_time",
    ),
    Table(
        "quality",
        "rejected_rows",
        "One row refused by a check, kept whole.",
        "raw",
        "area",
        (
            Column("table", pl.String, "Table the row was meant for."),
            Column("rule", pl.String, "Rule id."),
            Column("reason", pl.String, "Expected and found, in words."),
            Column("row_hash", pl.String, "Hash of what the row says, whenever it was known."),
            Column("raw_row", pl.String, "The row as JSON, as it first came.", volatile=True),
            Column("rejected_at", UTC_TIME, "When it was refused.", "UTC", volatile=True),
        ),
        ("table", "rule", "row_hash"),
        "rejected_at",
    ),
)
