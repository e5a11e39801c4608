"""The weekly naive forecast: the same slot a week before. The least any member has to beat."""

from __future__ import annotations

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


@dataclass(frozen=True)
class FittedNaive:
    """Nothing is fitted; the newest day known is on record."""

    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Outcome of the same slots a week before, (S,).

        Raises:
            MemberUnavailableError: That day is not known whole.
        """
        week_ago = history.outcome[-8] if len(history.days) > 7 else np.full(1, np.nan)
        if not np.isfinite(week_ago).all():
            msg = f"weekly_naive for {history.target}: expected the day a week before, found gaps"
            raise MemberUnavailableError(msg)
        return week_ago.copy()

    def dump(self) -> bytes:
        """The newest day known, as ISO text."""
        return self.trained_until.isoformat().encode()


class WeeklyNaive:
    """Member `weekly_naive`."""

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("weekly_naive", window_days),
            produces="points",
            minimum_days=7,
            window_days=window_days or 7,
            retrain_days=1,
            cost_seconds=0.0,
        )

    def fit(self, history: TargetHistory) -> FittedNaive:
        """Note what is known.

        Raises:
            MemberUnavailableError: Nothing is.
        """
        if history.trained_until is None:
            msg = f"weekly_naive for {history.target}: no outcome is known"
            raise MemberUnavailableError(msg)
        return FittedNaive(history.trained_until)

    def load(self, content: bytes) -> FittedNaive:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is not a date.
        """
        try:
            return FittedNaive(date.fromisoformat(content.decode()))
        except (UnicodeDecodeError, ValueError) as error:
            msg = "weekly_naive: expected an ISO date"
            raise MemberUnavailableError(msg) from error
