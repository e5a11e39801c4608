"""Ramps: a change between neighbouring slots that the asset cannot make.

Rule `ramp`: |change| above the asset's ramp times the slot length times a margin (1.2). The later
of the two slots is flagged, and the way back is not: the value that returns to where the signal
was before is good. Not here: changes of signals without a known ramp (`residuals`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Signal, at_once
from energy_assets.quality.plausibility.thresholds import RampThresholds


def ramps(signal: Signal, use: RampThresholds) -> list[Finding]:
    """Values that the slot before cannot have led to."""
    if signal.ramp is None:
        return []
    flat = signal.flat
    most = signal.ramp * signal.minutes / 60 * use.margin
    change = np.abs(np.diff(flat, prepend=np.nan))
    jumped = change > most
    # After a jump the next slot is held against the slot before the jump too.
    back = np.abs(flat - np.concatenate([[np.nan, np.nan], flat[:-2]])) <= 2 * most
    returned = jumped & back & np.concatenate([[False], jumped[:-1]])
    flagged = jumped & ~returned
    if not flagged.any():
        return []
    expected = f"a change of at most {most:g} in {signal.minutes} min"
    return [at_once("ramp", "suspect", flagged, change, expected, "changed by")]
