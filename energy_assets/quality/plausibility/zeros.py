"""Zeros as missing: somebody wrote 0 where nothing was delivered.

Rule `zero`. Four grounds, by what is known of the signal: a load or a whole area's generation never
is exactly 0; no area is without wind for longer than `calm_hours`; a driver says well above 0; the
signal fell to exactly 0 from high up in one step, or came back so. A run is flagged whole. Not here:
runs of other values (`frozen`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Mask, Places, Signal, runs
from energy_assets.quality.plausibility.thresholds import ZeroThresholds
from energy_assets.quality.plausibility.trailing import typical_size


def zeros(signal: Signal, use: ZeroThresholds) -> list[Finding]:
    """Runs of exact zeros that stand for missing values."""
    if signal.kind in ("price", "close", "power"):
        return []
    flat = signal.flat
    starts, ends = runs(flat == 0)
    if not len(starts):
        return []
    size = np.repeat(typical_size(signal.values, use.memory_days), signal.slots)
    never = signal.kind in ("load", "generation") and signal.aggregate
    flagged = np.zeros(flat.size, dtype=bool)
    evidence: Places = np.arange(flat.size)
    hours = (ends - starts) / signal.slots_per_hour
    long = signal.aggregate & (hours >= (use.dark_hours if signal.kind == "solar" else use.calm_hours))
    share = use.area_step_share if signal.aggregate else use.step_share
    fell = _fell(flat, starts, ends, share * size) & (signal.kind not in ("solar", "weather"))
    contrary = _contrary(signal, starts, ends, size, use)
    for place in np.flatnonzero(fell | long | contrary | never):
        start, end = starts[place], ends[place]
        flagged[start:end] = True
        if long[place] and not (never or fell[place]):
            wait = use.dark_hours if signal.kind == "solar" else use.calm_hours
            sure = min(start + int(wait * signal.slots_per_hour), end - 1)
            evidence[start:end] = np.maximum(evidence[start:end], sure)
        elif contrary[place] and not never:
            evidence[start:end] = np.maximum(evidence[start:end], min(start + use.contrary_points, end - 1))
    if not flagged.any():
        return []
    expected = "a value above 0 here"
    return [Finding("zero", "quarantined", flagged, evidence, np.zeros(flat.size), expected, "found")]


def _fell(flat: Floats, starts: Places, ends: Places, high: Floats) -> Mask:
    """Runs that begin with a fall from high up, or end with a rise to it."""
    previous = np.where(starts > 0, flat[np.maximum(starts - 1, 0)], np.nan)
    following = np.where(ends < flat.size, flat[np.minimum(ends, flat.size - 1)], np.nan)
    return (previous > high[starts]) | (following > high[starts])


def _contrary(
    signal: Signal, starts: Places, ends: Places, size: Floats, use: ZeroThresholds
) -> Mask:
    """Runs with enough slots in which the expected series is well above 0."""
    if signal.expected is None:
        return np.zeros(len(starts), dtype=bool)
    high = np.concatenate([[0], np.cumsum(signal.expected.ravel() > use.expected_share * size)])
    above: Mask = (high[ends] - high[starts]) >= use.contrary_points
    return above
