"""What a driver says a signal should be: a curve learned from the weeks before.

A driver is anything the signal follows (a wind speed, an irradiance, a sibling's power, another
area's forecast). Per block of days the signal's median in bins of the driver's quantiles over the
days before is the curve; a block never sees its own days. Blocks are calendar-fixed, so that
judging day by day gives the same curve. Belongs here: that curve. Not here: drivers that already
are in the signal's unit (they are used as they are).
"""

from __future__ import annotations

import numpy as np

from energy_assets.quality.plausibility.signal import Floats

BINS = 24
BLOCK_DAYS = 7
LEAST_POINTS = 96
RIDGE = 0.05


def calibrated(
    driver: Floats, values: Floats, *, first_day: int = 0, window: int = 56, bins: int = BINS
) -> Floats:
    """The signal as its driver has it, in the signal's unit.

    Args:
        driver: Days by slots, NaN where missing.
        values: The signal, same shape.
        first_day: Day number of the first row (fixes the blocks).
        window: Days looked back.
        bins: Bins of the curve.

    Returns:
        Days by slots; NaN where driver or history is missing.
    """
    expected = np.full(values.shape, np.nan)
    for start, end in _blocks(first_day, len(values)):
        past = slice(max(start - window, 0), start)
        curve = _curve(driver[past].ravel(), values[past].ravel(), bins)
        if curve is not None:
            expected[start:end] = np.interp(driver[start:end], *curve)
    return expected


def _curve(driver: Floats, values: Floats, bins: int) -> tuple[Floats, Floats] | None:
    both = np.isfinite(driver) & np.isfinite(values)
    if both.sum() < LEAST_POINTS:
        return None
    order = np.argsort(driver[both], kind="stable")
    drive, value = driver[both][order], values[both][order]
    parts = np.array_split(np.arange(len(drive)), bins)
    middle = np.array([np.median(drive[part]) for part in parts])
    height = np.array([np.median(value[part]) for part in parts])
    # Equal drivers (nights) fall into several bins; a curve needs rising ones.
    rising = np.concatenate([[True], np.diff(middle) > 0])
    return middle[rising], height[rising]


def blended(
    drivers: list[Floats], values: Floats, *, first_day: int = 0, window: int = 56
) -> Floats:
    """The signal as several drivers together have it: least squares over their curves.

    Args:
        drivers: Each days by slots.
        values: The signal, same shape.
        first_day: Day number of the first row (fixes the blocks).
        window: Days looked back, for the curves and for their weights.

    Returns:
        Days by slots; where no weights could be learned, the mean of the curves that are there.
    """
    curves = [calibrated(each, values, first_day=first_day, window=window) for each in drivers]
    if len(curves) == 1:
        return curves[0]
    table = np.stack(curves, axis=-1)
    there = np.isfinite(table)
    total = np.where(there, table, 0.0).sum(axis=-1)
    count = there.sum(axis=-1)
    expected = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    for start, end in _blocks(first_day, len(values)):
        past = slice(max(start - window, 0), start)
        weights = _weights(table[past].reshape(-1, len(curves)), values[past].ravel())
        if weights is not None:
            together = table[start:end] @ weights
            expected[start:end] = np.where(np.isfinite(together), together, expected[start:end])
    return expected


def _weights(table: Floats, values: Floats) -> Floats | None:
    whole = np.isfinite(table).all(axis=1) & np.isfinite(values)
    if whole.sum() < LEAST_POINTS * table.shape[1]:
        return None
    columns, wanted = table[whole], values[whole]
    # A little ridge towards equal weights: siblings are nearly collinear.
    equal = np.full(columns.shape[1], 1 / columns.shape[1])
    gram = columns.T @ columns
    ridge = RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    fitted: Floats = np.linalg.solve(gram + ridge, columns.T @ wanted + ridge @ equal)
    return fitted


def _blocks(first_day: int, days: int) -> list[tuple[int, int]]:
    """Calendar-fixed blocks of days, as half-open row ranges."""
    starts = [day for day in range(days) if day == 0 or (first_day + day) % BLOCK_DAYS == 0]
    return list(zip(starts, [*starts[1:], days], strict=True))
