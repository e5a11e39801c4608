"""Judging stored points in context: which rows to look at again, and the verdicts written.

Called after every append that brought news. Series with new rows are put on their day grid with
some months of context, checked by the rule groups of their table, and every point that is not
good, or no longer bad, gets a row in `quality.point_verdicts`. Raw rows stay as they are.

A verdict is known once its evidence was complete: its knowledge time is the latest of all rows in
the context up to the last slot needed. A key with several revisions in the news is judged in its
first state and in its newest, so that history fetched at once gets the verdicts a live desk had. A
point that has a verdict keeps it until it is cleared; more rules that say the same add nothing.

Not here: rows refused on the way in (`screening`), the checks (`plausibility`), leaving points out
of a decision (`lakehouse`).
"""

from __future__ import annotations

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
from energy_assets.lakehouse.reading import Selection, Where, select
from energy_assets.lakehouse.revisions import Places, Revisions
from energy_assets.lakehouse.tables import UTC_TIME, Table, table
from energy_assets.portfolio import Desk
from energy_assets.quality.energy_stores import store_findings
from energy_assets.quality.judged_series import Companions, JudgedSeries, series_of
from energy_assets.quality.plausibility import Finding, context_days, findings

SOURCE = "plausibility"
# Longest window of a check: only then no evidence against a cleared point can be outstanding.
CLEARING_DAYS = 22
# Learned curves of drivers need their own weeks before the first day they are used on.
CURVE_DAYS = 56
_POINT = ["series", "row_source", "point_time"]
_VERDICT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "series": pl.String,
    "row_source": pl.String,
    "point_time": UTC_TIME,
    "rule": pl.String,
    "verdict": pl.String,
    "raw_value": pl.Float64,
    "detail": pl.String,
    "knowledge_time": UTC_TIME,
}


@dataclass(frozen=True)
class Judgement:
    """What judging came to.

    Attributes:
        series: Series looked at.
        written: Verdicts appended.
    """

    series: int = 0
    written: int = 0


def judge(
    lake: Lake,
    judged: Table,
    scope: str,
    window: Window,
    since: datetime,
    *,
    where: Where | None = None,
    desk: Desk | None = None,
    run_id: str = "",
) -> Judgement:
    """Judge the points of a table that rows written since a moment touch.

    Args:
        lake: The lake.
        judged: Raw table.
        scope: Data set.
        window: Times of the rows just appended; all points in it are judged, so that what a run
            appended and could not judge before it died is judged by the next.
        since: Rows written from then on are news.
        where: Key columns that tell the feed's series from others in the table.
        desk: Units, limits and sites; without it, units' tables are not judged.
        run_id: Named in the commit.
    """
    rules = judged.service.plausibility
    if not rules:
        return Judgement()
    reach = context_days(rules) + (CURVE_DAYS if "unit" in judged.key else 0)
    start = window.start - timedelta(days=reach)
    rows = _rows(lake, judged, select(scope, start, window.end, where), window, since)
    if not rows["is_new"].any():
        return Judgement()
    companions = Companions(lake, start, window.end)
    seen = written = 0
    for state in _states(judged, rows):
        stored = _stored(lake, judged, scope, start, window.end)
        doubtful = stored.filter(pl.col("verdict") != GOOD)
        found = list(series_of(judged, scope, state, desk, companions))
        stores = store_findings(found, desk) if "energy_balance" in rules else {}
        frames = [pl.DataFrame(schema=_VERDICT_SCHEMA)]
        for number, series in enumerate(found):
            said = [*findings(series.signal, rules), *stores.get(number, [])]
            frames.append(_judged_points(series, said, judged, doubtful))
        seen += len(found)
        written += _write(lake, judged, scope, pl.concat(frames), stored, run_id)
    return Judgement(seen, written)


def _rows(
    lake: Lake, judged: Table, selection: Selection, window: Window, since: datetime
) -> pl.DataFrame:
    return lake.revisions(judged, selection).select(
        *judged.key,
        "source",
        "knowledge_time",
        "revision",
        is_new=pl.col("ingested_at") >= since,
        is_judged=point_time(judged) >= window.start,
        point_time=point_time(judged),
        value=pl.col(value_column(judged)),
    )


def _states(judged: Table, rows: pl.DataFrame) -> list[pl.DataFrame]:
    """One revision per key and source: the newest, and before it the first where news has both."""
    keys = [*judged.key, "source"]
    rows = rows.sort([*keys, "knowledge_time", "revision"])
    newest = rows.unique(keys, keep="last", maintain_order=True)
    news = rows.filter("is_new")
    if not news.select(keys).is_duplicated().any():
        return [newest]
    return [rows.unique(keys, keep="first", maintain_order=True), newest]


