"""Agreement of two sources of the same quantity.

Rule `agreement`: the two differ by more than `tolerance` (0.01 currency/MWh for prices). Which one
is wrong the pair alone cannot say; the expected series decides where it is clearly nearer to one
of them, else both are suspect. Not here: siblings that only resemble each other (`level_shift`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Mask, Signal, at_once
from energy_assets.quality.plausibility.thresholds import AgreementThresholds

# A cent is a cent: decimals that binary numbers do not hold must not count.
_BINARY = 1e-6


def agreement(signal: Signal, use: AgreementThresholds) -> list[Finding]:
    """Values that the second source contradicts."""
    if signal.second is None:
        return []
    apart = np.abs(signal.values - signal.second)
    flagged = apart > use.tolerance + _BINARY
    if signal.expected is not None:
        mine = np.abs(signal.values - signal.expected)
        theirs = np.abs(signal.second - signal.expected)
        # Clearly nearer to what was expected: the other source is the wrong one.
        cleared = (theirs > use.clear_ratio * mine) & (apart > use.clear_least)
        flagged &= ~cleared
    if not flagged.any():
        return []
    expected = f"within {use.tolerance:g} of the second source"
    return [at_once("agreement", "suspect", flagged, apart, expected, "apart by")]


def confirmed(signal: Signal, use: AgreementThresholds) -> Mask:
    """Values that the second source has too, days by slots."""
    if signal.second is None:
        return np.zeros(signal.values.shape, dtype=bool)
    same: Mask = np.abs(signal.values - signal.second) <= use.tolerance + _BINARY
    return same
