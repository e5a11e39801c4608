"""Quantiles by slot and day type of the newest days: `seasonal_quantiles_28` and so on.

A climatology: it needs no driver, no library and no training, so it stands when all else fails.
Not here: members that use drivers or recent levels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.quantile_regression import PERCENTILES

_WINDOW_DAYS = 28
# Quantiles of fewer days than this say little about a day type.
_LEAST_OF_TYPE = 4


@dataclass(frozen=True)
class FittedQuantiles:
    """Nothing is fitted; the newest day known is on record."""

    trained_until: date
    window_days: int

    def predict(self, history: TargetHistory) -> FloatArray:
        """Quantiles of the newest days of the day's type, (S, 99).

        A type with fewer than four days takes all days; the estimate is Hyndman and Fan's type 8.

        Raises:
            MemberUnavailableError: A slot was never known in the window.
        """
        cut = history.newest(self.window_days)
        types = _day_types(cut)
        alike = types[:-1] == types[-1]
        whole = np.isfinite(cut.outcome[:-1]).all(axis=1)
        rows = alike if (alike & whole).sum() >= _LEAST_OF_TYPE else np.ones_like(alike)
        past = cut.outcome[:-1][rows]
        if not np.isfinite(past).any(axis=0).all():
            msg = f"seasonal_quantiles for {history.target}: a slot has no outcome in the window"
            raise MemberUnavailableError(msg)
        quantiles = np.nanquantile(past, PERCENTILES, axis=0, method="median_unbiased").T
        result: FloatArray = np.clip(quantiles, *history.bounds)
        return result

    def dump(self) -> bytes:
        """The newest day known, and the window, as JSON."""
        content = {
            "trained_until": self.trained_until.isoformat(),
            "window_days": self.window_days,
        }
        return json.dumps(content).encode()


class SeasonalQuantiles:
    """Member `seasonal_quantiles`: quantiles by slot and day type.

    Args:
        window_days: Newest days they are taken from; 28 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("seasonal_quantiles", window_days),
            produces="quantiles",
            minimum_days=_LEAST_OF_TYPE,
            window_days=window_days or _WINDOW_DAYS,
            retrain_days=1,
            cost_seconds=0.0,
        )

    def fit(self, history: TargetHistory) -> FittedQuantiles:
        """Note what is known.

        Raises:
            MemberUnavailableError: Fewer than four days are.
        """
        window = self.spec.window_days or _WINDOW_DAYS
        known = int(np.isfinite(history.newest(window).outcome).any(axis=1).sum())
        until = history.trained_until
        if until is None or known < _LEAST_OF_TYPE:
            msg = f"{self.spec.name} for {history.target}: expected {_LEAST_OF_TYPE} days, "
            raise MemberUnavailableError(f"{msg}found {known}")
        return FittedQuantiles(until, window)

    def load(self, content: bytes) -> FittedQuantiles:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        try:
            found = json.loads(content)
            until = date.fromisoformat(found["trained_until"])
            return FittedQuantiles(until, int(found["window_days"]))
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{self.spec.name}: expected a model of this member, found other bytes"
            raise MemberUnavailableError(msg) from error


def _day_types(history: TargetHistory) -> FloatArray:
    """Working day 0, Saturday 1, Sunday or public holiday 2, (N,)."""
    types = np.clip(history.weekday - 4, 0, 2)
    holiday = history.daily.get("holiday")
    return types if holiday is None else np.where(holiday == 1, 2.0, types)
