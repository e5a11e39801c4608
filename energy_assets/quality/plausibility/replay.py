"""Repeated blocks: values that were delivered before, under another time.

Rules `replay` (a block equal to the same hours one to seven days earlier) and `duplicate` (a block
equal to one less than a day earlier: the same hours delivered again under the next stamps). Blocks
count where enough different values repeat exactly, in a row; nights, plateaus and calms repeat by
themselves and do not. Not here: single values that stay the same (`frozen`), rows delivered twice
under one key (`screening` refuses those).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Mask, Places, Signal, runs
from energy_assets.quality.plausibility.thresholds import ReplayThresholds


def repeated_blocks(signal: Signal, use: ReplayThresholds) -> list[Finding]:
    """Blocks that repeat earlier ones exactly."""
    slots = signal.slots
    days = [day * slots for day in range(1, use.replay_days + 1)]
    least = max(round(use.least_hours * signal.slots_per_hour), use.least_points)
    short = list(range(least, slots))
    found = []
    for rule, lags in (("replay", days), ("duplicate", short)):
        flagged, evidence, lag_of = _repeats(signal.flat, lags, least, use.least_values)
        if flagged.any():
            expected = f"fewer than {least} values in a row as they were earlier"
            score = lag_of * signal.minutes / 60
            finding = Finding(
                rule, "quarantined", flagged, evidence, score, expected, "hours earlier:"
            )
            found.append(finding)
    return found


def _repeats(
    flat: Floats, lags: list[int], least: int, least_values: int
) -> tuple[Mask, Places, Floats]:
    flagged = np.zeros(flat.size, dtype=bool)
    evidence: Places = np.arange(flat.size)
    lag_of = np.zeros(flat.size)
    # Changes of value up to each slot: a plateau is no block, however long it repeats.
    changes = np.cumsum(np.diff(flat, prepend=np.nan) != 0)
    for lag in lags:
        if lag >= flat.size:
            break
        same = np.concatenate([np.zeros(lag, dtype=bool), flat[lag:] == flat[:-lag]])
        starts, ends = runs(same)
        varied = changes[ends - 1] - changes[starts] >= least_values - 1
        long = (ends - starts >= least) & varied
        for start, end in zip(starts[long], ends[long], strict=True):
            if len(np.unique(flat[start:end])) < least_values:
                continue
            enough = np.searchsorted(changes[start:end] - changes[start], least_values - 1)
            sure = min(max(start + least - 1, start + int(enough)), end - 1)
            fresh = slice(start, end)
            evidence[fresh] = np.maximum(evidence[fresh], sure)
            lag_of[fresh] = np.where(flagged[fresh], lag_of[fresh], lag)
            flagged[fresh] = True
    return flagged, evidence, lag_of
