"""What is known at an origin about a later period, as columns of a matrix.

Every row is a pair of origin and period. Leads count from the newest value seen, not from the
origin: old telemetry is then a longer lead, and one model serves both. Errors are those of the
guidance known at each period's own start; without any guidance its place is taken by the mean of
the time of day.

Belongs here: columns. Not here: which pairs are used to train, models (`boosting`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from energy_assets.forecasting.arrays import FloatArray, IntArray
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.lakehouse.tables import UTC_TIME

_ERROR_HOURS = (1, 3, 6, 24)
_CLIMATE_DAYS = 28
# No column looks further back than this.
REACH_DAYS = 45


@dataclass(frozen=True)
class Pairs:
    """Origins and periods with what is known of them, n rows.

    Attributes:
        lead_hours: Hours from the newest value seen to the period, (n,).
        expected: Guidance of the period, or the mean of its time of day, (n,).
        linear: Regressors of the outcome's deviation from `expected`, 0 where unknown, (n, G).
        columns: All columns, NaN where unknown, (n, F).
    """

    lead_hours: FloatArray
    expected: FloatArray
    linear: FloatArray
    columns: FloatArray


class Features:
    """Columns of one history.

    Args:
        history: The history.
    """

    def __init__(self, history: RollingHistory) -> None:
        self._history = history
        periods = np.arange(len(history.outcome))
        self._hour, self._weekday, self._season = _wall_clock(history)
        seen = history.seen
        self._climate = self._time_of_day_mean(seen)
        self._own = self._expected(periods, periods)
        error = seen - self._own
        self._error_sums = _Sums(error)
        self._error, self._seen = error, _Sums(seen)
        known = np.where(np.isfinite(seen), periods, -1)
        self._newest = np.maximum.accumulate(known)

    def pairs(self, origins: IntArray, periods: IntArray) -> Pairs:
        """Features of pairs.

        Args:
            origins: Period in which a forecast is made, (n,).
            periods: Period it is for, (n,).
        """
        history, per_hour = self._history, self._history.per_hour
        reach = np.maximum(origins - history.delay, 0)
        newest = self._newest[reach]
        known = newest >= 0
        at = np.where(known, newest, 0)
        expected = self._expected(origins, periods)
        seen = np.where(known, history.seen[at], np.nan)
        error = np.where(known, self._error[at], np.nan)
        means = [self._error_sums.mean(at, self._width(hours)) for hours in _ERROR_HOURS]
        day_before = self._same_time(periods, reach, history.per_day)
        week_before = self._same_time(periods, reach, 7 * history.per_day)
        lead = (periods - newest) / per_hour
        climate = self._climate[periods]
        linear = [
            error,
            *means,
            self._error[day_before],
            self._error[week_before],
            seen - error - expected,
            climate - expected,
        ]
        last, hour = len(history.outcome) - 1, self._width(1)
        around = [
            self._expected(origins, np.clip(periods + side, 0, last)) for side in (-hour, hour)
        ]
        columns = [
            lead,
            expected,
            *linear,
            seen,
            seen - self._seen.mean(at - self._width(1), self._width(1)),
            self._seen.mean(at, self._width(24)),
            self._error_sums.deviation(at, self._width(6)),
            history.seen[day_before],
            history.seen[week_before],
            self._expected(origins, at),
            *around,
            self._hour[periods],
            self._weekday[periods],
            self._season[periods],
            (periods - origins) / per_hour,
            *(series.known_at(origins, periods) for series in history.drivers.values()),
        ]
        return Pairs(
            lead,
            expected,
            np.nan_to_num(np.column_stack(linear), nan=0.0),
            np.column_stack(columns),
        )

    def _width(self, hours: int) -> int:
        return max(round(hours * self._history.per_hour), 1)

    def _expected(self, origins: IntArray, periods: IntArray) -> FloatArray:
        guidance = self._history.guidance
        if guidance is None:
            return self._climate[periods]
        ahead = guidance.known_at(origins, periods)
        return np.where(np.isfinite(ahead), ahead, self._climate[periods])

    def _same_time(self, periods: IntArray, reach: IntArray, step: int) -> IntArray:
        """The newest period seen that lies whole steps before, (n,); the first one if none does."""
        steps = -((reach - periods) // step)
        found: IntArray = np.maximum(periods - np.maximum(steps, 1) * step, 0)
        return found

    def _time_of_day_mean(self, seen: FloatArray) -> FloatArray:
        """Mean of what was seen at the same time of day in the days before, (N,).

        The mean of 28 days that end a horizon before each period, so that no period's own value is
        in it: what is known of a period is known to all origins alike. A time of day that was never
        seen (a logger that misses midnight) lies between those beside it.
        """
        history = self._history
        day = history.per_day
        gap = -(-(len(seen) - history.origin + history.delay) // day)
        rows = -(-len(seen) // day)
        table = np.full(rows * day, np.nan)
        table[: len(seen)] = seen
        by_day = table.reshape(rows, day)
        known = np.isfinite(by_day)
        front = np.zeros((gap + _CLIMATE_DAYS + 1, day))
        sums = [
            np.vstack([front, np.cumsum(part, axis=0)])
            for part in (np.where(known, by_day, 0.0), known.astype(np.float64))
        ]
        # Row r of the sums, after the zeros in front, holds the days before r - gap.
        total, count = (s[_CLIMATE_DAYS + 1 :][:rows] - s[1 : rows + 1] for s in sums)
        means = np.divide(total, count, out=np.full((rows, day), np.nan), where=count > 0)
        known_day = np.isfinite(means)
        for row in np.flatnonzero(known_day.any(axis=1) & ~known_day.all(axis=1)):
            there = np.flatnonzero(known_day[row])
            means[row] = np.interp(np.arange(day), there, means[row, there], period=day)
        result: FloatArray = means.reshape(-1)[: len(seen)]
        return result


class _Sums:
    """Running sums of a series with gaps, for means over any window."""

    def __init__(self, values: FloatArray) -> None:
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        self._count = np.append(0, np.cumsum(known))
        self._total = np.append(0.0, np.cumsum(filled))
        self._squares = np.append(0.0, np.cumsum(filled**2))

    def mean(self, last: IntArray, width: int) -> FloatArray:
        """Mean of the known values in the window that ends with each period, (n,)."""
        count, total, _ = self._window(last, width)
        mean: FloatArray = np.divide(total, count, out=np.full(len(last), np.nan), where=count > 0)
        return mean

    def deviation(self, last: IntArray, width: int) -> FloatArray:
        """Root of the mean square in the window, (n,)."""
        count, _, squares = self._window(last, width)
        mean = np.divide(squares, count, out=np.full(len(last), np.nan), where=count > 0)
        result: FloatArray = np.sqrt(np.maximum(mean, 0.0))
        return result

    def _window(self, last: IntArray, width: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        end = np.maximum(last + 1, 0)
        begin = np.maximum(end - width, 0)
        count, total, squares = (
            sums[end] - sums[begin] for sums in (self._count, self._total, self._squares)
        )
        return count, total, squares


def _wall_clock(history: RollingHistory) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hour, weekday and day of the year of every period on the target's clock, each (N,)."""
    step = history.minutes * 60_000_000
    first = pl.Series([history.start], dtype=UTC_TIME).to_physical()[0]
    moments = first + step * np.arange(len(history.outcome), dtype=np.int64)
    local = pl.Series(moments).cast(UTC_TIME).dt.convert_time_zone(history.clock)
    hour = local.dt.hour().to_numpy() + local.dt.minute().to_numpy() / 60
    weekday = local.dt.weekday().to_numpy().astype(np.float64) - 1
    return hour.astype(np.float64), weekday, local.dt.ordinal_day().to_numpy().astype(np.float64)
