"""Swapped units and sign: kW sent as MW, MW as kW, purchases as sales.

Rules `scale` (a run of values a thousand times too large or too small) and `sign` (a run of values
that fit with the opposite sign). Both look at runs of slots, so a swap in mid-day is found within
hours. Where no expected series is there, the days before say how large values are. Not here:
smaller changes of level (`level_shift`).
"""

from __future__ import annotations

from typing import cast

import numpy as np

from energy_assets.quality.plausibility.signal import (
    Finding,
    Floats,
    Mask,
    Outcome,
    Places,
    Signal,
    runs,
)
from energy_assets.quality.plausibility.thresholds import ScaleThresholds
from energy_assets.quality.plausibility.trailing import before, nan_median, typical_size


def swapped_units(signal: Signal, use: ScaleThresholds) -> list[Finding]:
    """Runs of values off by a factor of about a thousand."""
    size = nan_median(before(typical_size(signal.values, use.memory_days), 7))[:, 0][:, None]
    told, reference = _reference(signal, use)
    factor = np.where(told, use.factor, use.factor_alone)
    value = np.abs(signal.values)
    solid = reference > use.least_share * size
    huge = value > factor * np.maximum(reference, use.least_share * size)
    # Prices near zero are real; only a forecast says that they should not be.
    tiny = solid & (value > 0) & (value < reference / factor) & (told | (signal.kind != "price"))
    # Between solid slots there are nights and calms that say nothing either way.
    silent = ~solid & (value < use.least_share * size / factor)
    nothing = np.zeros(value.size, dtype=bool)
    found: list[Finding] = []
    for mask, between, points, outcome in (
        (tiny.ravel(), silent.ravel(), use.small_points, "suspect"),
        (huge.ravel(), nothing, use.large_points, "quarantined"),
    ):
        flagged, evidence = _long_runs(mask, between, points)
        if flagged.any():
            ratio = (value / np.maximum(reference, 1e-9)).ravel()
            text = f"within a factor of {use.factor:g} of its forecast, or of what is usual"
            found.append(
                Finding("scale", cast("Outcome", outcome), flagged, evidence, ratio, text, "factor")
            )
    return found


def _reference(signal: Signal, use: ScaleThresholds) -> tuple[Mask, Floats]:
    """How large each value should be, and whether a forecast says so.

    Where none does, the median of the same slot over the days before.
    """
    usual = nan_median(before(np.abs(signal.values), use.memory_days))
    if signal.expected is None:
        return np.zeros(usual.shape, dtype=bool), usual
    told = np.isfinite(signal.expected)
    return told, np.where(told, np.abs(signal.expected), usual)


def swapped_sign(signal: Signal, use: ScaleThresholds) -> list[Finding]:
    """Runs of values that fit the expected series with the opposite sign."""
    expected = signal.expected if signal.second is None else signal.second
    if expected is None:
        return []
    size = typical_size(expected, use.memory_days)[:, None]
    apart, opposite = np.abs(signal.values - expected), np.abs(signal.values + expected)
    mirrored = opposite < use.mirror_share * apart
    # A forecast that is too low is no swapped sign: the value itself has to be beyond zero.
    mirrored &= (signal.values * expected < 0) & (np.abs(expected) > use.sign_share * size)
    quiet = np.abs(expected) <= use.sign_share * size
    flagged, evidence = _long_runs(mirrored.ravel(), quiet.ravel(), use.sign_points)
    if not flagged.any():
        return []
    text = "the sign of the forecast, sibling or second source"
    return [Finding("sign", "quarantined", flagged, evidence, signal.flat, text, "found")]


def _long_runs(hit: Mask, silent: Mask, least: int) -> tuple[Mask, Places]:
    """Runs of hits, silent slots between them allowed, with at least so many hits.

    Returns:
        The hits of such runs, and per slot the slot at which the run was long enough.
    """
    flagged = np.zeros(hit.size, dtype=bool)
    evidence: Places = np.arange(hit.size)
    for start, end in zip(*runs(hit | silent), strict=True):
        places = start + np.flatnonzero(hit[start:end])
        if len(places) >= least:
            flagged[places] = True
            evidence[places] = np.maximum(places, places[least - 1])
    return flagged, evidence
