"""From stamps as a source writes them to UTC, for every way of keeping a local clock.

A convention says what a file does with the two days a year on which the clock changes:

- `utc`: nothing, since the clock never changes (UTC, a fixed offset, or an offset in each stamp);
- `local_with_both_hours`: wall clock; the spring hour is absent, the autumn hour comes twice, in
  order;
- `normalised_24`: 24 rows a day; the row of the filled spring hour names an hour that does not
  exist and is left out, the averaged autumn hour counts as its first occurrence and leaves the
  second as a gap;
- `autumn_hour_dropped`: wall clock, but the autumn hour comes once: the first occurrence;
- `spring_hour_shifted`: on the short day rows are numbered from midnight on without a jump, so that
  the last hour is absent; in autumn as `autumn_hour_dropped`;
- `row_number`: stamps drift; row i starts i periods after a declared start.

Belongs here: clocks, and those conventions as functions of naive local times. Not here: text to
times (`stamps`), files (`cells`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from energy_assets.market.clock import wall_clock

IN_STAMP = "in_stamp"
Convention = Literal[
    "utc",
    "local_with_both_hours",
    "normalised_24",
    "autumn_hour_dropped",
    "spring_hour_shifted",
    "row_number",
]
_OFFSET = re.compile(r"UTC(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::(?P<minutes>\d{2}))?)?")
_UTC_TIME = pl.Datetime("us", "UTC")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Moments:
    """UTC moments of naive local times.

    Attributes:
        utc: Moment of each row; null where the hour does not exist.
        repeated: Rows inside an hour that the clock passes twice.
    """

    utc: pl.Series
    repeated: pl.Series


def fixed_offset(clock: str) -> timedelta | None:
    """Offset of a clock such as `UTC+1` or `UTC-05:30`; None for a zone.

    Raises:
        ValueError: It is neither.
    """
    match = _OFFSET.fullmatch(clock)
    if match is None:
        try:
            ZoneInfo(clock)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = "an IANA zone, UTC, a fixed offset such as UTC+1, or in_stamp"
            raise ValueError(msg) from error
        return None
    size = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    return -size if match["sign"] == "-" else size


def moment_in(clock: str, local: datetime) -> datetime:
    """The UTC moment of one naive local time (first of two when the hour repeats)."""
    offset = fixed_offset(clock)
    if offset is None:
        return wall_clock(local.date(), local.time(), clock)
    return (local - offset).replace(tzinfo=UTC)


def moments(
    local: pl.Series, clock: str, convention: Convention, groups: pl.DataFrame | None = None
) -> Moments:
    """UTC moments of naive local times.

    Args:
        local: Naive times in the clock.
        clock: IANA zone or fixed offset.
        convention: What the file does when the clock changes.
        groups: Columns that tell series of a long file apart, so that the two passes of the autumn
            hour are counted per series.
    """
    offset = fixed_offset(clock)
    if offset is not None:
        utc = (local - offset).dt.replace_time_zone("UTC")
        return Moments(utc, pl.repeat(value=False, n=len(local), eager=True))
    first, second = _read(local, clock, "earliest"), _read(local, clock, "latest")
    repeated = (first != second).fill_null(value=False)
    if convention == "spring_hour_shifted":
        return Moments(_without_jump(local, clock, first), repeated)
    if convention != "local_with_both_hours":
        return Moments(first, repeated)
    again = _occurrence(local, groups) > 0
    utc = pl.select(pl.when(again & repeated).then(second).otherwise(first)).to_series()
    return Moments(utc, repeated)


def starts_of_days(days: pl.Series, clock: str) -> pl.DataFrame:
    """Local midnight of each day and of the next, in UTC, in the order of `days`."""
    labels: list[date] = days.unique().drop_nulls().to_list()
    known = pl.DataFrame(
        {
            "day": labels,
            "start": [moment_in(clock, datetime.combine(label, time())) for label in labels],
            "end": [moment_in(clock, datetime.combine(label + _DAY, time())) for label in labels],
        },
        schema={"day": pl.Date, "start": _UTC_TIME, "end": _UTC_TIME},
    )
    return days.to_frame("day").join(known, on="day", how="left", maintain_order="left")


def _read(local: pl.Series, clock: str, which: Literal["earliest", "latest"]) -> pl.Series:
    zoned = local.dt.replace_time_zone(clock, ambiguous=which, non_existent="null")
    return zoned.dt.convert_time_zone("UTC")


def _without_jump(local: pl.Series, clock: str, wall: pl.Series) -> pl.Series:
    """Time passed since midnight on short days, the wall clock on all others."""
    days = starts_of_days(local.dt.date(), clock).with_columns(
        wall=wall, passed=local - local.dt.truncate("1d")
    )
    length = pl.col("end") - pl.col("start")
    moment = pl.col("start") + pl.col("passed")
    inside = pl.when(moment < pl.col("end")).then(moment)
    return days.select(pl.when(length < _DAY).then(inside).otherwise("wall")).to_series()


def _occurrence(local: pl.Series, groups: pl.DataFrame | None) -> pl.Series:
    """How often each time came before in its series, in time order also where the newest is first.

    A file in falling order names the second pass before the first one.
    """
    frame = pl.DataFrame({"_local": local}) if groups is None else groups.with_columns(_local=local)
    falls = len(local) > 1 and local[0] > local[-1]
    position = pl.int_range(pl.len(), 0, -1) - 1 if falls else pl.int_range(pl.len())
    return frame.select(position.over(frame.columns)).to_series()
