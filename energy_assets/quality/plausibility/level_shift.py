"""Level: a signal that drifts away from, or suddenly sits off, what a forecast or sibling says.

Rule `level_shift`. For windows of one day to three weeks the ratio of the summed signal to the summed
expectation (its difference, for prices) is held against its own history: the same figure of the
`memory_days` before the window. Short windows find a jump, long ones a slow drift. This scan over
windows does what a two-sided CUSUM does with a reference value per window length, without a running
state: judging day by day and years at once agree. The days of the window are flagged.

How far off is normal differs by signal (a wind farm by a coarse forecast, a load by its operator's):
the threshold is the larger of a fixed one and what this signal has shown before. Not here: single
values (`residuals`), wrong units and signs (`scale`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Places, Signal
from energy_assets.quality.plausibility.thresholds import LevelThresholds
from energy_assets.quality.plausibility.trailing import (
    centre_and_spread,
    sum_of_last,
    typical_size,
    usual_high,
)


def level_shift(signal: Signal, use: LevelThresholds) -> list[Finding]:
    """Days on which some window's level is off."""
    if signal.expected is None:
        return []
    days = signal.days
    flagged_days = np.zeros(days, dtype=bool)
    last_day = np.arange(days)
    score_of = np.zeros(days)
    for window in use.windows:
        level, score = level_score(signal, window, use)
        normal = usual_high(
            score, use.memory_days, window - 1, use.usual_share, use.least_days // 2
        )
        most = np.maximum(use.threshold, use.growth * normal)
        alarm = (score > most) & (np.abs(level) > use.least_shift)
        for day in np.flatnonzero(alarm):
            span = slice(max(day - window + 1, 0), day + 1)
            fresh = ~flagged_days[span]
            last_day[span] = np.where(fresh, day, last_day[span])
            score_of[span] = np.where(fresh, level[day], score_of[span])
            flagged_days[span] = True
    if not flagged_days.any():
        return []
    slots = signal.slots
    flagged = np.repeat(flagged_days, slots) & np.isfinite(signal.flat)
    evidence: Places = np.repeat(last_day * slots + slots - 1, slots)
    expected = "the level the forecast or sibling gives, as in the weeks before"
    measure = "off by (share, or currency/MWh of a price)"
    score = np.repeat(score_of, slots)
    return [Finding("level_shift", "suspect", flagged, evidence, score, expected, measure)]


def level_score(signal: Signal, window: int, use: LevelThresholds) -> tuple[Floats, Floats]:
    """Shift of each day's window against its history, and that in robust deviations.

    The shift is the logarithm of a ratio, for prices a difference in units of the signal's size.
    """
    assert signal.expected is not None
    both = np.isfinite(signal.values) & np.isfinite(signal.expected)
    of_value = sum_of_last(np.where(both, signal.values, 0.0).sum(axis=1), window)
    of_expected = sum_of_last(np.where(both, signal.expected, 0.0).sum(axis=1), window)
    count = sum_of_last(both.sum(axis=1).astype(np.float64), window)
    size = typical_size(signal.expected, use.size_days)
    if signal.kind == "price":
        level = (of_value - of_expected) / np.maximum(count * size, 1e-9)
        usable = count >= use.least_share * window * signal.slots
    else:
        level = np.log(np.maximum(of_value, 1e-9) / np.maximum(of_expected, 1e-9))
        usable = (of_expected > use.least_level * size * count) & (
            count >= use.least_share * window * signal.slots
        )
    level = np.where(usable, level, np.nan)
    centre, spread = centre_and_spread(level, use.memory_days, window - 1, use.least_days)
    score = np.abs(level - centre) / np.maximum(spread, use.floor)
    return level - centre, score
