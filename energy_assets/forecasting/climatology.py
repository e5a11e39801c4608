"""The forecast rungs below the members: what a target did at this time of day in the last weeks.

`by_day_type` takes days of the same type (working day, Saturday, Sunday or holiday) of the last
eight weeks, `climatology` all days of the last four. Both need nothing but outcomes, so they hold
when an input of the members is missing, for prices and units alike. Not here: choosing the rung
(`day_ahead`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.arrays import FloatArray, IntArray
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.slot_forecast import SlotForecast, TooLittleHistoryError

DAYS = 28
MINIMUM_DAYS = 7
TYPED_DAYS = 56
MINIMUM_TYPED_DAYS = 6


def by_day_type(history: TargetHistory) -> SlotForecast:
    """Quantiles by slot from days of the same type in the last eight weeks.

    Raises:
        TooLittleHistoryError: Fewer than six such days are known whole.
    """
    return _of_days(history, TYPED_DAYS, MINIMUM_TYPED_DAYS, _day_types(history))


def climatology(history: TargetHistory) -> SlotForecast:
    """Quantiles by slot from the last 28 days.

    Raises:
        TooLittleHistoryError: Fewer than seven whole days are known.
    """
    return _of_days(history, DAYS, MINIMUM_DAYS, np.zeros(len(history.days), dtype=np.int64))


def _day_types(history: TargetHistory) -> IntArray:
    """Working day 0, Saturday 1, Sunday and holiday 2, (N,)."""
    kind = np.clip(history.weekday - 4, 0, 2)
    off = history.daily.get("holiday", np.zeros(len(history.days))) > 0
    return np.where(off, 2, kind).astype(np.int64)


def _of_days(history: TargetHistory, days: int, least: int, types: IntArray) -> SlotForecast:
    outcome, kinds = history.outcome[:-1][-days:], types[:-1][-days:]
    usable = np.isfinite(outcome).all(axis=1)
    alike = usable & (kinds == types[-1])
    if alike.sum() < least:
        msg = (
            f"{history.target}: expected {least} whole days in the last {days}, found {alike.sum()}"
        )
        raise TooLittleHistoryError(msg)
    ranks = np.full(outcome.shape, np.nan)
    for kind in np.unique(kinds[usable]):
        ranks[usable & (kinds == kind)] = _ranks(outcome[usable & (kinds == kind)])
    return SlotForecast(np.quantile(outcome[alike], PERCENTILES, axis=0).T, ranks)


def _ranks(values: FloatArray) -> FloatArray:
    """Rank of each day among the days given, by slot; ties share the middle."""
    below = (values[None] < values[:, None]).sum(axis=1)
    up_to = (values[None] <= values[:, None]).sum(axis=1)
    result: FloatArray = (below + up_to) / 2 / len(values)
    return result
