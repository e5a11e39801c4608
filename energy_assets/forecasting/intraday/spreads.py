"""Imbalance and intraday prices, or their spread to the day-ahead price: quantiles and mean.

The model is that of the intraday horizon (`boosting`): what is expected at this time of
day, the newest spreads seen, those a day and a week ago, and drivers known ahead (the day-ahead
price or its forecast, wind, load, fuels). It serves two decisions alike:

- at a day-ahead gate: the history's `decisions` are the past gates, the periods to forecast begin
  hours later, and the newest spread is a day old where it counts;
- intraday: any origin, periods from now on, the state as new as publication allows (`delay`).

A desk that takes risk at its mean needs the mean, and the mean of spreads sits in their tails: the
average of the 99 percentiles lacks the outermost hundredths, so what they hold beyond it on average
in training is added.

Belongs here: the two numbers of one spread. Not here: joint paths (`scenarios`), reading.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.boosted_trees import TreeSettings
from energy_assets.forecasting.intraday.boosting import (
    FittedIntraday,
    IntradayModel,
    IntradaySettings,
    predict_pairs,
    training_pairs,
)
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.forecasting.members.base import MemberUnavailableError

SPREAD_SETTINGS = IntradaySettings(
    trees=TreeSettings(
        trees=100,
        learning_rate=0.05,
        num_leaves=7,
        min_data_in_leaf=200,
        feature_fraction=0.5,
        bagging_fraction=0.8,
        lambda_l2=1.0,
    ),
    leads_per_origin=48,
)


@dataclass(frozen=True)
class FittedSpread:
    """A trained spread model.

    Attributes:
        quantile_model: Makes the percentiles.
        tails: What the outermost hundredths add to the mean, in the target's unit.
    """

    quantile_model: FittedIntraday
    tails: float

    @property
    def trained_until(self) -> datetime:
        """End of the newest period it was fitted on."""
        return self.quantile_model.trained_until

    def predict(self, history: RollingHistory) -> FloatArray:
        """Quantiles of the periods to forecast, (H, 99), non-decreasing and within bounds.

        Raises:
            MemberUnavailableError: Nothing was seen, or a period has neither guidance nor past.
        """
        return self.quantile_model.predict(history)

    def mean(self, history: RollingHistory) -> FloatArray:
        """Mean of the periods to forecast, (H,)."""
        return self.mean_of(self.predict(history))

    def mean_of(self, quantiles: FloatArray) -> FloatArray:
        """Mean (H,) that belongs to quantiles (H, 99) of this model."""
        result: FloatArray = quantiles.mean(axis=1) + self.tails
        return result

    def dump(self) -> bytes:
        """The model as a NumPy archive without pickles."""
        file = io.BytesIO()
        inner = np.frombuffer(self.quantile_model.dump(), dtype=np.uint8)
        np.savez(file, allow_pickle=False, quantile_model=inner, tails=np.array(self.tails))
        return file.getvalue()


class SpreadModel:
    """Quantiles and mean of one price spread.

    Args:
        window_days: Days before the origin it trains on.
        settings: How it is fitted.
    """

    def __init__(
        self, window_days: int = 365, settings: IntradaySettings = SPREAD_SETTINGS
    ) -> None:
        self._quantiles = IntradayModel(window_days, settings)
        self.spec = self._quantiles.renamed(f"spread_{window_days}", retrain_days=28)

    def fit(self, history: RollingHistory) -> FittedSpread:
        """Train on origins before the history's own.

        Raises:
            MemberUnavailableError: Too few known outcomes.
        """
        fitted = self._quantiles.fit(history)
        days, settings = self.spec.window_days or 0, self._quantiles.settings
        origins, periods = training_pairs(history, days, settings)
        quantiles = predict_pairs(fitted, history, origins, periods)
        beyond = history.outcome[periods] - quantiles.mean(axis=1)
        return FittedSpread(fitted, float(np.nanmean(beyond)))

    def load(self, content: bytes) -> FittedSpread:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such archive.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                inner, tails = found["quantile_model"].tobytes(), float(found["tails"])
        except (OSError, ValueError, KeyError, EOFError) as error:
            msg = f"{self.spec.name}: expected a spread model, found other bytes"
            raise MemberUnavailableError(msg) from error
        return FittedSpread(self._quantiles.load(inner), tails)
