"""Between outcomes and ranks: where an outcome fell inside its forecast, and the value at a rank.

Belongs here: the probability integral transform of one cell and its inverse with tails. Not here:
how ranks of a day hang together (`dependence`), calibration of ranks (`scoring.calibration`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray


def pit(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Rank of each outcome inside its forecast (probability integral transform), from 0 to 1.

    Linear between quantiles. Where several quantiles equal the outcome, as for solar at night, the
    rank is the middle of their levels. Beyond the outer quantiles the rank is half the outer
    level: how far beyond is left to the tails of `joint_paths`.

    Args:
        quantiles: Non-decreasing along the last axis, (n, V, L).
        actual: Outcomes, (n, V).
        levels: Rising probability levels, (L,).

    Returns:
        Ranks (n, V); NaN where the outcome or any quantile is NaN.
    """
    flat, outcome = quantiles.reshape(-1, len(levels)), actual.reshape(-1)
    below = (flat < outcome[:, None]).sum(axis=1)
    up_to = (flat <= outcome[:, None]).sum(axis=1)
    last = len(levels) - 1
    left, right = np.clip(below - 1, 0, last), np.clip(below, 0, last)
    row = np.arange(len(flat))
    width = flat[row, right] - flat[row, left]
    share = np.divide(outcome - flat[row, left], width, out=np.zeros_like(width), where=width > 0)
    rank = levels[left] + share * (levels[right] - levels[left])
    tie = (levels[np.clip(below, 0, last)] + levels[np.clip(up_to - 1, 0, last)]) / 2
    rank = np.where(up_to > below, tie, rank)
    rank = np.where(up_to == 0, levels[0] / 2, rank)
    rank = np.where(below > last, (1 + levels[-1]) / 2, rank)
    known = np.isfinite(outcome) & np.isfinite(flat).all(axis=1)
    return np.where(known, rank, np.nan).reshape(actual.shape)


def invert(ranks: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Value at each rank: linear between quantiles, exponential tails beyond them.

    A tail continues with the slope of the outermost tenth of levels per log-probability:
    q_1 - b log(p_1 / p) with b = (q_m - q_1) / log(p_m / p_1), where p_m is the level nearest ten
    times p_1. It is exact for an exponential tail, finite for any rank above 0, and at the 0.1 %
    rank adds as much as lies between the 1 % and the 10 % quantile.
    """
    values: FloatArray = np.interp(ranks, levels, quantiles)
    values = np.where(
        ranks < levels[0], quantiles[0] - _tail(ranks, levels, quantiles, levels[0]), values
    )
    mirrored_levels, mirrored = 1 - levels[::-1], -quantiles[::-1]
    return np.where(
        ranks > levels[-1],
        quantiles[-1] + _tail(1 - ranks, mirrored_levels, mirrored, mirrored_levels[0]),
        values,
    )


def _tail(ranks: FloatArray, levels: FloatArray, quantiles: FloatArray, outer: float) -> FloatArray:
    """Distance below the lowest quantile at each rank under the exponential tail."""
    inner = int(np.abs(levels - min(10 * outer, 0.5)).argmin())
    if inner == 0:
        return np.zeros_like(ranks)
    slope = (quantiles[inner] - quantiles[0]) / np.log(levels[inner] / outer)
    distance: FloatArray = slope * np.log(outer / np.clip(ranks, 1e-12, outer))
    return distance
