"""Clock skew: a signal that runs ahead of, or behind, its forecast or sibling.

Rule `skew`. Over windows of days the signal is correlated with the expected series moved by up to
three hours either way, on the values and on their changes. The best lag has to be another one than
in the weeks before, and better by more (in Fisher's z, atanh of the correlation) than this signal's
chance differences. Not here: yesterday's values delivered again (`replay`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Places, Signal
from energy_assets.quality.plausibility.thresholds import SkewThresholds
from energy_assets.quality.plausibility.trailing import (
    before,
    moved,
    nan_median,
    sum_of_last,
    usual_high,
)


def clock_skew(signal: Signal, use: SkewThresholds) -> list[Finding]:
    """Windows of days in which another lag than usual fits clearly better."""
    if signal.expected is None:
        return []
    changes = signal.values - moved(signal.values, 1)
    expected_changes = signal.expected - moved(signal.expected, 1)
    days = signal.days
    flagged_days = np.zeros(days, dtype=bool)
    last_day, lag_of = np.arange(days), np.zeros(days)
    for values, expected in ((signal.values, signal.expected), (changes, expected_changes)):
        sums = _daily_sums(values, expected, _lags(signal, use))
        for window in use.windows:
            gain, lag = _gain(sums, window, signal, use)
            normal = usual_high(gain, use.memory_days, window - 1, use.usual_share, use.least_days)
            for day in np.flatnonzero(gain > np.maximum(use.least_gain, use.growth * normal)):
                span = slice(max(day - window + 1, 0), day + 1)
                fresh = ~flagged_days[span]
                last_day[span] = np.where(fresh, day, last_day[span])
                lag_of[span] = np.where(fresh, lag[day], lag_of[span])
                flagged_days[span] = True
    if not flagged_days.any():
        return []
    slots = signal.slots
    flagged = np.repeat(flagged_days, slots) & np.isfinite(signal.flat)
    evidence: Places = np.repeat(last_day * slots + slots - 1, slots)
    text = "the same lag to the forecast or sibling as in the weeks before"
    score = np.repeat(lag_of * signal.minutes, slots)
    return [Finding("skew", "suspect", flagged, evidence, score, text, "minutes late:")]


def _lags(signal: Signal, use: SkewThresholds) -> list[int]:
    reach = max(round(use.reach_hours * signal.slots_per_hour), 1)
    step = max(round(use.step_minutes / signal.minutes), 1)
    return list(range(-(reach // step) * step, reach + 1, step))


def _daily_sums(values: Floats, expected: Floats, lags: list[int]) -> Floats:
    """Count, sums, squares and products per lag and day: lags by 6 by days."""
    parts = []
    for lag in lags:
        other = moved(expected, lag)
        both = np.isfinite(values) & np.isfinite(other)
        one, two = np.where(both, values, 0.0), np.where(both, other, 0.0)
        columns = (both, one, two, one * one, two * two, one * two)
        parts.append([column.sum(axis=1, dtype=np.float64) for column in columns])
    return np.array(parts)


def _gain(sums: Floats, window: int, signal: Signal, use: SkewThresholds) -> tuple[Floats, Floats]:
    """Per day: gain of the window's best lag over the usual one, and the difference in slots."""
    lags = _lags(signal, use)
    totals = sum_of_last(np.moveaxis(sums, -1, 0), window)
    count, one, two, one2, two2, product = np.moveaxis(totals, -1, 0)
    count = np.maximum(count, 1)
    variance = np.maximum((one2 - one * one / count) * (two2 - two * two / count), 1e-12)
    correlation = np.clip((product - one * two / count) / np.sqrt(variance), -0.9999, 0.9999)
    measured = count >= use.least_share * window * signal.slots
    fisher = np.where(measured, np.arctanh(correlation), np.nan)
    past = before(fisher, use.usual_days, window - 1)
    known = (np.isfinite(past).sum(axis=-1) >= use.least_days // 2).all(axis=1)
    known &= measured.all(axis=1)
    centre, now = (np.where(np.isfinite(x), x, -9.0) for x in (nan_median(past), fisher))
    usual, best = np.argmax(centre, axis=1), np.argmax(now, axis=1)
    rows = np.arange(len(fisher))
    gain = now[rows, best] - now[rows, usual]
    clear = (correlation[rows, best] > use.least_correlation) & (best != usual)
    shift = (best - usual) * (lags[1] - lags[0] if len(lags) > 1 else 1)
    return np.where(known, np.where(clear, gain, 0.0), np.nan), shift.astype(np.float64)
