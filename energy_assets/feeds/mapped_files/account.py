"""The account of mapped files: rows read, left out and missing, and the gaps of every series.

Belongs here: counting. Not here: making rows (`rows`), storing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from energy_assets.feeds.mapped_files.tables import TARGETS
from energy_assets.lakehouse import Table


@dataclass(frozen=True)
class SeriesSpan:
    """One series of a table.

    Attributes:
        labels: What names it, joined by `/`.
        rows: Rows it has.
        first: Start of its first period (a day for daily closes).
        last: Start of its last one.
        gaps: Periods missing in between; None where the series has no grid (closes).
    """

    labels: str
    rows: int
    first: datetime | date
    last: datetime | date
    gaps: int | None


def series_spans(table: Table, frame: pl.DataFrame) -> list[SeriesSpan]:
    """Span and gaps of every series of a table's rows, in order of name.

    A gap is a period between the first and the last that no row covers, each step measured in the
    length of the row before it, so that a change of resolution is none. Vintages count once.
    """
    target = TARGETS[table.id]
    keys = list(target.labels)
    spans = frame.group_by(keys).agg(
        rows=pl.len(), first=pl.col(target.time).min(), last=pl.col(target.time).max()
    )
    if target.length and frame.height:
        spans = spans.join(_gaps(frame, keys, target.time, target.length), on=keys, how="left")
    else:
        spans = spans.with_columns(gaps=pl.lit(None, dtype=pl.Int64))
    return [
        SeriesSpan(
            "/".join(str(row[key]) for key in keys),
            row["rows"],
            row["first"],
            row["last"],
            row["gaps"],
        )
        for row in spans.sort(keys).iter_rows(named=True)
    ]


def _gaps(frame: pl.DataFrame, keys: list[str], time: str, length: str) -> pl.DataFrame:
    seconds = pl.col(length).cast(pl.Int64) * (1 if length == "interval_seconds" else 60)
    grid = frame.select(*keys, time, _seconds=seconds).unique([*keys, time])
    step = pl.col(time).diff().over(keys).dt.total_seconds()
    before = pl.col("_seconds").shift(1).over(keys)
    # Local days are 23 or 25 hours long, so a step is rounded to whole periods.
    missing = pl.when(before > 0).then((step / before).round() - 1).clip(lower_bound=0)
    return (
        grid.sort([*keys, time])
        .with_columns(_missing=missing)
        .group_by(keys)
        .agg(gaps=pl.col("_missing").sum().cast(pl.Int64))
    )
