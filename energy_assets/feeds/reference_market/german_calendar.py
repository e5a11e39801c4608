"""German wall-clock time for whole arrays: hour, day of the week, holidays.

Belongs here: what a consumer of electricity in Germany reads off clock and calendar. Not here:
delivery days and gates, which are market facts (`market`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from energy_assets.feeds.reference_market.noise import Minutes, Values
from energy_assets.feeds.reference_market.time_axis import EPOCH, utc_times

ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class LocalTime:
    """Local time of an array of UTC minutes.

    Attributes:
        day: Local calendar day as days since 1970-01-01.
        hour: Local wall-clock hour with fraction, [0, 24).
    """

    day: Minutes
    hour: Values


def local_time(minutes: Minutes) -> LocalTime:
    """Local day and hour of UTC minutes, clock changes included."""
    # The wall clock read as if it were UTC makes day and hour plain arithmetic.
    wall = utc_times(minutes).dt.convert_time_zone(ZONE).dt.replace_time_zone(None)
    local_minutes = wall.to_physical().to_numpy() // 60_000_000
    day, minute_of_day = np.divmod(local_minutes, 1440)
    return LocalTime(day, minute_of_day / 60.0)


def weekday(day: Minutes) -> Minutes:
    """Day of the week, Monday 0; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def is_holiday(day: Minutes) -> NDArray[np.bool_]:
    """Public holidays that hold in all of Germany."""
    if day.size == 0:
        return np.zeros(0, dtype=np.bool_)
    first = (EPOCH + timedelta(days=int(day.min()))).year
    last = (EPOCH + timedelta(days=int(day.max()))).year
    known = [(d - EPOCH).days for year in range(first, last + 1) for d in holidays(year)]
    return np.isin(day, np.array(known, dtype=np.int64))


def holidays(year: int) -> list[date]:
    """Nationwide German public holidays of a year."""
    easter = easter_sunday(year)
    moving = [easter + timedelta(days=offset) for offset in (-2, 1, 39, 50)]
    fixed = [date(year, month, day) for month, day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))]
    return sorted(fixed + moving)


def easter_sunday(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (anonymous algorithm, Meeus, ch. 8)."""
    golden = year % 19
    century, year_of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon + 15) % 30
    leap_years, year_rest = divmod(year_of_century, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    correction = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
