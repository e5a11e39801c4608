"""Weights of stages learnt online: Bernstein online aggregation per slot and level.

Wintenberger (2017, Mach. Learn. 106(1)); for quantiles, with losses smoothed over slots and levels,
Berrisch and Ziel (2023, J. Econom. 237(2)). Each stage has its own learning rate, which falls with
the variance of its regrets, so that a stage that is better only by luck gains little.

Regrets are divided by the spread of the day's forecast, so that a wild week does not decide.

Belongs here: losses to weights. Not here: the forecasts weighted (`stages`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES


class BernsteinAggregation:
    """Online weights of K forecasts of the same quantiles; equal at the start.

    Args:
        shape: Slots, levels and forecasts, (S, L, K).
        slot_width: Standard deviation of the smoothing of regrets over slots; as many as there are
            slots or more for their mean.
        level_width: The same over levels, in levels.
        half_life: Days after which a regret counts half; 0 for no forgetting.
    """

    def __init__(
        self, shape: tuple[int, int, int], slot_width: float, level_width: float, half_life: float
    ) -> None:
        slots, levels, self._count = shape
        self._over_slots = smoother(slots, slot_width)
        self._over_levels = smoother(levels, level_width)
        self._keep = 0.5 ** (1 / half_life) if half_life else 1.0
        self._variance = np.zeros(shape)
        self._range = np.full(shape, 1e-12)
        self._regret = np.zeros(shape)
        self.weights: FloatArray = np.full(shape, 1 / self._count)

    def combine(self, forecasts: FloatArray) -> FloatArray:
        """Weighted mean of forecasts (S, L, K), sorted over levels, (S, L)."""
        return np.sort((self.weights * forecasts).sum(axis=-1), axis=-1)

    def learn(
        self,
        forecasts: FloatArray,
        outcome: FloatArray,
        unit: FloatArray,
        levels: FloatArray = PERCENTILES,
    ) -> None:
        """Update the weights with a day's outcome.

        Args:
            forecasts: (S, L, K).
            outcome: (S,); a slot with NaN teaches nothing.
            unit: Size by which regrets are divided, (S,).
            levels: (L,).
        """
        combined = (self.weights * forecasts).sum(axis=-1)
        slope = (outcome[:, None] < combined) - levels
        # The check loss is replaced by its tangent at the combination (the gradient trick).
        regret = slope[..., None] * (combined[..., None] - forecasts) / unit[:, None, None]
        regret = np.where(np.isfinite(outcome)[:, None, None], regret, 0.0)
        smooth = self._over_slots @ regret.reshape(len(regret), -1)
        self._update(np.matmul(self._over_levels, smooth.reshape(regret.shape)))

    def _update(self, regret: FloatArray) -> None:
        self._variance = self._variance * self._keep**2 + regret**2
        self._range = np.maximum(self._range, np.abs(regret))
        rate = np.minimum(
            0.5 / self._range,
            np.sqrt(np.log(max(self._count, 2)) / np.maximum(self._variance, 1e-24)),
        )
        self._regret = self._regret * self._keep + regret * (1 - rate * regret)
        score = np.log(rate) + rate * self._regret
        weights = np.exp(score - score.max(axis=-1, keepdims=True))
        self.weights = weights / weights.sum(axis=-1, keepdims=True)


def smoother(count: int, width: float) -> FloatArray:
    """Rows of Gaussian weights that sum to one, (count, count); their mean for a wide width."""
    if width >= count:
        return np.full((count, count), 1 / count)
    if width <= 0:
        return np.eye(count)
    distance = np.subtract.outer(np.arange(count), np.arange(count)) / width
    weights = np.exp(-0.5 * distance**2)
    result: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return result
