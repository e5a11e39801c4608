"""Catching up: the rows a desk's decision needs and the lake does not have yet.

A cold lake gets the whole history, a warm one the days it lacks and the last two weeks again (late
revisions); running it twice adds nothing. Belongs here: which window to ask a feed for. Not here:
the path of the rows (`admission`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from energy_assets.feeds.interface import Feed, Window
from energy_assets.lakehouse.lake import Lake
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.quality.admission import Admission, admit

REFRESH_DAYS = 14
# A quarter at a time keeps memory flat and shows progress on a cold lake.
CHUNK_DAYS = 92
# A series of periods has rows every day; fuel closes skip long weekends.
LARGEST_GAP_OF_PERIODS_DAYS = 1
LARGEST_GAP_OF_CLOSES_DAYS = 5
Progress = Callable[[str, int, int], None]


def catch_up(
    lake: Lake,
    desk: Desk,
    feed: Feed,
    first: date,
    last: date,
    as_of: datetime,
    *,
    run_id: str = "",
    admitted: Callable[[Admission], None] | None = None,
    progress: Progress | None = None,
) -> list[Admission]:
    """Bring one feed's table up to what was known at `as_of` for delivery days first to last.

    Args:
        lake: The lake.
        desk: Gives the session clock and how much history is needed.
        feed: The feed.
        first: First delivery day decided; history before it is fetched too.
        last: Last delivery day, included.
        as_of: Nothing known later is fetched.
        run_id: Named in the commits.
        admitted: Told what each quarter brought, also where a later one fails.
        progress: Told after each quarter.

    Returns:
        One admission per quarter fetched.
    """
    area = load_area(desk.area)
    session = area.session()
    earliest = session.delivery_day(first - timedelta(days=desk.required_history_days)).start
    end = session.delivery_day(last).end
    start = max(
        earliest, min(_stored_until(lake, feed, earliest), end) - timedelta(days=REFRESH_DAYS)
    )
    windows = _chunks(start, end)
    done = []
    for number, window in enumerate(windows):
        done.append(admit(lake, feed, window, as_of, area=area, desk=desk, run_id=run_id))
        if admitted:
            admitted(done[-1])
        if progress:
            progress(feed.name, number + 1, len(windows))
    return done


def _stored_until(lake: Lake, feed: Feed, earliest: datetime) -> datetime:
    """Start of the last day of the unbroken run of days stored from `earliest` on.

    Messages come when something happens: however long nothing did, the newest one is the end.
    """
    where = {"source": feed.source, **feed.selection}
    days = lake.stored_days(feed.table.id, scope=feed.scope, start=earliest, where=where)
    if "message_id" in feed.table.key:
        return datetime.combine(days[-1], time(), UTC) if days else earliest
    is_series = "resolution_min" in feed.table.schema
    gap = LARGEST_GAP_OF_PERIODS_DAYS if is_series else LARGEST_GAP_OF_CLOSES_DAYS
    reached = earliest.date()
    for day in days:
        if (day - reached).days > gap:
            break
        reached = day
    return datetime.combine(reached, time(), UTC)


def _chunks(start: datetime, end: datetime) -> list[Window]:
    step = timedelta(days=CHUNK_DAYS)
    windows = []
    while start < end:
        windows.append(Window(start, min(start + step, end)))
        start += step
    return windows
