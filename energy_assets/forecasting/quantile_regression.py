"""From point forecasts to 99 quantiles: quantile regression averaging, historical simulation.

Belongs here: distributions made from past forecasts and past outcomes. Not here: the members
(`lear` and others), joint paths (`scenarios`), scores.

Quantile regression averaging (Nowotarski and Weron 2015, Comput. Stat. 30(3)) regresses the
outcome on the members at each level. Members agree closely, so the regression is written as the
mean of the members plus weights on their deviations, and a small ridge acts on the deviations
only: identical members share a weight, few rows fall back to the member mean and its error
quantiles, and no case is singular. Quantiles are sorted after prediction, which never
increases the pinball loss (Chernozhukov, Fernandez-Val and Galichon 2010, Econometrica 78(3)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray

PERCENTILES: FloatArray = np.arange(1, 100) / 100.0
# Pinball on validation days hardly differs from 0.05 to 0.3; beyond 0.1 quantiles widen visibly.
_BANDWIDTH = 0.1
_TOLERANCE = 1e-9
DEFAULT_RIDGE = 1e-2


@dataclass(frozen=True)
class QuantileCombination:
    """A linear combination of members per level.

    Attributes:
        levels: Probability levels, (L,).
        intercepts: Per level, in the unit of the outcome, (L,).
        weights: Per level and member, (L, M); zero for a member that never varied.
    """

    levels: FloatArray
    intercepts: FloatArray
    weights: FloatArray

    def predict(self, members: FloatArray) -> FloatArray:
        """Quantiles (..., L), non-decreasing, from members (..., M)."""
        result: FloatArray = np.sort(members @ self.weights.T + self.intercepts, axis=-1)
        return result


def fit(
    members: FloatArray,
    actual: FloatArray,
    levels: FloatArray = PERCENTILES,
    ridge: float = DEFAULT_RIDGE,
    bandwidth: float = _BANDWIDTH,
    *,
    nonnegative: bool = False,
) -> QuantileCombination:
    """Fit quantile regression averaging, one regression per level.

    Args:
        members: Past member forecasts, (n, M); days and periods pooled in the rows.
        actual: Outcomes, (n,). Rows with NaN anywhere are left out.
        levels: Rising probability levels, (L,).
        ridge: Penalty on weights away from the member mean, in units of the error scale.
        bandwidth: Smoothing of the check function, in units of the median fit's error scale.
        nonnegative: Keep every weight at or above zero (isotonic QRA, arXiv 2507.15079): no
            quantile falls when a member rises.

    Returns:
        The combination.

    Raises:
        InputError: No complete row, or lengths differ.
    """
    from energy_assets.forecasting.quantile_newton import quantile_coefficients

    members, actual = _complete_rows(members, actual)
    rows, count = members.shape
    varies = np.ptp(members, axis=0) > 1e-9 * (1.0 + np.abs(members).max(axis=0))
    prior = varies / max(int(varies.sum()), 1)
    errors = actual - members @ prior
    scale = _spread(errors)
    centre = members.mean(axis=0)
    design = np.empty((rows, 1 + count))
    design[:, 0] = 1.0
    design[:, 1:] = (members - centre) * varies / scale
    penalties = np.full(1 + count, ridge)
    penalties[0] = 0.0
    response, half = errors / scale, np.array([0.5])
    start = np.zeros(1 + count)
    lower = np.full(1 + count, -np.inf)
    if nonnegative:
        # Coefficients are weights less the prior.
        lower[1:] = -prior
    # The median fit comes first: the smoothing must be narrow against its errors, not the mean's.
    (start,) = quantile_coefficients(
        design, response, half, bandwidth, penalties, start, _TOLERANCE, lower
    )
    width = bandwidth * min(_spread(response - design @ start), 1.0)
    solved: FloatArray = quantile_coefficients(
        design, response, np.asarray(levels, float), width, penalties, start, _TOLERANCE, lower
    )
    deviations = solved[:, 1:] * varies
    intercepts = solved[:, 0] * scale - deviations @ centre
    return QuantileCombination(np.asarray(levels, float), intercepts, deviations + prior)


def _spread(errors: FloatArray) -> float:
    """Interquartile range as a normal deviation; the deviation, then 1, where that is zero."""
    low, high = np.quantile(errors, [0.25, 0.75])
    return float(high - low) / 1.349 or float(errors.std()) or 1.0


def _complete_rows(members: FloatArray, actual: FloatArray) -> tuple[FloatArray, FloatArray]:
    if members.ndim != 2 or len(members) != len(actual):
        raise InputError(
            "quantile regression members",
            expected=f"a row for each of {len(actual)} outcomes",
            found=members.shape,
        )
    complete = np.isfinite(np.column_stack([members, actual])).all(axis=1)
    if not complete.any():
        raise InputError("quantile regression", expected="a row without NaN", found="none")
    return members[complete], actual[complete]


def historical_simulation(
    errors: FloatArray, point: FloatArray, levels: FloatArray = PERCENTILES
) -> FloatArray:
    """Add the empirical quantiles of past errors to a point forecast, period by period.

    Args:
        errors: Outcome minus forecast of past days, (n, P); NaN are ignored.
        point: Point forecast of the day, (P,).
        levels: Rising probability levels, (L,).

    Returns:
        Quantiles, (P, L), the median-unbiased estimate (Hyndman and Fan 1996, Am. Stat. 50(4),
        type 8).

    Raises:
        InputError: A period has no past error.
    """
    missing = np.flatnonzero(~np.isfinite(errors).any(axis=0))
    if missing.size:
        raise InputError("past errors", expected="one per period", found=f"none in {missing[0]}")
    spread = np.nanquantile(errors, levels, axis=0, method="median_unbiased")
    result: FloatArray = point[:, None] + spread.T
    return result


def average_quantiles(*forecasts: FloatArray) -> FloatArray:
    """Average quantile forecasts of the same levels level by level (horizontal average).

    Lichtendahl, Grushka-Cockayne and Winkler (2013, Manag. Sci. 59(7)): sharper than averaging
    probabilities, and non-decreasing where every input is.
    """
    result: FloatArray = np.mean(np.stack(forecasts), axis=0)
    return result
