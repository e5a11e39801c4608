"""From the levels a model is fitted at to the 99 percentiles.

Between fitted levels a quantile is linear in the normal score of its level, and beyond the
outermost it goes on with the last slope: exact for a normal distribution, monotone for any.

Belongs here: that one rule. Not here: fitting (`boosting`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES


def percentiles(values: FloatArray, levels: FloatArray) -> FloatArray:
    """The 99 percentiles, (n, 99), non-decreasing.

    Args:
        values: Quantiles at the levels, (n, L), L at least 2; sorted first.
        levels: Rising probability levels inside 0 and 1, (L,).
    """
    from scipy.special import ndtri

    ordered = np.sort(values, axis=1)
    score, wanted = ndtri(levels), ndtri(PERCENTILES)
    left = np.clip(np.searchsorted(score, wanted, side="right") - 1, 0, len(levels) - 2)
    share = (wanted - score[left]) / (score[left + 1] - score[left])
    # A level that was fitted comes back as it is.
    share = np.where(np.abs(share) < 1e-9, 0.0, np.where(np.abs(share - 1) < 1e-9, 1.0, share))
    result: FloatArray = ordered[:, left] * (1 - share) + ordered[:, left + 1] * share
    return np.maximum.accumulate(result, axis=1)
