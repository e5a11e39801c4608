"""Coverage kept over time: quantiles shifted online until each is passed as often as it says.

Quantile tracking (Angelopoulos, Candes and Tibshirani 2023, conformal PID control, NeurIPS 36,
section 2.1; Gibbs and Candes 2021, adaptive conformal inference): after each day every level's
shift moves by rate x (level - share of outcomes below the shifted quantile). The long-run share
then meets the level whatever the forecasts are, within (largest shift) / (rate x days). Shifts
are in units of the forecast's own spread, so one shift serves calm and wild days; a slow pull to
zero forgets old regimes. Quantiles are sorted afterwards.

With central intervals tracked instead of single levels, mirrored levels move apart or together by
the same amount: coverage is kept and the median, which the members know better, stays.

Belongs here: shifts and their updates. Not here: the quantiles shifted (`stages`, `aggregation`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.combination.aggregation import smoother
from energy_assets.forecasting.quantile_regression import PERCENTILES

_TENTH, _NINETIETH = 9, 89
# Distance between these two percentiles of a standard normal.
_NORMAL_WIDTH = 2.563


def spread_of(quantiles: FloatArray) -> FloatArray:
    """Half width of a forecast as a normal deviation: (q90 - q10) / 2.563, above zero, (..., )."""
    width = (quantiles[..., _NINETIETH] - quantiles[..., _TENTH]) / _NORMAL_WIDTH
    result: FloatArray = np.maximum(width, 1e-9)
    return result


class CoverageTracking:
    """Shifts of 99 quantiles, zero at the start.

    Args:
        slots: Slots of a day.
        rate: Largest step of a shift per day, in units of `spread_of` the forecast.
        half_life: Days after which a shift has gone half-way back to zero; 0 for never.
        slot_width: Slots over which misses are smoothed; all slots or more for one shift per level.
        width_only: Track central intervals, not single levels.
    """

    def __init__(
        self,
        slots: int,
        rate: float,
        half_life: float,
        slot_width: float,
        *,
        width_only: bool = False,
    ) -> None:
        self._rate, self._width_only = rate, width_only
        self._keep = 0.5 ** (1 / half_life) if half_life else 1.0
        self._over_slots = smoother(slots, slot_width)
        self.shifts: FloatArray = np.zeros((slots, len(PERCENTILES)))

    def apply(self, quantiles: FloatArray, bounds: tuple[float, float]) -> FloatArray:
        """Shifted quantiles (S, 99), non-decreasing, within bounds."""
        moved = quantiles + self.shifts * spread_of(quantiles)[:, None]
        return np.clip(np.sort(moved, axis=-1), *bounds)

    def learn(self, calibrated: FloatArray, outcome: FloatArray) -> None:
        """Move the shifts after a day.

        An outcome that equals a quantile counts as below it with the quantile's own level: at a
        bound (solar at night, a price cap) nothing is learnt.

        Args:
            calibrated: What `apply` gave for the day, (S, 99).
            outcome: (S,); a slot with NaN teaches nothing.
        """
        actual = outcome[:, None]
        below = np.where(actual == calibrated, PERCENTILES, actual < calibrated)
        miss = np.where(np.isfinite(actual), PERCENTILES - below, 0.0)
        miss = self._over_slots @ miss
        if self._width_only:
            miss = 0.5 * (miss - miss[:, ::-1])
        self.shifts = self._keep * self.shifts + self._rate * miss
