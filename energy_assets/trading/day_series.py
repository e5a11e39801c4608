"""One exact value per period of a delivery day, and its change of resolution.

Prices and powers are levels: a coarser series repeats on a finer grid, never the other way round.
Energies are amounts: they add up on a coarser grid and split evenly on a finer one.

Floats become decimals through their shortest text, so 0.1 MW is 0.1 and not a binary neighbour.

Belongs here: reading a frame onto a day's grid with a complaint that names the MTU. Not here: what
the values are for (`exchange`, `settlement`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from energy_assets.errors import InputError
from energy_assets.market.clock import DeliveryDay


def exact(value: float) -> Decimal:
    """The decimal a float is written as."""
    return Decimal(repr(float(value)))


@dataclass(frozen=True)
class DaySeries:
    """A gapless series of one delivery day.

    Attributes:
        where: What it is, for error messages.
        minutes: Length of a period.
        values: One value per period, in time order.
    """

    where: str
    minutes: int
    values: tuple[Decimal, ...]

    @classmethod
    def read(cls, frame: pl.DataFrame, column: str, day: DeliveryDay, where: str) -> DaySeries:
        """The column of a frame with `period_start` and `resolution_min`, in any row order.

        Raises:
            InputError: If a period of the day is missing, double, foreign or has no finite value.
        """
        resolutions = frame["resolution_min"].unique().sort().to_list()
        if len(resolutions) != 1:
            raise InputError(where, expected="periods of one length", found=resolutions)
        minutes = int(resolutions[0])
        _require_grid(frame["period_start"].to_list(), day, minutes, where)
        ordered = frame.sort("period_start")
        for start, value in ordered.select("period_start", column).iter_rows():
            if value is None or not math.isfinite(value):
                raise InputError(_at(where, start), expected=f"a finite {column}", found=value)
        return cls(where, minutes, tuple(map(exact, ordered[column].to_list())))

    def levels(self, minutes: int) -> tuple[Decimal, ...]:
        """Prices or powers on a grid at least as fine.

        Raises:
            InputError: If the grid asked for is coarser, or does not divide the period.
        """
        if self.minutes % minutes:
            expected = f"periods that whole {minutes}-min periods fit into"
            raise InputError(self.where, expected=expected, found=f"{self.minutes} min")
        return tuple(value for value in self.values for _ in range(self.minutes // minutes))

    def amounts(self, minutes: int) -> tuple[Decimal, ...]:
        """Energies on a coarser grid (sums) or a finer one (even shares)."""
        if self.minutes >= minutes:
            share = self.minutes // minutes
            return tuple(value / share for value in self.levels(minutes))
        count = minutes // self.minutes
        if minutes % self.minutes or len(self.values) % count:
            expected = f"periods that add up to {minutes} min"
            raise InputError(self.where, expected=expected, found=f"{self.minutes} min")
        return tuple(
            sum(self.values[i : i + count], Decimal()) for i in range(0, len(self.values), count)
        )


def energy_by_period(
    rows: Iterable[tuple[datetime, int, Decimal]], day: DeliveryDay, minutes: int, where: str
) -> tuple[Decimal, ...]:
    """Energies of any periods of a day added up on a grid; gaps are nothing.

    Args:
        rows: Start, minutes and energy; each is spread evenly over the time it covers.
        day: Delivery day.
        minutes: Length of a period of the grid.
        where: What it is, for error messages.

    Raises:
        InputError: If a period lies outside the day.
    """
    totals = [Decimal()] * (day.hours * 60 // minutes)
    for start, length, energy in rows:
        first = round((start - day.start).total_seconds() / 60)
        if first < 0 or first + length > day.hours * 60:
            expected = f"a period within delivery day {day.label}"
            raise InputError(_at(where, start), expected=expected, found=f"{length} min")
        for index in range(first // minutes, -(-(first + length) // minutes)):
            begin, end = max(first, index * minutes), min(first + length, (index + 1) * minutes)
            totals[index] += energy * (end - begin) / length
    return tuple(totals)


def _require_grid(starts: list[datetime], day: DeliveryDay, minutes: int, where: str) -> None:
    grid = day.grid(minutes)
    found = Counter(starts)
    for start in grid:
        if found[start] != 1:
            count = "no row" if not found[start] else f"{found[start]} rows"
            raise InputError(_at(where, start), expected="one row", found=count)
    foreign = sorted(found.keys() - set(grid))
    if foreign:
        expected = f"no period outside the {minutes}-min grid of delivery day {day.label}"
        raise InputError(_at(where, foreign[0]), expected=expected, found=f"{len(foreign)} rows")


def _at(where: str, start: datetime) -> str:
    return f"{where}, MTU {start.isoformat()}"
