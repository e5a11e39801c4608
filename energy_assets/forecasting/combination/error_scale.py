"""How large an error to expect on each day and slot, from what was known before it.

Prices are calm for weeks and wild for others. An error of 10 EUR/MWh says little on a day when
members disagree by 30 and much when they agree within 2. So errors are divided by a local scale
before their distribution is estimated, and multiplied by it again for the day to forecast:
locally weighted conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, J. Am.
Stat. Assoc. 113(523), section 5.2) and, for regression, a multiplicative location-scale model.

The scale is a non-negative combination of indicators: recent absolute errors over a short and a
long memory, the spread of the members, and how far the forecast lies from the recent level.

Belongs here: the indicators and their weights. Not here: the distributions (`stages`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray

SHORT_DAYS, LONG_DAYS = 7.0, 28.0
WARM_UP_DAYS = 14
# Memory is cut off here, so that a scale depends on a fixed number of days.
_MEMORY_DAYS = 84
_LEAST_SHARE = 0.1
_CLIP = 6.0


def recent_mean(values: FloatArray, memory_days: float, lag: int) -> FloatArray:
    """Exponentially weighted mean of the days known before each day.

    Args:
        values: (N, S); NaN are left out.
        memory_days: Mean age of what counts, in days.
        lag: The newest day known is that many rows before.

    Returns:
        (N, S); NaN where nothing is known.
    """
    total, weight = np.zeros(values.shape), np.zeros(values.shape)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    for age in range(min(_MEMORY_DAYS, len(values) - lag)):
        share = (1 - 1 / memory_days) ** age
        shift = lag + age
        total[shift:] += share * filled[: len(values) - shift]
        weight[shift:] += share * known[: len(values) - shift]
    result: FloatArray = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
    return result


def across_slots(values: FloatArray) -> FloatArray:
    """Mean with the neighbouring slots (weights 1, 2, 1), ends repeated."""
    padded = np.pad(values, ((0, 0), (1, 1)), mode="edge")
    result: FloatArray = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
    return result


def indicators(
    mean: FloatArray, spread: FloatArray, outcome: FloatArray, lag: int
) -> tuple[FloatArray, FloatArray]:
    """Indicators of the size of the error of every day and slot.

    Args:
        mean: Member mean, (N, S).
        spread: One or more measures of disagreement or stated uncertainty, (N, S, D).
        outcome: (N, S), NaN where unknown.
        lag: Rows from a day back to the newest outcome its decision knows.

    Returns:
        Indicators (N, S, 3 + D), the first one being the long memory of absolute errors, and the
        recent level of the outcome, (N, S).
    """
    size = np.abs(outcome - mean)
    long = across_slots(recent_mean(size, LONG_DAYS, lag))
    short = across_slots(recent_mean(size, SHORT_DAYS, lag))
    level = recent_mean(outcome, LONG_DAYS, lag)
    columns = [long, short, np.abs(mean - level), *np.moveaxis(spread, -1, 0)]
    return np.stack(columns, axis=-1), level


def scale_weights(signals: FloatArray, size: FloatArray, train: BoolArray) -> FloatArray:
    """Non-negative least squares of absolute errors on the indicators, over the training cells.

    Both sides are divided by the long memory, so that calm and wild weeks count alike, and large
    ratios are cut off.

    Returns:
        Weights, (I,).
    """
    from scipy.optimize import nnls

    rows, actual = signals[train], size[train]
    base = np.maximum(rows[:, 0], 1e-9 * (1.0 + rows.max(initial=0.0)))
    weights: FloatArray = nnls(rows / base[:, None], np.minimum(actual / base, _CLIP))[0]
    return weights


def scale_of(signals: FloatArray, weights: FloatArray) -> FloatArray:
    """Expected absolute error, (N, S), never below a tenth of the long memory."""
    expected = (signals * weights).sum(axis=-1)
    least = _LEAST_SHARE * signals[..., 0]
    result: FloatArray = np.maximum(np.maximum(expected, least), 1e-9)
    return result
