"""Admission of a feed's rows: fetch, screen, quarantine what is refused, append what changed.

One call per feed and window, the same for the first history and the daily run; running it again
adds nothing. What was appended is judged in its context at once. Belongs here: that one path. Not
here: what a feed is (`feeds`), the rules (`screening`, `judging`), how a table is written
(`lakehouse`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from energy_assets.feeds.interface import Feed, Window
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import Area
from energy_assets.portfolio import Desk
from energy_assets.quality.judging import judge
from energy_assets.quality.screening import screen


@dataclass(frozen=True)
class Admission:
    """What one feed and window brought.

    Attributes:
        feed: Feed name.
        table: Table id.
        fetched: Rows the feed returned.
        written: Rows appended (new or changed).
        rejected: Rows refused, by rule id.
        version: Delta version of the table afterwards.
        judged: Verdicts written on points: suspect, quarantined or cleared.
    """

    feed: str
    table: str
    fetched: int
    written: int
    rejected: dict[str, int]
    version: int
    judged: int = 0


def admit(
    lake: Lake,
    feed: Feed,
    window: Window,
    as_of: datetime,
    *,
    area: Area | None,
    desk: Desk | None = None,
    run_id: str = "",
) -> Admission:
    """Fetch what the feed knew at `as_of` and store the good rows.

    Args:
        lake: The lake.
        feed: The feed.
        window: UTC window of the table's time column.
        as_of: Nothing known later is fetched.
        area: Market area, for the limits of prices.
        desk: Units, limits and sites that its units' rows are judged by.
        run_id: Named in the commit.

    Returns:
        Counts; `written` is 0 when nothing changed.
    """
    frame = feed.fetch(window, as_of)
    good, rejections = screen(feed.table, frame, area)
    for rejection in rejections:
        lake.quarantine(
            feed.table.id,
            rejection.rows,
            rule=rejection.rule,
            reason=rejection.reason,
            scope=feed.scope,
            source=feed.source,
            run_id=run_id,
        )
    since = lake.clock()
    result = lake.append_if_changed(feed.table.id, good, scope=feed.scope, run_id=run_id)
    judged = 0
    if result.rows_written:
        done = judge(
            lake,
            feed.table,
            feed.scope,
            window,
            since,
            where=feed.selection,
            desk=desk,
            run_id=run_id,
        )
        judged = done.written
    return Admission(
        feed=feed.name,
        table=feed.table.id,
        fetched=frame.height,
        written=result.rows_written,
        rejected={rejection.rule: rejection.rows.height for rejection in rejections},
        version=result.version,
        judged=judged,
    )
