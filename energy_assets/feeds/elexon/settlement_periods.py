"""Settlement date and period to UTC: periods 1 to 46, 48 or 50 of the settlement day.

The settlement day runs 00:00-24:00 UK time, so that a period number is a position in the day's
UTC grid and no wall clock is read. Belongs here: time as the source writes it. Not here: requests
(`prices`, `remit`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from energy_assets.market import DeliveryDay, Session, load_area

SOURCE = "elexon"
RESOLUTION_MINUTES = 30


def settlement_session(area: str) -> Session:
    """The session whose delivery days are settlement days."""
    return load_area(area).session("settlement")


def settlement_days(area: str, start: datetime, end: datetime) -> list[DeliveryDay]:
    """The settlement days that [start, end) touches."""
    session = settlement_session(area)
    first = session.delivery_day_of(start).label
    last = session.delivery_day_of(end - timedelta(microseconds=1)).label
    return session.days(first, last)


def period_start(area: str, day: date, period: int, stated: datetime | None = None) -> datetime:
    """UTC start of a settlement period.

    Args:
        area: Market area.
        day: Settlement date.
        period: Settlement period, from 1.
        stated: The start as the source states it, to compare with.

    Raises:
        ValueError: The day has no such period, or the source states another start.
    """
    settlement_day = settlement_session(area).delivery_day(day)
    grid = settlement_day.grid(RESOLUTION_MINUTES)
    if not 1 <= period <= len(grid):
        msg = f"settlement period {period} on {day}, which has {len(grid)}"
        raise ValueError(msg)
    start = grid[period - 1]
    if stated is not None and stated != start:
        msg = f"period {period} of {day} starting {stated.astimezone(UTC)}, not {start}"
        raise ValueError(msg)
    return start


def zulu(moment: datetime) -> str:
    """A UTC moment as the source's query takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
