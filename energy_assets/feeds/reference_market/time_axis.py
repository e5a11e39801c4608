"""Between delivery days, UTC minutes and polars time columns.

Belongs here: the grids the simulator is evaluated on. Not here: what is evaluated.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.feeds.interface import Window
from energy_assets.feeds.reference_market.noise import Minutes, Values
from energy_assets.market import DeliveryDay, Session

QUARTER = 15
MIDPOINT = 7
"""Whole minutes from a quarter-hour's start to its middle."""
EPOCH = date(1970, 1, 1)


def utc_minutes(moment: datetime) -> int:
    """UTC minutes since 1970-01-01."""
    return int(moment.timestamp()) // 60


def utc_times(minutes: Minutes) -> pl.Series:
    """UTC minutes as a polars time column."""
    return pl.Series(minutes * 60_000_000).cast(pl.Datetime("us", "UTC"))


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def period_starts(window: Window, minutes: int) -> Minutes:
    """UTC minutes of the periods of a length that start inside a window."""
    first = -(-utc_minutes(window.start) // minutes) * minutes
    return np.arange(first, utc_minutes(window.end), minutes, dtype=np.int64)


def quarter_hours(day: DeliveryDay) -> Minutes:
    """UTC minutes of the quarter-hour starts of a delivery day."""
    return np.arange(utc_minutes(day.start), utc_minutes(day.end), QUARTER, dtype=np.int64)


def delivery_days(session: Session, window: Window) -> list[DeliveryDay]:
    """The delivery days a window touches."""
    first = session.delivery_day_of(window.start)
    last = session.delivery_day_of(window.end - timedelta(minutes=1))
    return session.days(first.label, last.label)


def quarters_of(hours: Minutes) -> Minutes:
    """Midpoints of the four quarter-hours of each hour, flat."""
    return (hours[:, None] + np.arange(MIDPOINT, 60, QUARTER)).ravel()


def means_of(values: Values, count: int) -> Values:
    """Mean of every `count` values in a row, e.g. of each hour's four quarter-hours."""
    # Terms are added in a fixed order: a reduction might add them differently by array size.
    total = values[0::count].copy()
    for place in range(1, count):
        total += values[place::count]
    return total / count
