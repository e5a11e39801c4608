"""Irregular measurements as steps in time, and their time-weighted mean over any grid.

A step holds one value from its start to its end; between steps nothing is known. Meter readings are
steps of their own length, averaged telemetry of its averaging interval, a momentary sample is held
until the next one, but not longer than `LONGEST_HOLD`: after that the line may be down. Where steps
overlap, the one that starts later counts; of two with one start, the shorter.

Pure functions on arrays. Not here: which measurement a unit's generation comes from (`generation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from energy_assets.curation.outages import FloatArray, IntArray, Periods

# One metering period: a sample is not proof of what happened beyond it.
LONGEST_HOLD = timedelta(minutes=15)
_SECOND, _MINUTE = 1_000_000, 60_000_000


@dataclass(frozen=True)
class StepSeries:
    """Steps in time order that do not overlap; times in UTC microseconds, all arrays (N,)."""

    starts: IntArray
    ends: IntArray
    values: FloatArray

    def mean(self, periods: Periods) -> tuple[FloatArray, FloatArray]:
        """Time-weighted mean over the known part of each period, and the share that is known.

        Args:
            periods: (M,).

        Returns:
            Mean (M,), NaN where nothing is known, and coverage (M,) between 0 and 1.
        """
        if not len(self.starts):
            return np.full(len(periods.starts), np.nan), np.zeros(len(periods.starts))
        # Counted from the first step: microseconds since 1970 leave a float no digits to integrate.
        origin = self.starts[0]
        moments = np.column_stack([self.starts, self.ends]).ravel() - origin
        lengths = (self.ends - self.starts).astype(np.float64)

        def integral(rates: FloatArray) -> FloatArray:
            """Integral over each period of a step function with these heights."""
            done = np.cumsum(rates * lengths)
            total = np.column_stack([np.append(0.0, done[:-1]), done]).ravel()
            ends, starts = periods.ends - origin, periods.starts - origin
            spent: FloatArray = np.interp(ends, moments, total) - np.interp(starts, moments, total)
            return spent

        known = integral(np.ones(len(lengths)))
        total = integral(self.values)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(known > 0, total / known, np.nan)
        return mean, np.clip(known / (periods.ends - periods.starts), 0.0, 1.0)


def meter_steps(readings: pl.DataFrame) -> StepSeries:
    """Power (MW) of one unit's rows of `raw.meter_readings`."""
    hours = readings["resolution_min"].to_numpy() / 60
    lengths = readings["resolution_min"].to_numpy().astype(np.int64) * _MINUTE
    return _steps(_moments(readings["period_start"]), lengths, readings["energy_mwh"] / hours)


def telemetry_steps(samples: pl.DataFrame) -> StepSeries:
    """Values of one unit and signal of `raw.telemetry`."""
    seconds = samples["interval_seconds"].to_numpy().astype(np.int64)
    hold = int(LONGEST_HOLD.total_seconds())
    lengths = np.where(seconds > 0, seconds, hold) * _SECOND
    return _steps(_moments(samples["measured_at"]), lengths, samples["value"])


def _steps(starts: IntArray, lengths: IntArray, values: pl.Series) -> StepSeries:
    # The shorter of two steps with one start comes last and cuts the longer one to nothing.
    order = np.lexsort((-lengths, starts))
    starts, ends = starts[order], (starts + lengths)[order]
    if len(starts) > 1:
        ends[:-1] = np.minimum(ends[:-1], starts[1:])
    return StepSeries(starts, ends, values.to_numpy().astype(np.float64)[order])


def _moments(times: pl.Series) -> IntArray:
    return times.to_physical().to_numpy().astype(np.int64)
