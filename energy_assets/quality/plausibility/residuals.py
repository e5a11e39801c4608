"""Spikes: single values that stand out from the forecast, from their neighbours, or from both.

Rule `residual`. Three robust z of each slot, |x - median| / (1.4826 MAD), where median and MAD are
of the same hour of the day over the days before (so of the season too):

- the residual against the expected series;
- how far the residual stands out from its neighbours (up to three slots to either side);
- how far the value itself stands out from its neighbours.

The smallest of them counts: a wrong forecast leaves the value smooth, a real jump shows in the
forecast or stays. Without an expected series only the last one is there, held to a higher
threshold. Not here: spells of wrong values (`level_shift`, `scale`).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from energy_assets.quality.plausibility.signal import Finding, Floats, Mask, Places, Signal
from energy_assets.quality.plausibility.thresholds import ResidualThresholds
from energy_assets.quality.plausibility.trailing import (
    MAD_TO_SIGMA,
    before,
    centre_and_spread,
    nan_median,
    typical_size,
    usual_high,
)


def residual_spikes(signal: Signal, use: ResidualThresholds) -> list[Finding]:
    """Values whose smallest robust z is above the threshold."""
    score = _score(signal, use)
    # Some signals jump more than others: it has to be beyond what this one does every few weeks.
    usual = usual_high(_highest(score), use.usual_days, 0, use.usual_share, use.usual_days // 2)
    most = np.where(np.isfinite(usual), np.maximum(use.alone, usual), use.alone)
    flagged = (score > most[:, None]).ravel()
    if signal.kind in ("wind", "solar"):
        # A calm or a cloud is no spike, whatever the forecast said; `zeros` knows more of it.
        flagged &= signal.flat != 0
    if not flagged.any():
        return []
    last = signal.flat.size - 1
    evidence: Places = np.minimum(np.arange(signal.flat.size) + use.neighbours, last)
    text = f"within {use.alone:g} robust deviations of forecast, hour and neighbours"
    return [Finding("residual", "suspect", flagged, evidence, score.ravel(), text, "deviations:")]


def _score(signal: Signal, use: ResidualThresholds) -> Floats:
    """The smallest z per slot; with a forecast scaled so that its threshold is that without one."""
    size = typical_size(signal.values, use.memory_days)[:, None]
    floor = np.maximum(use.floor_share * size, 1e-9)
    alone = _z(_stand_out(signal.values, use.neighbours), signal, use, floor)
    if signal.expected is None:
        return alone
    residual = signal.values - signal.expected
    by_forecast = _z(residual, signal, use, floor)
    beside = _z(_stand_out(residual, use.neighbours), signal, use, floor)
    lowest = np.fmin(np.fmin(by_forecast, beside), alone)
    return np.where(np.isfinite(by_forecast), lowest * use.alone / use.together, alone)


def _z(values: Floats, signal: Signal, use: ResidualThresholds, floor: Floats) -> Floats:
    centre, spread = centre_and_spread(values, use.memory_days)
    reach = max(int(signal.slots_per_hour), 1)
    # A month of one slot is a small sample: the spread of the hour around it counts too.
    around = np.stack([np.roll(spread, step, axis=1) for step in range(-reach, reach + 1)])
    there = np.isfinite(around)
    count = np.maximum(there.sum(axis=0), 1)
    width = np.where(there, around, 0.0).sum(axis=0) / count
    centre, width = np.nan_to_num(centre), np.where(there.any(axis=0), width, np.nan)
    short: Mask = np.asarray(~np.isfinite(width).all(axis=1))
    if short.any():
        # Too few days for an hour of its own: all hours of the days before stand in.
        pooled = _pooled(values, use, short)[:, None]
        width[short] = np.where(np.isfinite(width[short]), width[short], pooled)
    return np.abs(values - centre) / np.maximum(width, floor)


def _highest(score: Floats) -> Floats:
    """Highest score of each day, NaN where there is none."""
    highest: Floats = np.fmax.reduce(score, axis=1)
    return highest


def _pooled(values: Floats, use: ResidualThresholds, days: Mask) -> Floats:
    """Spread of all slots of the days before that are not at rest, for some days."""
    past = np.abs(before(values, use.memory_days)[days]).reshape(int(days.sum()), -1)
    moving = np.where(past > 0, past, np.nan)
    enough = np.isfinite(moving).sum(axis=-1) >= values.shape[1]
    return np.where(enough, MAD_TO_SIGMA * nan_median(moving), np.nan)


def _stand_out(values: Floats, reach: int) -> Floats:
    """Each value less the median of its neighbours."""
    flat = values.ravel()
    edge = np.full(reach, np.nan)
    windows = sliding_window_view(np.concatenate([edge, flat, edge]), 2 * reach + 1)
    around = np.concatenate([windows[:, :reach], windows[:, reach + 1 :]], axis=1)
    return (flat - nan_median(around)).reshape(values.shape)
