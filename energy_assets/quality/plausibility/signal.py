"""A signal on its day grid: what every plausibility check looks at.

A signal is one series of one source as a matrix of UTC days by slots, NaN where nothing was
delivered, with what is known about it: physical limits, an expected series (a forecast or a
sibling) and a second source. UTC days have no 23 or 25 hours, so every row is full. Belongs here:
that shape, what a check returns, and how rows get onto the grid. Not here: any check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Kind = Literal["load", "generation", "wind", "solar", "price", "weather", "power", "close"]
Outcome = Literal["suspect", "quarantined"]

MINUTES_PER_DAY = 1440


@dataclass(frozen=True)
class Signal:
    """One series of one source.

    Attributes:
        kind: What is measured; decides the thresholds.
        minutes: Length of a slot; divides a day.
        values: Days by slots, NaN where missing.
        low: Lowest physical value; None where there is none.
        high: Highest physical value (a unit's capacity).
        ramp: Fastest change, per hour; None where it is not known.
        expected: What a forecast or sibling says, same shape and unit; None without one.
        second: The same quantity from a second source, same shape.
        aggregate: Whether many plants or customers add up in it, so that it never is exactly 0.
    """

    kind: Kind
    minutes: int
    values: Floats
    low: float | None = None
    high: float | None = None
    ramp: float | None = None
    expected: Floats | None = None
    second: Floats | None = None
    aggregate: bool = False

    @property
    def days(self) -> int:
        """Rows of the grid."""
        return int(self.values.shape[0])

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return MINUTES_PER_DAY // self.minutes

    @property
    def flat(self) -> Floats:
        """The values in time order."""
        return self.values.ravel()

    @property
    def slots_per_hour(self) -> float:
        """Slots of an hour; below 1 for daily closes."""
        return 60 / self.minutes

    def scaled(self, values: Floats) -> Signal:
        """The signal with other values (tests and benchmarks)."""
        return replace(self, values=values)


@dataclass(frozen=True)
class Finding:
    """What one check says about a signal, in time order of its slots.

    Attributes:
        rule: Rule id.
        outcome: suspect, or quarantined where the value cannot be true.
        flagged: Slots that are not good.
        evidence: Last slot that was needed to say so, per slot; at least the slot itself.
        score: How far off, per slot, in the rule's own measure.
        expected: What was expected, in words.
    """

    rule: str
    outcome: Outcome
    flagged: Mask
    evidence: Places
    score: Floats
    expected: str
    measure: str = field(default="")

    @property
    def count(self) -> int:
        """Slots flagged."""
        return int(self.flagged.sum())


def at_once(
    rule: str, outcome: Outcome, flagged: Mask, score: Floats, expected: str, measure: str = ""
) -> Finding:
    """A finding whose evidence is the slot itself."""
    flat = flagged.ravel()
    places: Places = np.arange(flat.size)
    return Finding(rule, outcome, flat, places, score.ravel(), expected, measure)


def on_day_grid(minute: npt.NDArray[np.int64], values: Floats, minutes: int) -> tuple[int, Floats]:
    """Values by their start (minutes since the epoch) as days by slots.

    Args:
        minute: Starts, multiples of `minutes`, each at most once.
        values: One value per start.
        minutes: Length of a slot.

    Returns:
        The first day (days since the epoch) and the matrix, NaN where there is no value.
    """
    slots = MINUTES_PER_DAY // minutes
    if not len(minute):
        return 0, np.full((0, slots), np.nan)
    first, last = (int(edge) // MINUTES_PER_DAY for edge in (minute.min(), minute.max()))
    grid = np.full((last - first + 1) * slots, np.nan)
    grid[(minute - first * MINUTES_PER_DAY) // minutes] = values
    return first, grid.reshape(-1, slots)


def runs(mask: Mask) -> tuple[Places, Places]:
    """First slot and one past the last slot of every run of true in a flat mask."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def spread(length: int, starts: Places, ends: Places) -> Mask:
    """A flat mask that is true in the given half-open runs, which may overlap."""
    steps = np.zeros(length + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    mask: Mask = np.cumsum(steps[:-1]) > 0
    return mask
