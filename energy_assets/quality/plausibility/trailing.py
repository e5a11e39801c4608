"""Statistics of the days before: medians, spreads and sums that never look ahead.

Every function gives, for each day, a figure of days strictly before it (or up to it, where it says
so), over a fixed number of days: judging day by day with enough days of context gives the same
figures as judging years at once. Belongs here: those windows. Not here: what is done with them.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from energy_assets.quality.plausibility.signal import Floats

# Median absolute deviation of a normal distribution to its standard deviation.
MAD_TO_SIGMA = 1.4826


def before(values: Floats, window: int, gap: int = 0) -> Floats:
    """For each day the `window` days that end `gap` + 1 days before it.

    Args:
        values: Days by anything.
        window: Number of days.
        gap: Days left out between them and the day.

    Returns:
        Days by columns by window; NaN where there was no day.
    """
    table = values.reshape(len(values), -1)
    pad = np.full((window + gap, table.shape[1]), np.nan)
    padded = np.concatenate([pad, table])[: len(values) + window - 1]
    view: Floats = sliding_window_view(padded, window, axis=0)
    return view


def nan_median(values: Floats) -> Floats:
    """Median over the last axis without NaN; NaN where there is nothing."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    low = np.maximum((count - 1) // 2, 0)[..., None]
    high = np.maximum(count // 2, 0)[..., None]
    high = np.minimum(high, values.shape[-1] - 1)
    middle = np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1)
    median: Floats = np.where(count > 0, middle[..., 0] / 2, np.nan)
    return median


def centre_and_spread(
    values: Floats, window: int, gap: int = 0, least: int = 10
) -> tuple[Floats, Floats]:
    """Median and robust standard deviation (1.4826 MAD) of the days before, per day and column.

    Args:
        values: Days by columns (or days only).
        window: Days looked back.
        gap: Days left out just before.
        least: NaN where fewer values than this were there.
    """
    past = before(values, window, gap)
    centre = nan_median(past)
    width = MAD_TO_SIGMA * nan_median(np.abs(past - centre[..., None]))
    enough = np.isfinite(past).sum(axis=-1) >= least
    shape = values.shape
    return (
        np.where(enough, centre, np.nan).reshape(shape),
        np.where(enough, width, np.nan).reshape(shape),
    )


def sum_of_last(values: Floats, window: int) -> Floats:
    """Sum of each day and the `window` - 1 days before it, missing days counted as 0.

    Args:
        values: Days by anything, finite.
        window: Number of days.
    """
    # Added up anew for every day: a running sum would depend on where the history starts.
    padded = np.concatenate([np.zeros((window - 1, *values.shape[1:])), values])
    total: Floats = sliding_window_view(padded, window, axis=0).sum(axis=-1)
    return total


def typical_size(values: Floats, window: int) -> Floats:
    """Size of a signal per day: what four of five daily peaks of the days so far stay below.

    The peak of a day is the 95th percentile of its |values|; the day itself counts.
    """
    peaks = _quantile(np.abs(values), 0.95)
    return _quantile(before(peaks, window, gap=-1)[:, 0, :], 0.8)


def _quantile(values: Floats, share: float) -> Floats:
    """Quantile over the last axis without NaN, the value at or below its place."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    place = np.clip((share * (count - 1)).astype(np.intp), 0, None)
    quantile: Floats = np.take_along_axis(ordered, place[..., None], -1)[..., 0]
    return quantile


def usual_high(score: Floats, window: int, gap: int, share: float, least: int = 1) -> Floats:
    """The score that a share of the days before stayed below: what is normal for this signal.

    Args:
        score: One score per day, NaN where there was none.
        window: Days looked back.
        gap: Days left out just before the day.
        share: Share of those days, for example 0.97.
        least: Scores that have to be there for the figure to mean something.

    Returns:
        One figure per day; infinite where too few days before had a score.
    """
    past = np.sort(before(score, window, gap)[:, 0, :], axis=-1)
    count = np.isfinite(past).sum(axis=-1)
    place = np.clip(np.ceil(share * count).astype(np.intp) - 1, 0, None)
    high: Floats = np.take_along_axis(past, place[:, None], -1)[:, 0]
    return np.where(count >= least, high, np.inf)


def moved(values: Floats, slots: int) -> Floats:
    """Days by slots with every value that many slots later (earlier if negative)."""
    flat = values.ravel()
    result = np.full(flat.size, np.nan)
    if slots >= 0:
        result[slots:] = flat[: flat.size - slots]
    else:
        result[:slots] = flat[-slots:]
    return result.reshape(values.shape)
