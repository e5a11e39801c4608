"""Delivery days and MTU grids: the calendar label of a market day and the UTC time it covers.

A delivery day is a calendar label plus the hours its session gives it: the session's clock (an
IANA zone) and a start offset (GB's day-ahead day runs 23:00-23:00, offset -1 h). Both ends are
wall-clock midnights shifted by the offset and resolved per date, so that a day has 23, 24 or 25
hours. Inside the day the grid is UTC start + position; labels are for display only.

Not here: which session has which clock or MTU on which date (`market.areas`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

MTU_MINUTES_ALLOWED = (15, 30, 60)


@dataclass(frozen=True, order=True)
class Mtu:
    """One market time unit.

    Attributes:
        start: UTC start.
        minutes: Length in minutes (15, 30 or 60).
        position: 1-based position inside its delivery day.
    """

    start: datetime
    minutes: int
    position: int

    @property
    def end(self) -> datetime:
        """UTC end (exclusive)."""
        return self.start + timedelta(minutes=self.minutes)

    @property
    def hours(self) -> float:
        """Length in hours; MW x hours = MWh."""
        return self.minutes / 60.0


@dataclass(frozen=True)
class DeliveryDay:
    """A delivery day of one session.

    Attributes:
        label: Calendar day that names the delivery day.
        start: UTC start (inclusive).
        end: UTC end (exclusive).
        mtu_minutes: The session's MTU on this day.
        clock: IANA zone the market reads its wall clock in.
    """

    label: date
    start: datetime
    end: datetime
    mtu_minutes: int
    clock: str

    @property
    def hours(self) -> int:
        """Length in hours: 23, 24 or 25."""
        return round((self.end - self.start).total_seconds() / 3600)

    @property
    def mtu_count(self) -> int:
        """Number of MTUs (23/24/25 hours; 92/96/100 quarter-hours)."""
        return self.hours * 60 // self.mtu_minutes

    @cached_property
    def mtus(self) -> tuple[Mtu, ...]:
        """The day's MTU grid in time order."""
        step = timedelta(minutes=self.mtu_minutes)
        return tuple(
            Mtu(self.start + step * i, self.mtu_minutes, i + 1) for i in range(self.mtu_count)
        )

    @property
    def starts(self) -> list[datetime]:
        """UTC start of each MTU."""
        return [mtu.start for mtu in self.mtus]

    def grid(self, minutes: int) -> list[datetime]:
        """UTC starts at another resolution, e.g. the 60-minute grid of a 15-minute day."""
        step = timedelta(minutes=minutes)
        return [self.start + step * i for i in range(self.hours * 60 // minutes)]

    def position_of(self, moment: datetime) -> int:
        """1-based MTU position that contains `moment` (UTC).

        Raises:
            ValueError: If the moment lies outside the day.
        """
        if not self.start <= moment < self.end:
            msg = f"{moment.isoformat()} is not in delivery day {self.label} of {self.clock}"
            raise ValueError(msg)
        return int((moment - self.start).total_seconds()) // (60 * self.mtu_minutes) + 1

    def local_labels(self) -> list[str]:
        """Wall-clock label `HH:MM` of each MTU; a repeated autumn hour gets an offset suffix."""
        zone = ZoneInfo(self.clock)
        labels = [mtu.start.astimezone(zone).strftime("%H:%M") for mtu in self.mtus]
        twice = {label for label in labels if labels.count(label) > 1}
        return [
            label + mtu.start.astimezone(zone).strftime("%z") if label in twice else label
            for label, mtu in zip(labels, self.mtus, strict=True)
        ]


def wall_clock(day: date, at: time, zone: str) -> datetime:
    """UTC moment of a wall-clock time on a date (first of two when the hour repeats)."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def delivery_day(
    label: date, *, clock: str, start_offset: timedelta, mtu_minutes: int
) -> DeliveryDay:
    """The delivery day `label` of a session with this clock, start offset and MTU.

    The offset moves the wall-clock start (23:00 the day before for GB), so the day's length
    follows the clock change that falls inside it.
    """
    return DeliveryDay(
        label=label,
        start=_shifted_midnight(label, start_offset, clock),
        end=_shifted_midnight(label + timedelta(days=1), start_offset, clock),
        mtu_minutes=mtu_minutes,
        clock=clock,
    )


def _shifted_midnight(label: date, offset: timedelta, clock: str) -> datetime:
    naive = datetime.combine(label, time()) + offset
    return naive.replace(tzinfo=ZoneInfo(clock)).astimezone(UTC)
