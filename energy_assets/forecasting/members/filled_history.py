"""A history without gaps and its regressors, for members that filter series in a row.

Gaps in the past are filled with the value a week before, else the slot's median; newest days that
are wholly unknown are not filled but lengthen the horizon. Not here: models (`auto_arima`,
`mstl`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory, is_dummy

_MOST_STEPS = 14


def known_inputs(history: TargetHistory) -> tuple[str, ...]:
    """Drivers and daily values that are known for the day to forecast."""
    drivers = [name for name, rows in history.drivers.items() if np.isfinite(rows[-1]).all()]
    daily = [name for name, rows in history.daily.items() if np.isfinite(rows[-1])]
    return (*drivers, *daily)


@dataclass(frozen=True)
class FilledHistory:
    """Days with every value in place.

    Attributes:
        known: Days from the first to the newest with any outcome, K; the rest is the horizon.
        outcome: Outcome of the known days, (K, S).
        newest: Newest slot known at each day's decision, (N,).
        drivers: Drivers of all days, (N, S, D).
        daily: Daily values of all days, (N, E).
        dummies: Which daily values are 0 or 1, (E,).
    """

    known: int
    outcome: FloatArray
    newest: FloatArray
    drivers: FloatArray
    daily: FloatArray
    dummies: BoolArray

    @classmethod
    def of(cls, history: TargetHistory, inputs: tuple[str, ...]) -> FilledHistory:
        """Fill a history, using these drivers and daily values.

        Raises:
            MemberUnavailableError: One of them is missing for the day to forecast, or no outcome
                of the last 14 days is known.
        """
        days = len(history.days)
        rows = np.flatnonzero(np.isfinite(history.outcome).any(axis=1))
        known = int(rows[-1]) + 1 if rows.size else 0
        if known == 0 or days - known > _MOST_STEPS:
            msg = f"{history.target}: expected an outcome in the {_MOST_STEPS} days before"
            raise MemberUnavailableError(f"{msg} {history.day}, found none")
        missing = sorted(set(inputs) - set(known_inputs(history)))
        if missing:
            msg = f"{history.target}: expected every input of {history.day}, found no {missing[0]}"
            raise MemberUnavailableError(msg)
        outcome = _filled(history.outcome[:known])
        lag = min(max(history.outcome_lag, days - known), known)
        newest = np.concatenate([np.repeat(outcome[:1, -1], lag), outcome[:, -1]])
        drivers = [_filled(history.drivers[name]) for name in inputs if name in history.drivers]
        names = [name for name in inputs if name in history.daily]
        daily = [_filled(history.daily[name][:, None]) for name in names]
        return cls(
            known,
            outcome,
            newest[:days],
            np.stack(drivers, axis=2) if drivers else np.zeros((days, history.slots, 0)),
            np.hstack(daily) if daily else np.zeros((days, 0)),
            np.array([is_dummy(name) for name in names], dtype=bool),
        )

    def of_slot(self, slot: int) -> tuple[FloatArray, BoolArray]:
        """Regressors of one slot, (N, K), and which of them are dummies, (K,).

        They are the slot's drivers, their means over the day, the newest slot known and the daily
        values.
        """
        plain = [self.drivers[:, slot], self.drivers.mean(axis=1), self.newest[:, None]]
        count = sum(columns.shape[1] for columns in plain)
        return np.hstack([*plain, self.daily]), _mask(count, self.dummies)

    def in_a_row(self) -> tuple[FloatArray, BoolArray]:
        """Drivers and daily values slot after slot, (N * S, K), and which are dummies, (K,)."""
        days, slots, count = self.drivers.shape
        drivers = self.drivers.reshape(days * slots, count)
        return (
            np.hstack([drivers, np.repeat(self.daily, slots, axis=0)]),
            _mask(count, self.dummies),
        )


def _mask(plain: int, dummies: BoolArray) -> BoolArray:
    return np.concatenate([np.zeros(plain, dtype=bool), dummies])


def _filled(values: FloatArray) -> FloatArray:
    """Rows of values with the value seven rows before, else the column's median, in the gaps."""
    result = values.copy()
    for row in np.flatnonzero(~np.isfinite(values).all(axis=1)):
        gaps = ~np.isfinite(result[row])
        if row >= 7:
            result[row, gaps] = result[row - 7, gaps]
    gaps = ~np.isfinite(result)
    if gaps.any():
        # A column that was never known says nothing; zero makes it constant.
        never = gaps.all(axis=0)
        result[:, never] = 0.0
        medians = np.nanmedian(result, axis=0)
        result = np.where(np.isfinite(result), result, medians)
    return result
