"""Days in rows, wall-clock slots in columns: the shape in which models see a time series.

A day has a fixed number of slots (24 or 96) of the session's wall clock. The 25th hour of an autumn
day is averaged with its twin; the hour a spring day lacks is interpolated between its neighbours,
so that every day is a row of equal length. Going back, each MTU takes the value of its slot. Only
model inputs and outputs pass through here: no stored row is invented or dropped.

Belongs here: frame to matrix and matrix to MTUs. Not here: which rows were known (`lakehouse`),
features (`price_history`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from energy_assets.market import DeliveryDay, Session, load_area

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MINUTES_PER_DAY = 1440


def slots_per_day(mtu_minutes: int) -> int:
    """Slots of a 24-hour day at an MTU length."""
    return MINUTES_PER_DAY // mtu_minutes


def wall_clock_columns(session: Session, day: date, minutes_per_slot: int) -> list[pl.Expr]:
    """Expressions `label` (delivery day) and `slot` of a UTC `period_start`.

    The session's clock and offset are those in force on `day`.
    """
    offset = timedelta(hours=session.facts.start_offset_hours.on(day))
    local = (
        pl.col("period_start")
        .dt.convert_time_zone(session.facts.clock.on(day))
        .dt.replace_time_zone(None)
    ) - offset
    minute = local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute().cast(pl.Int64)
    return [local.dt.date().alias("label"), (minute // minutes_per_slot).alias("slot")]


def slot_matrix(
    frame: pl.DataFrame, value: str, session: Session, first: date, last: date, slots: int
) -> FloatArray:
    """Values of a series by day and slot.

    Args:
        frame: `period_start`, `resolution_min` and the value column; any resolution.
        value: Value column.
        session: Gives the clock.
        first: First day.
        last: Last day, included.
        slots: Slots a day.

    Returns:
        (days, slots); the mean of the values in a slot, NaN where there is none.
    """
    days = (last - first).days + 1
    minutes = MINUTES_PER_DAY // slots
    rows = _split(frame.select("period_start", "resolution_min", value), minutes)
    rows = rows.with_columns(*wall_clock_columns(session, last, minutes)).filter(
        pl.col("label").is_between(first, last)
    )
    day = (rows["label"] - first).dt.total_days().to_numpy()
    cell = day * slots + rows["slot"].to_numpy()
    values = rows[value].to_numpy()
    present = np.isfinite(values)
    total = np.bincount(cell[present], weights=values[present], minlength=days * slots)
    count = np.bincount(cell[present], minlength=days * slots)
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = (total / count).reshape(days, slots)
    return _with_spring_hour(matrix, session, first)


def mtu_slots(day: DeliveryDay, session: Session, slots: int) -> IntArray:
    """Slot of each MTU of a delivery day, (MTUs,); read-only, since callers share it."""
    return _mtu_slots(session.area, session.name, day, slots)


@lru_cache(maxsize=4096)
def _mtu_slots(area: str, name: str, day: DeliveryDay, slots: int) -> IntArray:
    # A combination asks for the same few hundred days again with every member and target.
    found = _slots_of(day.starts, load_area(area).session(name), day.label, slots)
    found.flags.writeable = False
    return found


def _slots_of(starts: list[datetime], session: Session, day: date, slots: int) -> IntArray:
    frame = pl.DataFrame(
        {"period_start": starts}, schema={"period_start": pl.Datetime("us", "UTC")}
    )
    columns = wall_clock_columns(session, day, MINUTES_PER_DAY // slots)
    return frame.select(columns)["slot"].to_numpy().astype(np.int64)


def _split(frame: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Repeat rows longer than a slot, one per slot."""
    if not (frame["resolution_min"] > minutes).any():
        return frame
    return (
        frame.with_columns(part=pl.int_ranges(0, pl.col("resolution_min"), minutes))
        .explode("part")
        .with_columns(period_start=pl.col("period_start") + pl.duration(minutes=pl.col("part")))
        .drop("part")
    )


def _with_spring_hour(matrix: FloatArray, session: Session, first: date) -> FloatArray:
    slots = matrix.shape[1]
    for row in _short_days(session.area, session.name, first, len(matrix)):
        day = session.delivery_day(first + timedelta(days=row))
        there = _slots_of(day.grid(MINUTES_PER_DAY // slots), session, day.label, slots)
        absent = np.setdiff1d(np.arange(slots), there)
        # Only the hour the clock skips; a gap beside it stays a gap.
        matrix[row, absent] = np.interp(absent, there, matrix[row, there])
    return matrix


@lru_cache(maxsize=256)
def _short_days(area: str, name: str, first: date, count: int) -> tuple[int, ...]:
    """Rows whose day is shorter than 24 hours."""
    session = load_area(area).session(name)
    zone = ZoneInfo(session.facts.clock.on(first + timedelta(days=count - 1)))
    # A zone without clock changes has no short day; asking once saves a look at every day.
    if zone.key.startswith("Etc/"):
        return ()
    return tuple(
        i for i in range(count) if session.delivery_day(first + timedelta(days=i)).hours == 23
    )
