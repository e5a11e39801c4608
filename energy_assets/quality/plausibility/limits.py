"""Physical limits: a value outside what the plant, the market or the night allows.

Rules `limits` (outside the physical range, with a tolerance of its span) and `limits.night` (a
solar signal well above nothing in a slot that was dark, with its neighbours, on every day before).
Not here: the wide ranges of the table registry, which `screening` holds rows to on the way in.
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Signal, at_once
from energy_assets.quality.plausibility.thresholds import LimitThresholds
from energy_assets.quality.plausibility.trailing import before


def physical_limits(signal: Signal, use: LimitThresholds) -> list[Finding]:
    """Values outside [low, high], by more than `tolerance` of the range or of the nearer end."""
    low = -np.inf if signal.low is None else signal.low
    high = np.inf if signal.high is None else signal.high
    span = (
        high - low
        if np.isfinite(high - low)
        else max(abs(x) for x in (low, high, 0.0) if np.isfinite(x))
    )
    room = use.tolerance * span
    values = signal.values
    outside = np.maximum(low - room - values, values - high - room)
    # NaN compares false: a missing value breaks no limit.
    flagged = outside > 0
    if not flagged.any():
        return []
    expected = f"between {low:g} and {high:g}, give or take {room:g}"
    score = np.where(flagged, outside + room, 0.0)
    return [at_once("limits", "quarantined", flagged, score, expected, "beyond the limit by")]


def dark_hours(signal: Signal, use: LimitThresholds) -> list[Finding]:
    """Solar values in slots that have been dark for `dark_days`, one hour to either side."""
    if signal.kind != "solar" or signal.high is None:
        return []
    past = before(signal.values, use.dark_days)
    seen = np.isfinite(past).sum(axis=-1)
    brightest = np.where(seen > 0, np.fmax.reduce(past, axis=-1), np.inf)
    reach = max(int(np.ceil(signal.slots_per_hour)), 1)
    nearby = np.stack([np.roll(brightest, step, axis=1) for step in range(-reach, reach + 1)])
    enough = seen >= use.dark_days // 2
    dark = enough & (nearby.max(axis=0) <= use.dark_share * signal.high)
    flagged = dark & (signal.values > use.light_share * signal.high)
    if not flagged.any():
        return []
    expected = f"no more than {use.light_share:.0%} of {signal.high:g} at night"
    return [at_once("limits.night", "quarantined", flagged, signal.values, expected, "found")]
