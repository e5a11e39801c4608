"""Scores of joint paths: energy score and variogram score.

Both are proper: no set of paths beats the true distribution in expectation. The energy score
sees location and spread well and wrong dependence badly; the variogram score sees dependence and
is blind to a bias common to all variables. So both are reported. Less is better.

Belongs here: scores of one day's paths. Not here: how paths are drawn (`scenarios`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray


def energy_score(
    paths: FloatArray, outcome: FloatArray, probabilities: FloatArray | None = None
) -> float:
    """Energy score, E||X - y|| - E||X - X'|| / 2 with the Euclidean norm.

    Gneiting and Raftery (2007, J. Am. Stat. Assoc. 102(477), section 4.3). For one variable it
    is the CRPS of the paths. Variables of unlike scale are best divided by theirs before.

    Args:
        paths: (S, V).
        outcome: (V,).
        probabilities: Of the paths, (S,) with sum 1; equal by default.

    Returns:
        The score in the unit of the variables; NaN where an outcome is unknown.

    Raises:
        InputError: Shapes do not fit.
    """
    from scipy.spatial.distance import cdist

    weights = _weights(paths, outcome, probabilities)
    if not np.isfinite(outcome).all():
        return float("nan")
    miss = np.linalg.norm(paths - outcome, axis=1)
    return float(weights @ miss - weights @ cdist(paths, paths) @ weights / 2.0)


def variogram_score(
    paths: FloatArray,
    outcome: FloatArray,
    probabilities: FloatArray | None = None,
    order: float = 0.5,
) -> float:
    """Variogram score, the sum over pairs i, j of (|y_i - y_j|^p - E|X_i - X_j|^p)^2.

    Scheuerer and Hamill (2015, Mon. Weather Rev. 143(4), equation 12) with equal weights and
    both orders of a pair counted.

    Args:
        paths: (S, V).
        outcome: (V,).
        probabilities: Of the paths, (S,) with sum 1; equal by default.
        order: The exponent p.

    Returns:
        The score in the unit of the variables to the power 2p; NaN where an outcome is unknown.

    Raises:
        InputError: Shapes do not fit.
    """
    weights = _weights(paths, outcome, probabilities)
    if not np.isfinite(outcome).all():
        return float("nan")
    columns = np.ascontiguousarray(paths.T)
    score = 0.0
    for i in range(1, len(columns)):
        observed = np.abs(outcome[:i] - outcome[i]) ** order
        expected = np.abs(columns[:i] - columns[i]) ** order @ weights
        score += 2.0 * float(((observed - expected) ** 2).sum())
    return score


def _weights(
    paths: FloatArray, outcome: FloatArray, probabilities: FloatArray | None
) -> FloatArray:
    if paths.ndim != 2 or paths.shape[1:] != outcome.shape:
        raise InputError("paths", expected=f"{outcome.shape} variables each", found=paths.shape)
    if probabilities is None:
        return np.full(len(paths), 1.0 / len(paths))
    if probabilities.shape != paths.shape[:1]:
        expected = f"one for each of {len(paths)} paths"
        raise InputError("probabilities", expected=expected, found=probabilities.shape)
    return probabilities
