"""Daily closes: a jump that no trading day makes, and that the next close takes back or confirms.

Rule `jump`: the logarithm of two neighbouring closes is more than so many robust deviations, and
more than a share, off. Not here: series of periods (`residuals`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Signal, at_once
from energy_assets.quality.plausibility.thresholds import JumpThresholds
from energy_assets.quality.plausibility.trailing import MAD_TO_SIGMA, before, nan_median


def close_jumps(signal: Signal, use: JumpThresholds) -> list[Finding]:
    """Closes that jumped; the grid has one slot a day, weekends missing."""
    flat = signal.flat
    there = np.flatnonzero(np.isfinite(flat) & (flat > 0))
    wrong = np.isfinite(flat) & (flat <= 0)
    change = np.abs(np.diff(np.log(flat[there]), prepend=np.nan))
    usual = MAD_TO_SIGMA * nan_median(before(change, use.memory_closes)[:, 0, :])
    usual = np.where(np.isfinite(usual), usual, 0.0)
    jumped = change > np.maximum(use.threshold * usual, use.least_change)
    # The close after a wrong one jumps back: it is held against the one before the jump.
    back = _change_over_two(flat[there]) <= np.maximum(use.threshold * usual, use.least_change)
    jumped &= ~(back & np.concatenate([[False], jumped[:-1]]))
    flagged = wrong
    flagged[there[jumped]] = True
    if not flagged.any():
        return []
    score = np.zeros(flat.size)
    score[there] = np.nan_to_num(change)
    expected = f"a change of at most {use.least_change:.0%}, or what is usual"
    return [at_once("jump", "suspect", flagged, score, expected, "logarithm of the change:")]


def _change_over_two(closes: Floats) -> Floats:
    earlier = np.concatenate([[np.nan, np.nan], closes[:-2]])[: closes.size]
    change: Floats = np.abs(np.log(closes / earlier))
    return change
