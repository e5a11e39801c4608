"""Scores of point forecasts: absolute and squared error, alone and against the naive forecasts.

Belongs here: functions of one path and the outcome. Cells where either is NaN are left out. Not
here: quantiles (`quantile`), comparisons of two models (`significance`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray, IntArray


def mae(forecast: FloatArray, actual: FloatArray) -> float:
    """Mean absolute error, mean |y - f|; NaN where no cell is known."""
    return known_mean(np.abs(actual - forecast))


def rmse(forecast: FloatArray, actual: FloatArray) -> float:
    """Root mean squared error, sqrt(mean (y - f)^2); NaN where no cell is known."""
    return float(np.sqrt(known_mean((actual - forecast) ** 2)))


def weekly_naive(actual: FloatArray) -> FloatArray:
    """Same period a week before; (N, P), the first seven rows NaN."""
    naive = np.full(actual.shape, np.nan)
    naive[7:] = actual[:-7]
    return naive


def standard_naive(actual: FloatArray, weekday: IntArray) -> FloatArray:
    """A week before on Monday, Saturday and Sunday, else the day before; first seven rows NaN.

    Lago et al. (2021, Applied Energy 293, 116983, section 5.4.1).

    Args:
        actual: Outcomes by day and period, (N, P).
        weekday: Monday 0 to Sunday 6, (N,).
    """
    naive = weekly_naive(actual)
    daily = np.full(actual.shape, np.nan)
    daily[7:] = actual[6:-1]
    return np.where(np.isin(weekday, (0, 5, 6))[:, None], naive, daily)


def rmae_weekly(forecast: FloatArray, actual: FloatArray) -> float:
    """MAE over the MAE of the weekly naive forecast, both on the days given.

    The naive of the first seven days would need days before the window, so those days enter the
    numerator only: the convention behind the tables of Lago et al. (2021).
    """
    return _ratio(mae(forecast, actual), mae(weekly_naive(actual), actual))


def rmae_std(forecast: FloatArray, actual: FloatArray, weekday: IntArray) -> float:
    """MAE over the MAE of `standard_naive`, both on the days given."""
    return _ratio(mae(forecast, actual), mae(standard_naive(actual, weekday), actual))


def known_mean(values: FloatArray) -> float:
    """Mean of what is not NaN; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _ratio(error: float, naive: float) -> float:
    # A series that repeats every week has no naive error to be relative to.
    return error / naive if naive else float("nan")
