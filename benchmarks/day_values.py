"""Figures over daily cash: mean and the worst days, with paired bootstrap intervals.

Resampling takes runs of days (circular block bootstrap, Politis and Romano 1992), since prices and
plant states of neighbouring days belong together. The conditional value at risk is the mean of the
worst 5 % of days, the last of them in part.

Not here: what earned the cash (`bid_value`, `battery_markets`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RESAMPLES = 5000
TAIL = 0.05


@dataclass(frozen=True)
class Figure:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """A difference in words."""
        if self.low > 0:
            return "gain"
        return "loss" if self.high < 0 else "no gain shown"

    def __str__(self) -> str:
        return f"{self.value:,.0f} ({self.low:,.0f} to {self.high:,.0f})"


class Resampling:
    """The same resamples for every series of some days, so that differences are paired.

    Args:
        days: Days N.
        run_days: Length of the runs drawn.
        seed: Of the draws.
    """

    def __init__(self, days: int, run_days: int, seed: int) -> None:
        runs = -(-days // run_days)
        starts = np.random.default_rng(seed).integers(0, days, (RESAMPLES, runs, 1))
        rows = (starts + np.arange(run_days)) % days
        self._rows = rows.reshape(RESAMPLES, -1)[:, :days]

    def mean(self, cash: np.ndarray, other: np.ndarray | None = None) -> Figure:
        """Mean a day (N,), or how far it lies above another's."""
        return self._figure(_mean, cash, other)

    def tail(self, cash: np.ndarray, other: np.ndarray | None = None) -> Figure:
        """Mean of the worst 5 % of days, or how far it lies above another's own worst days."""
        return self._figure(_worst, cash, other)

    def _figure(
        self,
        of: Callable[[np.ndarray], np.ndarray],
        cash: np.ndarray,
        other: np.ndarray | None,
    ) -> Figure:
        value, drawn = of(cash[None])[0], of(cash[self._rows])
        if other is not None:
            value, drawn = value - of(other[None])[0], drawn - of(other[self._rows])
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Figure(float(value), float(low), float(high))


def _mean(cash: np.ndarray) -> np.ndarray:
    mean: np.ndarray = cash.mean(axis=1)
    return mean


def _worst(cash: np.ndarray) -> np.ndarray:
    """CVaR-95 of rows of days (R, N)."""
    count = cash.shape[1]
    counted = np.clip(TAIL - np.arange(count) / count, 0.0, 1.0 / count)
    worst: np.ndarray = np.sort(cash, axis=1) @ counted / counted.sum()
    return worst
