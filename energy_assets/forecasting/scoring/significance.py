"""Is one model better than another, or is it chance: Diebold-Mariano and Giacomini-White.

Both compare losses day by day. A day's loss is one number for all its hours (the multivariate
version: the norm of the day's error vector) or one per hour (the univariate version), as in Lago
et al. (2021, Applied Energy 293, 116983, section 5.5). Both are one-sided: a small p-value says
that the second model is the better one; with the models swapped it is near 1. In a matrix the
row is the first model and the column the second.

Days on which either loss is NaN are left out. Losses of consecutive days are taken as
uncorrelated, the convention of the field for one-day-ahead forecasts.

Belongs here: losses by day, tests of pairs, their matrix. Not here: scores of one model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray

PairTest = Callable[[FloatArray, FloatArray], FloatArray]


def daily_loss(forecast: FloatArray, actual: FloatArray, norm: int = 1) -> FloatArray:
    """Mean over the day's known hours of |error|^norm, (N,); NaN for a day without any.

    A mean instead of the sum changes no test as long as every day has the same hours.

    Args:
        forecast: (N, S).
        actual: (N, S).
        norm: 1 for absolute, 2 for squared errors.
    """
    return daily_mean(np.abs(actual - forecast) ** norm)


def daily_mean(cells: FloatArray) -> FloatArray:
    """Mean over the known hours of each day, (N,), of losses by day and hour (N, S)."""
    known = np.isfinite(cells)
    count = known.sum(axis=1)
    total = np.where(known, cells, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def diebold_mariano(first: FloatArray, second: FloatArray) -> FloatArray:
    """Test of equal expected loss against the second model being better.

    With d the difference of losses, mean(d) / sqrt(var(d) / N) is standard normal (Diebold and
    Mariano 1995, J. Bus. Econ. Stat. 13(3), equation 3.1, for one step ahead).

    Args:
        first: Losses of the first model by day (N,), or by day and hour (N, S).
        second: Losses of the second model, same shape.

    Returns:
        p-value, () or (S,): small where the second model is better. NaN where the two never
        differ or fewer than two days are known.

    Raises:
        InputError: Shapes differ.
    """
    from scipy.special import ndtr

    difference = _difference(first, second)
    known = np.isfinite(difference)
    count = known.sum(axis=0)
    safe = np.maximum(count, 1)
    mean = np.where(known, difference, 0.0).sum(axis=0) / safe
    variance = np.where(known, (difference - mean) ** 2, 0.0).sum(axis=0) / safe
    testable = (count > 1) & (variance > 0)
    statistic = mean / np.sqrt(np.where(testable, variance, 1.0) / safe)
    return np.where(testable, ndtr(-statistic), np.nan)


def giacomini_white(first: FloatArray, second: FloatArray) -> FloatArray:
    """Test of equal conditional predictive ability against the second model being better.

    With d_t the difference of losses and h_t = (1, d_{t-1}) what is known the day before, the
    products z_t = h_t d_t have mean zero under the null. n * mean(z)' Omega^-1 mean(z) with
    Omega = mean(z z') is chi-squared with two degrees of freedom (Giacomini and White 2006,
    Econometrica 74(6), theorem 1). One-sided by the sign of the mean difference: the p-value is 1
    where the second model has the greater loss, as in Lago et al. (2021).

    Args:
        first: Losses of the first model by day (N,), or by day and hour (N, S).
        second: Losses of the second model, same shape.

    Returns:
        p-value, () or (S,): small where the second model is better. NaN where the two never
        differ or fewer than four days with a day before are known.

    Raises:
        InputError: Shapes differ.
    """
    difference = _difference(first, second)
    columns = difference.reshape(len(difference), -1).T
    values = np.array([_conditional_ability(column) for column in columns])
    return values.reshape(difference.shape[1:])


def p_value_matrix(
    losses: Mapping[str, FloatArray], test: PairTest = diebold_mariano
) -> FloatArray:
    """p-values of all pairs, (M, M): small where the column's model is better than the row's.

    Args:
        losses: Losses by day, (N,), per model.
        test: `diebold_mariano` or `giacomini_white`.

    Returns:
        Matrix in the order of the models; NaN on the diagonal.
    """
    series = list(losses.values())
    matrix = np.full((len(series), len(series)), np.nan)
    for row, first in enumerate(series):
        for column, second in enumerate(series):
            if row != column:
                matrix[row, column] = float(test(first, second))
    return matrix


def _conditional_ability(difference: FloatArray) -> float:
    from scipy.stats import chi2

    today, before = difference[1:], difference[:-1]
    known = np.isfinite(today) & np.isfinite(before)
    today, before = today[known], before[known]
    count = len(today)
    largest = np.abs(difference[np.isfinite(difference)]).max(initial=0.0)
    if count < 4 or largest == 0:
        return float("nan")
    # In units of the largest difference, or the two instruments differ by orders of magnitude.
    today, before = today / largest, before / largest
    products = np.column_stack([today, before * today])
    mean = products.mean(axis=0)
    second_moment = products.T @ products / count
    if mean[0] <= 0:
        return 1.0
    # Minimum norm: where a difference occurs on lone days only, the second product is all zero.
    solution = np.linalg.lstsq(second_moment, mean, rcond=None)[0]
    return float(chi2.sf(count * float(mean @ solution), 2))


def _difference(first: FloatArray, second: FloatArray) -> FloatArray:
    if first.shape != second.shape:
        raise InputError("losses to compare", expected=str(first.shape), found=second.shape)
    return first - second
