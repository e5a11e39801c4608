"""Other futures: everything known after a decision time replaced by values that must not matter.

`past` are the raw rows a decision may know; `news` contradicts them and the real future in every
way a lake can hold: revisions of past rows, other values of later rows, further days, forecast
vintages issued before the decision time and known after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.lakehouse.enforcement import caller_columns
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.tables import RAW, Table, table

INSTANT = timedelta(microseconds=1)
# Verdicts on points decide which rows are read, so they are part of what was known.
REWRITTEN = (*RAW, table("quality.point_verdicts"))
Rows = Mapping[tuple[str, str], pl.DataFrame]


def raw_rows(lake: Lake) -> Rows:
    """Every stored revision by table and scope, as a caller would hand it in."""
    found = {}
    for target in REWRITTEN:
        rows = lake.read(target.id, latest_revision=False)
        for (scope,), group in rows.group_by("scope", maintain_order=True):
            found[target.id, str(scope)] = group.select(caller_columns(target))
    return found


def known_at(rows: Rows, moment: datetime) -> Rows:
    """The rows known at a time."""
    return {key: frame.filter(pl.col("knowledge_time") <= moment) for key, frame in rows.items()}


def news(rows: Rows, moment: datetime, *, in_place: bool) -> Rows:
    """Rows known after a time that contradict all others.

    Args:
        rows: Rows of the real world.
        moment: The decision time.
        in_place: Later rows get other values at their own knowledge time (for a lake that never
            saw them); else they are revised an hour later.
    """
    return {
        key: _contradict(table(key[0]), frame, moment, timedelta() if in_place else _HOUR)
        for key, frame in rows.items()
    }


def store(lake: Lake, rows: Rows) -> None:
    """Append rows as any feed would."""
    for (table_id, scope), frame in rows.items():
        lake.append_if_changed(table_id, frame, scope=scope)


_HOUR = timedelta(hours=1)


def _contradict(
    target: Table, frame: pl.DataFrame, moment: datetime, delay: timedelta
) -> pl.DataFrame:
    at_once = pl.lit(moment + INSTANT, dtype=pl.Datetime("us", "UTC")).alias("knowledge_time")
    identity = [*target.key, "source"]
    past = frame.filter(pl.col("knowledge_time") <= moment).sort(*identity, "knowledge_time")
    revised = past.unique(identity, keep="last", maintain_order=True).with_columns(at_once)
    later = frame.filter(pl.col("knowledge_time") > moment).with_columns(
        pl.col("knowledge_time") + delay
    )
    further = _shifted(target, revised.filter(_recent(target, moment)))
    parts = [revised, later, further]
    if target.has_vintages:
        newest = pl.lit(moment, dtype=pl.Datetime("us", "UTC")).alias("issue_time")
        parts.append(revised.filter(_recent(target, moment)).with_columns(newest))
    together = pl.concat(parts).unique(
        [*identity, "knowledge_time"], keep="first", maintain_order=True
    )
    return _with_garbage(together)


def _recent(target: Table, moment: datetime) -> pl.Expr:
    since = moment - timedelta(days=7)
    return pl.col(target.time_column).cast(pl.Date) > since.date()


def _shifted(target: Table, frame: pl.DataFrame) -> pl.DataFrame:
    days = timedelta(days=10)
    times = [target.time_column, *(["issue_time"] if target.has_vintages else [])]
    return frame.with_columns(pl.col(name) + days for name in times)


def _with_garbage(frame: pl.DataFrame) -> pl.DataFrame:
    rng = np.random.default_rng(frame.height)
    values = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    return frame.with_columns(
        pl.Series(name, rng.uniform(300.0, 1200.0, frame.height).round(1)) for name in values
    )
