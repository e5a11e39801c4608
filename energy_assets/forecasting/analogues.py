"""Analogue ensemble: the outcomes of the most similar past periods are the forecast.

Delle Monache et al. (2013, Mon. Weather Rev. 141(10)): for each period the past periods whose
predictors (wind-speed forecast, irradiance forecast, time of day, day type, …) lie nearest are
looked up, and the quantiles of what was measured then are the forecast quantiles. Bounds, zero at
night and uneven spread come from the data itself.

Pure functions on arrays. Not here: which predictors a unit has (`unit_output`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.profiles import FloatArray, IntArray
from energy_assets.forecasting.quantile_regression import PERCENTILES

NEIGHBOURS = 150


def analogue_quantiles(
    past: FloatArray,
    outcome: FloatArray,
    query: FloatArray,
    neighbours: int = NEIGHBOURS,
    levels: FloatArray = PERCENTILES,
) -> FloatArray:
    """Quantiles of the outcomes of the nearest past periods.

    Args:
        past: Predictors of past periods, scaled so that distances compare, (n, F).
        outcome: What was measured, (n,).
        query: Predictors of the periods to forecast, (m, F).
        neighbours: How many analogues; all of them if fewer are there.
        levels: Probability levels, (L,).

    Returns:
        (m, L), non-decreasing along the levels.
    """
    from scipy.spatial import cKDTree

    count = min(neighbours, len(outcome))
    _, nearest = cKDTree(past).query(query, k=count)
    found = outcome[np.asarray(nearest).reshape(len(query), count)]
    result: FloatArray = np.quantile(found, levels, axis=1).T
    return result


def analogue_ranks(
    past: FloatArray, outcome: FloatArray, day: IntArray, neighbours: int = NEIGHBOURS
) -> FloatArray:
    """Rank (0 to 1) of each past outcome among its analogues of other days, (n,).

    Ties count half, so that a solar plant at night ranks 0.5. A day's own periods are left out:
    they were not known when it was forecast.
    """
    from scipy.spatial import cKDTree

    extra = int(np.bincount(day - day.min()).max())
    count = min(neighbours + extra, len(outcome))
    _, nearest = cKDTree(past).query(past, k=count)
    nearest = np.asarray(nearest).reshape(len(past), count)
    other = day[nearest] != day[:, None]
    values = outcome[nearest]
    below = (values < outcome[:, None]) & other
    equal = (values == outcome[:, None]) & other
    total = np.maximum(other.sum(axis=1), 1)
    ranks: FloatArray = (below.sum(axis=1) + 0.5 * equal.sum(axis=1)) / total
    return np.where(other.any(axis=1), ranks, 0.5)
