"""Level: a signal that drifts away from, or suddenly sits off, what a forecast or sibling says.

Rule `level_shift`, a two-sided CUSUM (E. S. Page, "Continuous inspection schemes", Biometrika 41
(1954)). The level of a day is the logarithm of the summed signal over the summed expectation; for
prices, which cross zero, their difference in units of the signal's size. Less its median and by
its robust deviation of the `memory_days` before, clipped, it is the day's z. With slack k the
statistic S+ is the largest sum of (z - k) over the last 1 to `reach_days` days, S- the same of (-z
- k); above `threshold` the days of that sum are flagged. Taken as a maximum over windows, and not
as a running state, judging day by day and years at once agree.

Not here: single values (`residuals`), wrong units and signs (`scale`).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from energy_assets.quality.plausibility.signal import Finding, Floats, Places, Signal
from energy_assets.quality.plausibility.thresholds import LevelThresholds
from energy_assets.quality.plausibility.trailing import centre_and_spread, typical_size


def level_shift(signal: Signal, use: LevelThresholds) -> list[Finding]:
    """Days over which the level has been off, from where the shift began to the alarm."""
    if signal.expected is None:
        return []
    shift, z = daily_level(signal, use)
    flagged_days = np.zeros(signal.days, dtype=bool)
    last_day, score_of = np.arange(signal.days), np.zeros(signal.days)
    for day, length, sign in _alarms(z, use):
        span = slice(day - length + 1, day + 1)
        off = float(np.nan_to_num(shift[span]).mean())
        if sign * off < use.least_shift:
            continue
        fresh = ~flagged_days[span]
        last_day[span] = np.where(fresh, day, last_day[span])
        score_of[span] = np.where(fresh, off, score_of[span])
        flagged_days[span] = True
    if not flagged_days.any():
        return []
    slots = signal.slots
    flagged = np.repeat(flagged_days, slots) & np.isfinite(signal.flat)
    evidence: Places = np.repeat(last_day * slots + slots - 1, slots)
    expected = "the level that the forecast or sibling gives, as in the months before"
    score = np.repeat(score_of, slots)
    return [
        Finding("level_shift", "suspect", flagged, evidence, score, expected, "off by a share of")
    ]


def _alarms(z: Floats, use: LevelThresholds) -> list[tuple[int, int, float]]:
    """Day, length in days and sign of each alarm, oldest first.

    Both signs in one order: a day that an upward and a downward sum cover is flagged by whichever
    alarm came first, so that what is known by a day does not depend on the days after it.
    """
    alarms: list[tuple[int, int, float]] = []
    for sign in (1.0, -1.0):
        statistic, length = cusum(sign * z, use.slack, use.reach_days)
        days = np.flatnonzero(statistic > use.threshold)
        alarms += [(int(day), int(length[day]), sign) for day in days]
    return sorted(alarms)


def daily_level(signal: Signal, use: LevelThresholds) -> tuple[Floats, Floats]:
    """Shift of each day's level against the days before, and its clipped z (0 where unknown)."""
    assert signal.expected is not None
    both = np.isfinite(signal.values) & np.isfinite(signal.expected)
    value = np.where(both, signal.values, 0.0).sum(axis=1)
    expected = np.where(both, signal.expected, 0.0).sum(axis=1)
    count = both.sum(axis=1)
    size = typical_size(signal.expected, use.size_days)
    usable = count >= use.least_share * signal.slots
    if signal.kind == "price":
        level = (value - expected) / np.maximum(count * size, 1e-9)
    else:
        level = np.log(np.maximum(value, 1e-9) / np.maximum(expected, 1e-9))
        usable &= expected > use.least_level * size * count
    level = np.where(usable, level, np.nan)
    centre, spread = centre_and_spread(level, use.memory_days, least=use.least_days)
    shift = level - centre
    z = np.clip(shift / np.maximum(spread, use.floor), -use.clip, use.clip)
    return shift, np.where(np.isfinite(z), z, 0.0)


def cusum(z: Floats, slack: float, reach: int) -> tuple[Floats, Places]:
    """Largest sum of z - slack over the last 1 to `reach` days, and over how many it is.

    Args:
        z: One figure per day.
        slack: Taken off every day.
        reach: Most days of a sum.
    """
    padded = np.concatenate([np.zeros(reach - 1), z - slack])
    sums = np.cumsum(sliding_window_view(padded, reach)[:, ::-1], axis=1)
    best = np.argmax(sums, axis=1)
    statistic: Floats = sums[np.arange(len(z)), best]
    return statistic, np.minimum(best + 1, np.arange(len(z)) + 1)
