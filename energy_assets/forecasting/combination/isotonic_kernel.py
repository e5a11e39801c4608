"""Compiled loops of isotonic distributional regression.

Belongs here: the loops, and nothing else. The module imports numba, so it is imported inside the
functions that fit. Not here: what is regressed on what (`isotonic`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from energy_assets.forecasting.arrays import FloatArray, IntArray


@njit(cache=True)
def fitted(
    covariate: FloatArray, outcome: FloatArray, most_thresholds: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Knots (G,), thresholds (T,) and probabilities (G, T) of pairs without NaN, each (n,).

    Of more distinct outcomes than `most_thresholds`, so many are kept, evenly by rank.
    """
    knots, group = _ranked(covariate, np.argsort(covariate))
    order = np.argsort(outcome)
    thresholds, _ = _ranked(outcome, order)
    if thresholds.shape[0] > most_thresholds:
        ranks = np.linspace(0, thresholds.shape[0] - 1, most_thresholds)
        thresholds = thresholds[np.round(ranks).astype(np.int64)]
    shares = falling_probabilities(outcome[order], group[order], knots.shape[0], thresholds)
    return knots, thresholds, shares


@njit(cache=True)
def _ranked(values: FloatArray, order: IntArray) -> tuple[FloatArray, IntArray]:
    """Distinct values, rising, and the index of each value among them, (n,)."""
    distinct = np.empty(values.shape[0])
    rank = np.empty(values.shape[0], dtype=np.int64)
    count = 0
    for i in order:
        if count == 0 or values[i] > distinct[count - 1]:
            distinct[count] = values[i]
            count += 1
        rank[i] = count - 1
    return distinct[:count].copy(), rank


@njit(cache=True)
def falling_probabilities(
    outcome: FloatArray, group: IntArray, groups: int, thresholds: FloatArray
) -> FloatArray:
    """Least-squares probabilities of falling at or below each threshold, not rising with the group.

    Pool adjacent violators on the shares of each group (Ayer et al. 1955). One outcome more below
    the threshold changes the block of its group and may join it to others, but splits none of
    these, so only that block is pooled anew (Henzi, Moesching and Duembgen 2022, Methodol. Comput.
    Appl. Probab. 24(4)). Counts are whole numbers: the order of additions changes no bit.

    Args:
        outcome: Rising, (n,).
        group: Index of the covariate value of each outcome, (n,), 0 for the smallest.
        groups: Number of distinct covariate values.
        thresholds: Rising, (T,).

    Returns:
        (groups, T).
    """
    size, hits = np.zeros(groups), np.zeros(groups)
    for i in range(group.shape[0]):
        size[group[i]] += 1.0
    pooled, weight = np.zeros(groups), np.zeros(groups)
    end = np.zeros(groups, dtype=np.int64)
    right_pooled, right_weight = np.empty(groups), np.empty(groups)
    right_end = np.empty(groups, dtype=np.int64)
    weight[0], end[0], blocks = size.sum(), groups, 1
    # Written threshold by threshold: rows of memory.
    result = np.empty((thresholds.shape[0], groups))
    i = 0
    for t in range(thresholds.shape[0]):
        while i < outcome.shape[0] and outcome[i] <= thresholds[t]:
            hits[group[i]] += 1.0
            block = np.searchsorted(end[:blocks], group[i], side="right")
            start, stop = (end[block - 1] if block else 0), end[block]
            right = blocks - block - 1
            for r in range(right):
                right_pooled[r] = pooled[block + 1 + r]
                right_weight[r] = weight[block + 1 + r]
                right_end[r] = end[block + 1 + r]
            top = block - 1
            for step in range(stop - start + right):
                top += 1
                if step < stop - start:
                    g = start + step
                    pooled[top], weight[top], end[top] = hits[g], size[g], g + 1
                else:
                    r = step - stop + start
                    pooled[top], weight[top] = right_pooled[r], right_weight[r]
                    end[top] = right_end[r]
                while top > 0 and pooled[top - 1] * weight[top] <= pooled[top] * weight[top - 1]:
                    pooled[top - 1] += pooled[top]
                    weight[top - 1] += weight[top]
                    end[top - 1] = end[top]
                    top -= 1
            blocks = top + 1
            i += 1
        g = 0
        for block in range(blocks):
            share = pooled[block] / weight[block]
            while g < end[block]:
                result[t, g] = share
                g += 1
    return result.T


@njit(cache=True)
def quantiles_at(
    knots: FloatArray,
    probabilities: FloatArray,
    thresholds: FloatArray,
    covariate: FloatArray,
    levels: FloatArray,
) -> FloatArray:
    """Quantiles at new covariates: distribution functions interpolated linearly between knots.

    Args:
        knots: Distinct covariates, rising, (G,).
        probabilities: (G, T).
        thresholds: Rising, (T,).
        covariate: (n,); NaN gives NaN.
        levels: Rising, (L,).

    Returns:
        (n, L): the least threshold whose probability reaches the level.
    """
    result = np.full((covariate.shape[0], levels.shape[0]), np.nan)
    last = knots.shape[0] - 1
    for i in range(covariate.shape[0]):
        x = covariate[i]
        if np.isnan(x):
            continue
        high = np.searchsorted(knots, x)
        low, share = min(max(high - 1, 0), last), 0.0
        high = min(high, last)
        if high > low:
            share = (x - knots[low]) / (knots[high] - knots[low])
        t = 0
        for position in range(levels.shape[0]):
            while t < thresholds.shape[0] - 1:
                below = (1 - share) * probabilities[low, t] + share * probabilities[high, t]
                # A share of n equal weights is rarely exact in binary.
                if below >= levels[position] - 1e-12:
                    break
                t += 1
            result[i, position] = thresholds[t]
    return result