def _judged_points(
    series: JudgedSeries, found: list[Finding], judged: Table, doubtful: pl.DataFrame
) -> pl.DataFrame:
    """Rows of `_VERDICT_SCHEMA` for the points that the news touch: flagged, or cleared."""
    slots = series.rows["slot"].to_numpy()
    first = int(np.flatnonzero(series.rows["is_judged"].to_numpy()).min(initial=len(slots)))
    if first == len(slots):
        return pl.DataFrame(schema=_VERDICT_SCHEMA)
    number, evidence = _earliest(found, series.signal.flat.size)
    flagged = (number >= 0) & (evidence >= slots[first])
    rows = _named(series.rows.filter(pl.Series(flagged[slots])), judged)
    at = rows["slot"].to_numpy()
    bad = rows.with_columns(
        rule=pl.Series([found[n].rule for n in number[at]], dtype=pl.String),
        verdict=pl.Series([found[n].outcome for n in number[at]], dtype=pl.String),
        detail=pl.Series([_detail(found[number[n]], n) for n in at], dtype=pl.String),
        knowledge_time=pl.Series(series.known[evidence[at]]).cast(UTC_TIME),
    )
    return pl.concat(
        [bad.select(list(_VERDICT_SCHEMA)), _cleared(series, number, judged, doubtful)]
    )


def _earliest(found: list[Finding], size: int) -> tuple[Places, Places]:
    """Per slot the finding that could be made first (-1 for none), and its evidence."""
    number = np.full(size, -1)
    evidence = np.full(size, size)
    for place, finding in enumerate(found):
        tie = (finding.evidence == evidence) & (finding.outcome == "quarantined")
        take = finding.flagged & ((finding.evidence < evidence) | tie)
        number[take], evidence[take] = place, finding.evidence[take]
    return number, evidence


def _cleared(
    series: JudgedSeries, number: Places, judged: Table, doubtful: pl.DataFrame
) -> pl.DataFrame:
    """Points of the window that no check flags any more."""
    if doubtful.is_empty():
        return pl.DataFrame(schema=_VERDICT_SCHEMA)
    good = pl.Series(number[series.rows["slot"].to_numpy()] < 0)
    rows = _named(series.rows.filter(good, pl.col("is_judged")), judged)
    rows = rows.join(doubtful.select(_POINT), on=_POINT, how="semi")
    last = rows["slot"].to_numpy() + CLEARING_DAYS * series.signal.slots
    known = series.known[np.minimum(last, series.known.size - 1)]
    return rows.with_columns(
        rule=pl.lit(""),
        verdict=pl.lit(GOOD),
        detail=pl.lit(""),
        knowledge_time=pl.Series(known).cast(UTC_TIME),
    ).select(list(_VERDICT_SCHEMA))


def _named(rows: pl.DataFrame, judged: Table) -> pl.DataFrame:
    return rows.with_columns(
        series_name(judged).alias("series"), row_source="source", raw_value="value"
    )


def _detail(finding: Finding, slot: int) -> str:
    return f"expected {finding.expected}; {finding.measure or 'found'} {finding.score[slot]:.4g}"


def _stored(lake: Lake, judged: Table, scope: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Newest verdict of every point of a table in a span of time."""
    target = table(POINT_VERDICTS)
    selection = select(scope, start, end, {"table": judged.id})
    return Revisions(target, lake.revisions(target, selection)).in_force()


def _write(
    lake: Lake, judged: Table, scope: str, verdicts: pl.DataFrame, stored: pl.DataFrame, run_id: str
) -> int:
    """Append the verdicts that say something new; returns how many."""
    said = stored.select(
        *_POINT, "raw_value", was=pl.col("verdict") != GOOD, since="knowledge_time"
    )
    again = (
        pl.col("was").fill_null(value=False)
        & (pl.col("verdict") != GOOD)
        & (pl.col("since") <= pl.col("knowledge_time"))
    )
    news = (
        verdicts.join(said, on=[*_POINT, "raw_value"], how="left", maintain_order="left")
        .filter(~again.fill_null(value=False))
        .sort(*_POINT, "verdict", descending=[False, False, False, True])
        # Two resolutions of one period share a point: one verdict, a bad one first.
        .unique(_POINT, keep="first", maintain_order=True)
    )
    if news.is_empty():
        return 0
    frame = news.drop("was", "since").with_columns(
        table=pl.lit(judged.id), source=pl.lit(SOURCE), knowledge_basis=pl.lit("observed")
    )
    return lake.append_if_changed(POINT_VERDICTS, frame, scope=scope, run_id=run_id).rows_written
