"""A robust linear fit of every slot of a day, many features and gaps allowed.

Belongs here: the fit and its prediction on arrays. Not here: what the features are, the lasso of
LEAR (`lear`).

Ridge regression with the weights of Huber's M-estimator (1964, Ann. Math. Stat. 35(1)), by a fixed
number of reweighted solutions: with its threshold at the median absolute error, half of the rows
enter by absolute error, so that price spikes do not tilt the fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray

_REWEIGHTINGS = 4
# A feature known on fewer rows says more about its gaps than about the outcome.
_LEAST_KNOWN_SHARE = 0.9
# Standardised features beyond this are taken as this: a linear fit has no bound of its own.
_FARTHEST = 6.0


@dataclass(frozen=True)
class RobustRidge:
    """Linear fits of S slots on F features.

    Attributes:
        centre: Mean of each feature, (S, F).
        scale: Deviation of each feature, (S, F); infinite where it is not used.
        coefficients: Of the standardised features, (S, F).
        intercepts: (S,).
    """

    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercepts: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """Fitted values (..., S) at features (..., S, F); a missing feature counts as its mean."""
        standard = _standardised(features, self.centre, self.scale)
        found: FloatArray = (standard * self.coefficients).sum(axis=-1) + self.intercepts
        return found


def fit(features: FloatArray, outcome: FloatArray, ridge: float) -> RobustRidge:
    """Fit each slot.

    Args:
        features: (n, S, F), NaN allowed.
        outcome: (n, S); NaN rows of a slot are left out, each slot needs one known.
        ridge: Penalty on the squared coefficients of standardised features, in rows: as much pull
            to zero as so many rows have away from it.
    """
    centre, scale = _moments(features, np.isfinite(outcome))
    slots, count = centre.shape
    coefficients, intercepts = np.zeros((slots, count)), np.zeros(slots)
    for slot in range(slots):
        known = np.isfinite(outcome[:, slot])
        rows = _standardised(features[known, slot], centre[slot], scale[slot])
        coefficients[slot], intercepts[slot] = _fit_slot(rows, outcome[known, slot], ridge)
    return RobustRidge(centre, scale, coefficients, intercepts)


def _fit_slot(rows: FloatArray, outcome: FloatArray, ridge: float) -> tuple[FloatArray, float]:
    weights = np.ones(len(rows))
    coefficients, intercept = np.zeros(rows.shape[1]), 0.0
    for _ in range(_REWEIGHTINGS):
        total = weights.sum()
        row_mean, outcome_mean = weights @ rows / total, float(weights @ outcome / total)
        centred = rows - row_mean
        weighted = centred * weights[:, None]
        gram = weighted.T @ centred
        gram.flat[:: len(gram) + 1] += ridge * total / len(rows)
        coefficients = np.linalg.solve(gram, weighted.T @ (outcome - outcome_mean))
        intercept = outcome_mean - float(row_mean @ coefficients)
        errors = np.abs(outcome - rows @ coefficients - intercept)
        threshold = float(np.median(errors)) or 1.0
        weights = 1.0 / np.maximum(errors / threshold, 1.0)
    return coefficients, intercept


def _moments(features: FloatArray, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation of what is known in the rows; infinite deviation: a feature left out."""
    known = np.isfinite(features) & rows[..., None]
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, features - mean, 0.0) ** 2).sum(axis=0) / count)
    used = count >= _LEAST_KNOWN_SHARE * rows.sum(axis=0)[:, None]
    used &= spread > 1e-9 * (1 + np.abs(mean))
    return mean, np.where(used, spread, np.inf)


def _standardised(features: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    standard = np.clip((features - centre) / scale, -_FARTHEST, _FARTHEST)
    return np.where(np.isfinite(standard), standard, 0.0)
