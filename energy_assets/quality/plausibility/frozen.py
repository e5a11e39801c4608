"""Frozen values: the same value, or the same straight line, for longer than the signal ever shows.

Rules `frozen` (identical values), `frozen.line` (equal steps: somebody interpolated) and
`frozen.rest` (identical values at rest: zero, the signal's own floor, as a calm anemometer reads
its offset, or its capacity). How long identical values are normal is learned from the days before:
the third-longest run of `memory_days`, so that one or two frozen spells do not make themselves
normal. At rest they are for as long as `rest_hours`. Not here: zeros where the signal should not
be at rest (`zeros`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Mask, Places, Signal, runs
from energy_assets.quality.plausibility.thresholds import FrozenThresholds
from energy_assets.quality.plausibility.trailing import typical_size


def frozen(signal: Signal, use: FrozenThresholds) -> list[Finding]:
    """Runs of identical values, and of equal steps, that are longer than normal."""
    flat = signal.flat
    same = np.diff(flat, prepend=np.nan) == 0
    size = _size(signal, use)
    rest = _at_rest(signal, size, use)
    level = _runs_of(signal, same & ~rest, use, "frozen", 1)
    level += _runs_of(signal, same & rest, use, "frozen.rest", 1)
    step = np.diff(flat, prepend=np.nan)
    close = np.abs(np.diff(step, prepend=np.nan)) <= use.line_tolerance * size
    moving = np.abs(step) > use.line_tolerance * size
    line = _runs_of(signal, close & moving & ~same, use, "frozen.line", 2)
    return [*level, *line]


def _at_rest(signal: Signal, size: Floats, use: FrozenThresholds) -> Mask:
    """Slots at zero, at the floor of the days so far, or at capacity."""
    flat = signal.flat
    rest: Mask = flat == 0
    if signal.high is not None:
        rest |= flat >= (1 - use.full_share) * signal.high
    if signal.low is not None and signal.kind != "price":
        lowest = np.fmin.accumulate(flat)
        rest |= flat <= lowest + use.floor_share * size
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
    hours = {"frozen": use.hours, "frozen.line": use.line_hours, "frozen.rest": use.rest_hours}[
        rule
    ]
    least = max(int(np.ceil(hours * signal.slots_per_hour)), use.least_points)
    allowed = np.full(len(starts), least)
    if rule == "frozen":
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
    normal = ", or what was normal before" if rule == "frozen" else ""
    expected = f"no more than {least} {what} in a row{normal}"
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


def _size(signal: Signal, use: FrozenThresholds) -> Floats:
    """Size of the signal per slot, from the days before and the day."""
    size = typical_size(signal.values, use.memory_days)
    return np.repeat(np.where(np.isfinite(size), size, 0.0), signal.slots)
