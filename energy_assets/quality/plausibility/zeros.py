"""Zeros as missing: somebody wrote 0 where nothing was delivered.

Rule `zero`. Four grounds, by what is known of the signal: a load or a whole area's generation
never is exactly 0; no area is without wind for longer than `calm_hours`; a driver says well above
0; the signal fell to exactly 0 from high up in one step, or came back so. A run is flagged whole.
Not here: runs of other values (`frozen`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Places, Signal, runs
from energy_assets.quality.plausibility.thresholds import ZeroThresholds
from energy_assets.quality.plausibility.trailing import before, nan_median, typical_size

_NEVER = np.iinfo(np.intp).max


def zeros(signal: Signal, use: ZeroThresholds) -> list[Finding]:
    """Runs of exact zeros that stand for missing values."""
    if signal.kind in ("price", "close", "power"):
        return []
    flat = signal.flat
    starts, ends = runs(flat == 0)
    size = np.repeat(typical_size(signal.values, use.memory_days), signal.slots)
    # Per ground, the slot at which each run is known to be wrong; past its end if it is not.
    sure = np.min([ground(signal, starts, ends, size, use) for ground in _GROUNDS], axis=0)
    flagged = np.zeros(flat.size, dtype=bool)
    evidence: Places = np.arange(flat.size)
    for place in np.flatnonzero(sure < _NEVER):
        run = slice(starts[place], ends[place])
        flagged[run] = True
        evidence[run] = np.maximum(evidence[run], sure[place])
    if not flagged.any():
        return []
    score = np.zeros(flat.size)
    return [Finding("zero", "quarantined", flagged, evidence, score, "a value above 0", "found")]


def _impossible(
    signal: Signal, starts: Places, ends: Places, size: Floats, use: ZeroThresholds
) -> Places:
    """A load or a generation of a whole area."""
    del ends, size, use
    never = signal.aggregate and signal.kind in ("load", "generation")
    return starts if never else np.full(len(starts), _NEVER)


def _too_long(
    signal: Signal, starts: Places, ends: Places, size: Floats, use: ZeroThresholds
) -> Places:
    """An area without wind, or without sun, for longer than there is."""
    del size
    hours = use.dark_hours if signal.kind == "solar" else use.calm_hours
    least = round(hours * signal.slots_per_hour)
    long = signal.aggregate & (ends - starts >= least)
    return np.where(long, starts + least - 1, _NEVER)


def _fell(
    signal: Signal, starts: Places, ends: Places, size: Floats, use: ZeroThresholds
) -> Places:
    """Runs that begin with a fall from high up, or end with a rise to it."""
    if signal.kind in ("solar", "weather"):
        return np.full(len(starts), _NEVER)
    flat = signal.flat
    high = (use.area_step_share if signal.aggregate else use.step_share) * size[starts]
    previous = np.where(starts > 0, flat[np.maximum(starts - 1, 0)], np.nan)
    following = np.where(ends < flat.size, flat[np.minimum(ends, flat.size - 1)], np.nan)
    risen = np.where(following > high, ends, _NEVER)
    return np.where(previous > high, starts, risen)


def _contrary(
    signal: Signal, starts: Places, ends: Places, size: Floats, use: ZeroThresholds
) -> Places:
    """Runs with enough slots in which the forecast, or the usual sun, is well above 0."""
    sure = np.full(len(starts), _NEVER)
    should = np.full(signal.values.shape, np.nan) if signal.expected is None else signal.expected
    if signal.kind == "solar":
        usual = nan_median(before(signal.values, use.memory_days))
        should = np.where(np.isfinite(should), should, usual)
    above = np.flatnonzero(should.ravel() > use.expected_share * size)
    # The slot of a run's `contrary_points`-th contradiction, if it has so many.
    place = np.searchsorted(above, starts) + use.contrary_points - 1
    there = place < len(above)
    sure[there] = above[place[there]]
    return np.where(sure < ends, sure, _NEVER)


_GROUNDS = (_impossible, _too_long, _fell, _contrary)
