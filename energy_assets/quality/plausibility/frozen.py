"""Frozen values: the same value, or the same straight line, for longer than the signal ever shows.

Rules `frozen` (identical values) and `frozen.line` (equal steps: somebody interpolated). How long is
normal is learned from the days before: the third-longest run of `memory_days`, so that one or two
frozen spells do not make themselves normal. Runs at rest are normal at any length: zero, the signal's
own floor (a calm anemometer reads its offset) and its capacity. Not here: zeros where the signal
should not be at rest (`zeros`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Mask, Places, Signal, runs
from energy_assets.quality.plausibility.thresholds import FrozenThresholds


def frozen(signal: Signal, use: FrozenThresholds) -> list[Finding]:
    """Runs of identical values, and of equal steps, that are longer than normal."""
    flat = signal.flat
    same = np.diff(flat, prepend=np.nan) == 0
    rest = _at_rest(signal, use)
    level = _runs_of(signal, same & ~rest, use, "frozen", 1)
    step = np.diff(flat, prepend=np.nan)
    close = np.abs(np.diff(step, prepend=np.nan)) <= use.line_tolerance * _size(flat)
    moving = np.abs(step) > use.line_tolerance * _size(flat)
    line = _runs_of(signal, close & moving & ~same, use, "frozen.line", 2)
    return [*level, *line]


def _at_rest(signal: Signal, use: FrozenThresholds) -> Mask:
    """Slots at zero, at the floor of the days so far, or at capacity."""
    flat = signal.flat
    rest: Mask = flat == 0
    if signal.high is not None:
        rest |= flat >= (1 - use.full_share) * signal.high
    if signal.low is not None and signal.kind != "price":
        lowest = np.fmin.accumulate(flat)
        rest |= flat <= lowest + use.floor_share * _size(flat)
    return rest


def _runs_of(
    signal: Signal, repeats: Mask, use: FrozenThresholds, rule: str, before: int
) -> list[Finding]:
    starts, ends = runs(repeats)
    if not len(starts):
        return []
    # The first value of a run is equal to none before it, but belongs to it.
    starts = np.maximum(starts - before, 0)
    length = ends - starts
    hours = use.line_hours if rule == "frozen.line" else use.hours
    least = max(int(np.ceil(hours * signal.slots_per_hour)), use.least_points)
    allowed = np.maximum(_normal_length(starts, ends, length, use, signal.slots), least)
    long = length > allowed
    flagged = np.zeros(signal.flat.size, dtype=bool)
    score = np.zeros(signal.flat.size)
    evidence: Places = np.arange(signal.flat.size)
    for start, end, most in zip(starts[long], ends[long], allowed[long], strict=True):
        flagged[start:end] = True
        score[start:end] = end - start
        evidence[start:end] = np.maximum(evidence[start:end], min(start + most, end - 1))
    if not flagged.any():
        return []
    what = "equal steps" if rule == "frozen.line" else "identical values"
    expected = f"no more than {least} {what} in a row, or what was normal before"
    return [Finding(rule, "suspect", flagged, evidence, score, expected, "in a row:")]


def _normal_length(
    starts: Places, ends: Places, length: Places, use: FrozenThresholds, slots: int
) -> Places:
    """For each run, `growth` times the third-longest run that ended in the days before its own."""
    normal = np.zeros(len(starts), dtype=np.intp)
    candidates = np.flatnonzero(length >= use.least_points)
    for place in candidates:
        day = starts[place] // slots * slots
        since = day - use.memory_days * slots
        near = candidates[(ends[candidates] <= day) & (starts[candidates] >= since)]
        if len(near) >= use.rank:
            longest = np.partition(length[near], -use.rank)[-use.rank]
            normal[place] = int(longest * use.growth)
    return normal


def _size(flat: Floats) -> float:
    finite = np.abs(flat[np.isfinite(flat)])
    return float(np.quantile(finite, 0.95)) if finite.size else 1.0
