"""Outage messages as known at a time, and the power they leave a unit.

Of each message the latest revision counts, with all its parts; a withdrawn revision ends the
message. Overlapping parts leave the least of their powers, never more than the desk's own rating of
the unit. A period is lowered if any part of it is touched: an offer must be deliverable throughout.

What an outage means for output that cannot be chosen: turbines and inverters that are out scale it.
A wind farm at 60 % availability makes about 60 % of its forecast, not the forecast capped at 60 %.
So past output is scaled up to what the whole plant would have made before it teaches a model
anything, and left out where less than half of the plant was there: noise would be scaled too.

Belongs here: pure functions on rows of `raw.outages`, and reads of them through a `PointInTime`.
Not here: knowledge spans (`availability`), what is not public yet (`unpublished_outages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import BatteryUnit, Desk, LoadUnit, SolarUnit, Unit, WindUnit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
OUTAGES = "raw.outages"
# Below this share of the plant, output says little about what the whole would have made.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Periods:
    """Periods of any grid, regular or not, as UTC microseconds since 1970.

    Attributes:
        starts: (N,), included.
        ends: (N,), excluded.
    """

    starts: IntArray
    ends: IntArray

    @classmethod
    def of_day(cls, day: DeliveryDay) -> Periods:
        """The MTUs of a delivery day."""
        return cls.regular(day.starts, day.mtu_minutes)

    @classmethod
    def regular(cls, starts: Sequence[datetime], minutes: int) -> Periods:
        """Periods of one length."""
        begin = _microseconds(pl.Series(starts, dtype=UTC_TIME))
        return cls(begin, begin + minutes * 60_000_000)

    @classmethod
    def of_rows(cls, rows: pl.DataFrame) -> Periods:
        """The periods of rows with `period_start` and `resolution_min`."""
        begin = _microseconds(rows["period_start"])
        return cls(begin, begin + rows["resolution_min"].to_numpy().astype(np.int64) * 60_000_000)


def rating_mw(unit: Unit) -> float:
    """Power of a unit without any outage, as the desk states it."""
    if isinstance(unit, BatteryUnit):
        return unit.power_mw
    if isinstance(unit, LoadUnit):
        return unit.peak_mw
    return unit.capacity_mw


def latest_revisions(rows: pl.DataFrame) -> pl.DataFrame:
    """Every part of the latest revision of each message, withdrawn or not."""
    newest = pl.col("message_revision").max().over("message_id")
    return rows.filter(pl.col("message_revision") == newest)


def parts_in_force(rows: pl.DataFrame) -> pl.DataFrame:
    """Parts of the messages that are not withdrawn, as those rows know them."""
    return latest_revisions(rows).filter(pl.col("event_status") == "active")


def touches(parts: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """The parts that overlap [start, end)."""
    return parts.filter(pl.col("event_start") < end, pl.col("event_end") > start)


def available_power(parts: pl.DataFrame, unit: Unit, periods: Periods) -> FloatArray:
    """Power (N,) MW a unit has left in each period.

    Args:
        parts: Parts in force, of any units.
        unit: The unit; messages about others say nothing about it.
        periods: The periods asked for.
    """
    limit = np.full(len(periods.starts), rating_mw(unit))
    mine = parts.filter(pl.col("unit") == unit.name)
    begins, finishes = (_microseconds(mine[name]) for name in ("event_start", "event_end"))
    for begin, finish, left in zip(begins, finishes, mine["available_mw"], strict=True):
        touched = (periods.starts < finish) & (periods.ends > begin)
        limit[touched] = np.minimum(limit[touched], left)
    return limit


def lowered_power(known: PointInTime, desk: Desk, day: DeliveryDay) -> dict[str, FloatArray]:
    """Available power (T,) MW of each unit that an outage lowers on a delivery day.

    Loads are left out: what they take is no capacity of the desk's.
    """
    parts = touches(_known_parts(known, desk), day.start, day.end)
    periods = Periods.of_day(day)
    found = {}
    for unit in desk.units:
        if isinstance(unit, LoadUnit):
            continue
        power = available_power(parts, unit, periods)
        if (power < rating_mw(unit)).any():
            found[unit.name] = power
    return found


def output_shares(known: PointInTime, desk: Desk, day: DeliveryDay) -> dict[str, FloatArray]:
    """Share (T,) of the plant that is there, of each wind and solar unit an outage lowers."""
    units = {unit.name: unit for unit in desk.units if isinstance(unit, WindUnit | SolarUnit)}
    if not units:
        return {}
    lowered = lowered_power(known, desk, day)
    return {n: lowered[n] / unit.capacity_mw for n, unit in units.items() if n in lowered}


def as_if_available(
    known: PointInTime, desk: Desk, unit: Unit, readings: pl.DataFrame
) -> pl.DataFrame:
    """Readings of a unit's power as the whole plant would have made it.

    Availability of past hours is taken as known at the decision, which is what their outcome was.

    Args:
        known: Rows as of the decision.
        desk: The desk.
        unit: The unit; a load's readings come back as they are.
        readings: `period_start`, `resolution_min` and `power_mw`.

    Returns:
        The same rows; NaN where less than half of the plant was there.
    """
    if not isinstance(unit, WindUnit | SolarUnit) or readings.is_empty():
        return readings
    power = available_power(_known_parts(known, desk), unit, Periods.of_rows(readings))
    share = power / unit.capacity_mw
    if (share >= 1).all():
        return readings
    whole = scaled_up(readings["power_mw"].to_numpy(), share, unit.capacity_mw)
    return readings.with_columns(power_mw=pl.Series(whole))


def scaled_up(power: FloatArray, share: FloatArray, rating: float) -> FloatArray:
    """Output (N,) of the whole plant from that of a share (N,) of it; NaN below `LEAST_SHARE`.

    A reading above the share's due (an outage that began inside the period) is not scaled beyond
    the rating.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.where(share < 1, np.minimum(power / share, np.maximum(power, rating)), power)
    return np.where(share >= LEAST_SHARE, whole, np.nan)


def _known_parts(known: PointInTime, desk: Desk) -> pl.DataFrame:
    return parts_in_force(known.as_of(OUTAGES, scope=desk.name))


def _microseconds(moments: pl.Series) -> IntArray:
    return moments.cast(UTC_TIME).to_physical().to_numpy().astype(np.int64)
