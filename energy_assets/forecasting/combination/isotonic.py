"""Isotonic distributional regression: a whole distribution that shifts up as the covariate rises.

Henzi, Ziegel and Gneiting (2021, J. R. Stat. Soc. B 83(5)): the distributions that minimise the
CRPS over the training days under the one condition that they increase, in stochastic order, with
the covariate. There is no parameter to choose. Its distribution function at a threshold z is the
antitonic least-squares fit of the indicator y <= z.

Belongs here: fit and quantiles for one covariate. Not here: compiled loops (`isotonic_kernel`),
which covariate (`stages`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES

# More thresholds than this cost time and change no percentile by more than a rank.
MOST_THRESHOLDS = 400


@dataclass(frozen=True)
class IsotonicDistribution:
    """A fitted distribution function on covariate knots and outcome thresholds.

    Attributes:
        knots: Distinct covariates, rising, (G,).
        thresholds: Outcomes at which the function may step, rising, (T,).
        probabilities: P(y <= threshold), (G, T): rising along T, falling along G.
    """

    knots: FloatArray
    thresholds: FloatArray
    probabilities: FloatArray

    def quantiles(self, covariate: FloatArray, levels: FloatArray = PERCENTILES) -> FloatArray:
        """Quantiles (n, L), non-decreasing, at covariates (n,); constant beyond the outer knots."""
        from energy_assets.forecasting.combination.isotonic_kernel import quantiles_at

        found: FloatArray = quantiles_at(
            self.knots, self.probabilities, self.thresholds, covariate, levels
        )
        return found


def fit(covariate: FloatArray, outcome: FloatArray) -> IsotonicDistribution:
    """Fit on pairs of covariate and outcome, each (n,); pairs with NaN are left out.

    Raises:
        InputError: No complete pair.
    """
    from energy_assets.forecasting.combination.isotonic_kernel import fitted

    known = np.isfinite(covariate) & np.isfinite(outcome)
    if not known.any():
        raise InputError("isotonic regression", expected="a pair without NaN", found="none")
    return IsotonicDistribution(*fitted(covariate[known], outcome[known], MOST_THRESHOLDS))
