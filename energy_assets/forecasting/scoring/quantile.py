"""Scores of quantile forecasts: pinball loss, CRPS, coverage, width and interval score.

Belongs here: functions of quantiles and the outcome, one number per level, interval or cell. Not
here: tests of coverage (`coverage_tests`), calibration curves (`calibration`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.scoring.point import known_mean

COVERAGES = (0.5, 0.8, 0.9, 0.98)


def pinball(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Mean pinball loss per level, (L,); NaN where no cell is known.

    Loss = tau * (y - q) if y >= q, else (1 - tau) * (q - y) (Koenker and Bassett 1978,
    Econometrica 46(1)).

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
    """
    loss = _losses(quantiles, actual, levels).reshape(-1, len(levels))
    return np.array([known_mean(column) for column in loss.T])


def pinball_cells(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    """Pinball loss of each cell, the mean over levels, (...); NaN where a value is missing.

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
    """
    cells: FloatArray = _losses(quantiles, actual, levels).mean(axis=-1)
    return cells


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


def inside(
    quantiles: FloatArray, actual: FloatArray, levels: FloatArray, coverage: float
) -> FloatArray:
    """1 where the outcome lies in a central interval, bounds included, else 0; NaN if unknown.

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
        coverage: Nominal coverage; (1 - c) / 2 and (1 + c) / 2 must be levels.

    Raises:
        InputError: A bound is not among the levels.
    """
    low, high = _bounds(quantiles, levels, coverage)
    known = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    return np.where(known, (low <= actual) & (actual <= high), np.nan)


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
    return {c: known_mean(inside(quantiles, actual, levels, c)) for c in coverages}


def interval_width(
    quantiles: FloatArray, levels: FloatArray, coverages: Sequence[float] = COVERAGES
) -> dict[float, float]:
    """Mean width of each central interval, in the unit of the outcome.

    Args:
        quantiles: (..., L).
        levels: (L,).
        coverages: As in `interval_coverage`.

    Raises:
        InputError: A bound is not among the levels.
    """
    widths = {}
    for coverage in coverages:
        low, high = _bounds(quantiles, levels, coverage)
        widths[coverage] = known_mean(high - low)
    return widths


def interval_score(
    quantiles: FloatArray,
    actual: FloatArray,
    levels: FloatArray,
    coverages: Sequence[float] = COVERAGES,
) -> dict[float, float]:
    """Mean interval score, also called Winkler score, of each central interval; less is better.

    Width + 2 / alpha times the distance by which the outcome misses the interval, alpha = 1 - c
    (Winkler 1972, J. Am. Stat. Assoc. 67(337); Gneiting and Raftery 2007, J. Am. Stat. Assoc.
    102(477), equation 43).

    Args:
        quantiles: (..., L).
        actual: (...).
        levels: (L,).
        coverages: As in `interval_coverage`.

    Raises:
        InputError: A bound is not among the levels.
    """
    scores = {}
    for coverage in coverages:
        low, high = _bounds(quantiles, levels, coverage)
        missed = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
        scores[coverage] = known_mean(high - low + 2.0 / (1.0 - coverage) * missed)
    return scores


def _losses(quantiles: FloatArray, actual: FloatArray, levels: FloatArray) -> FloatArray:
    error = actual[..., None] - quantiles
    loss: FloatArray = np.maximum(levels * error, (levels - 1.0) * error)
    return loss


def _bounds(
    quantiles: FloatArray, levels: FloatArray, coverage: float
) -> tuple[FloatArray, FloatArray]:
    low = quantiles[..., _level_index(levels, (1 - coverage) / 2)]
    high = quantiles[..., _level_index(levels, (1 + coverage) / 2)]
    return low, high


def _level_index(levels: FloatArray, level: float) -> int:
    position = int(np.abs(levels - level).argmin())
    if abs(float(levels[position]) - level) > 1e-9:
        raise InputError("levels", expected=f"{level:.4g} among them", found=len(levels))
    return position
