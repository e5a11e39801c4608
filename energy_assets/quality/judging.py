"""Judging stored points in context: which rows to look at again, and the verdicts written.

Called after every append that brought news. Series with new rows are put on their day grid with some
months of context, checked by the rule groups of their table, and every point that is not good, or no
longer bad, gets a row in `quality.point_verdicts`. Raw rows stay as they are.

A verdict is known once its evidence was complete: its knowledge time is the latest of all rows in the
context up to the last slot needed. A key with several revisions is judged in its first state and in
its newest, so that history fetched at once gets the verdicts a live desk had. Not here: rows refused
on the way in (`screening`), the checks (`plausibility`), leaving points out (`lakehouse`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.feeds.interface import Window
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_verdicts import (
    GOOD,
    POINT_VERDICTS,
    point_time,
    series_name,
    value_column,
)
from energy_assets.lakehouse.reading import select
from energy_assets.lakehouse.tables import Table, table
from energy_assets.portfolio import Desk
from energy_assets.quality.judged_series import Companions, JudgedSeries, series_of
from energy_assets.quality.plausibility import Finding, findings
from energy_assets.quality.plausibility.rules import context_days

SOURCE = "plausibility"
_COLUMNS = ("point_time", "series", "row_source", "rule", "verdict", "raw_value", "detail")


@dataclass(frozen=True)
class Judgement:
    """What judging came to.

    Attributes:
        series: Series looked at.
        written: Verdicts appended.
    """

    series: int
    written: int


def judge(
    lake: Lake,
    judged: Table,
    scope: str,
    window: Window,
    since: datetime,
    *,
    desk: Desk | None = None,
    run_id: str = "",
) -> Judgement:
    """Judge the points of a table that rows written since a moment touch.

    Args:
        lake: The lake.
        judged: Raw table.
        scope: Data set.
        window: Times of the rows just appended.
        since: Rows written from then on are news.
        desk: Units, limits and sites; without it units' tables are not judged.
        run_id: Named in the commit.
    """
    rules = judged.service.plausibility
    if not rules:
        return Judgement(0, 0)
    start = window.start - timedelta(days=context_days(rules))
    rows = _rows(lake, judged, scope, start, window.end)
    news = rows.filter(pl.col("ingested_at") >= since)
    if news.is_empty():
        return Judgement(0, 0)
    touched = news.select("series_name", "source").unique()
    rows = rows.join(touched, on=["series_name", "source"], how="semi")
    companions = Companions(lake, start, window.end)
    seen = written = 0
    for state in _states(rows):
        verdicts = []
        for series in series_of(judged, scope, state, desk, companions):
            seen += 1
            verdicts.append(_verdicts(series, rules, since))
        written += _write(lake, judged, scope, verdicts, news, run_id)
    return Judgement(seen, written)


def _rows(lake: Lake, judged: Table, scope: str, start: datetime, end: datetime) -> pl.DataFrame:
    rows = lake.revisions(judged, select(scope, start, end, None))
    return rows.with_columns(
        series_name=series_name(judged),
        point_time=point_time(judged),
        value=pl.col(value_column(judged)),
    )


def _states(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    raise NotImplementedError
