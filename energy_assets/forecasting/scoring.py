"""Accuracy of point and quantile forecasts.

Belongs here: pure functions of forecast and outcome, each with its formula. Not here: which
forecast is scored when, tables of scores, significance tests.

Two conventions mislead when papers are compared. The electricity price literature prints the mean
pinball loss over 99 percentiles as "CRPS": that is half the true one, so both are here under their
own names. Relative MAE depends on the naive forecast: `rmae_weekly` and `rmae_std` name it.
Cells where forecast or outcome is NaN are left out of every mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray, IntArray

COVERAGES = (0.5, 0.8, 0.9, 0.98)


def mae(forecast: FloatArray, actual: FloatArray) -> float:
    """Mean absolute error, mean |y - f|; NaN where no cell is known."""
    return _known_mean(np.abs(actual - forecast))


def rmse(forecast: FloatArray, actual: FloatArray) -> float:
    """Root mean squared error, sqrt(mean (y - f)^2); NaN where no cell is known."""
    return float(np.sqrt(_known_mean((actual - forecast) ** 2)))


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
    return mae(forecast, actual) / mae(weekly_naive(actual), actual)


def rmae_std(forecast: FloatArray, actual: FloatArray, weekday: IntArray) -> float:
    """MAE over the MAE of `standard_naive`, both on the days given."""
    return mae(forecast, actual) / mae(standard_naive(actual, weekday), actual)


def pinball(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Mean pinball loss per level, (L,).

    Loss = tau * (y - q) if y >= q, else (1 - tau) * (q - y) (Koenker and Bassett 1978,
    Econometrica 46(1)).

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
    """
    error = actual[..., None] - quantiles
    loss = np.maximum(levels * error, (levels - 1.0) * error)
    result: FloatArray = np.nanmean(loss.reshape(-1, len(levels)), axis=0)
    return result


def pinball99(quantiles: FloatArray, actual: FloatArray) -> float:
    """Mean pinball loss over the percentiles 1 to 99; half of `crps`.

    Args:
        quantiles: (..., 99).
        actual: (...).

    Raises:
        InputError: There are not 99 levels.
    """
    if quantiles.shape[-1] != 99:
        raise InputError("quantiles", expected="99 percentiles", found=quantiles.shape[-1])
    return float(pinball(quantiles, actual, np.arange(1, 100) / 100.0).mean())


def crps(quantiles: FloatArray, actual: FloatArray) -> float:
    """Continuous ranked probability score from the percentiles 1 to 99, on its true scale.

    CRPS = 2 * integral of the pinball loss over the level (Gneiting and Ranjan 2011, J. Bus.
    Econ. Stat. 29(3)), here 2 * `pinball99`.
    """
    return 2.0 * pinball99(quantiles, actual)


def interval_coverage(
    quantiles: FloatArray,
    actual: FloatArray,
    levels: FloatArray,
    coverages: Sequence[float] = COVERAGES,
) -> dict[float, float]:
    """Share of outcomes inside each central interval, bounds included.

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
        coverages: Nominal coverages; (1 - c) / 2 and (1 + c) / 2 must be levels.

    Returns:
        Observed share by nominal coverage.

    Raises:
        InputError: A bound is not among the levels.
    """
    known = np.isfinite(actual) & np.isfinite(quantiles).all(axis=-1)
    result = {}
    for coverage in coverages:
        low = quantiles[..., _level_index(levels, (1 - coverage) / 2)]
        high = quantiles[..., _level_index(levels, (1 + coverage) / 2)]
        result[coverage] = float(((low <= actual) & (actual <= high))[known].mean())
    return result


def _known_mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _level_index(levels: FloatArray, level: float) -> int:
    position = int(np.abs(levels - level).argmin())
    if abs(float(levels[position]) - level) > 1e-9:
        raise InputError("levels", expected=f"{level:.4g} among them", found=len(levels))
    return position
