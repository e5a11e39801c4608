"""Analogue ensemble as a member: `analogues_91`, fitted (that is, looked up) anew for every day.

The search is `forecasting.analogues`; this module says what makes two slots alike. It follows from
the drivers a history has, by the head of their names:

- wind speed: the mean of the sites' forecasts and its mean over the neighbouring hours;
- irradiance: the mean of the sites' forecasts, time of day;
- day-ahead price (for the imbalance spread): its level, time of day;
- else (a load): time of day, kind of day (working day, Saturday, Sunday or holiday), and the mean
  temperature where there is one.

One unit of each scaled predictor counts the same. The distribution is made of outcomes that
happened: bounds, zero at night and uneven spread come from the data. Little history is enough,
which is why this is the member of a young unit; with a year or more `output_quantiles` is sharper.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

import numpy as np

from energy_assets.forecasting.analogues import NEIGHBOURS, analogue_quantiles, analogue_ranks
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.archives import archive
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.weather_features import SUN, TEMPERATURE, WIND, drivers_of

PRICE = "day_ahead_price"
_SCALES = {WIND: 0.5, SUN: 25.0, PRICE: 10.0, TEMPERATURE: 2.0, "day_kind": 0.05}
_MINIMUM_DAYS = 14
_DEFAULT_DAYS = 91


@dataclass(frozen=True)
class FittedAnalogues:
    """Past slots to look up.

    Attributes:
        predictors: Of the past days, (N, S, F), NaN where unknown.
        outcome: (N, S), NaN where unknown.
        trained_until: Newest day with an outcome.
    """

    predictors: FloatArray
    outcome: FloatArray
    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Quantiles of what followed the most similar slots, (S, 99).

        Raises:
            MemberUnavailableError: A predictor of the day is missing.
        """
        (query,) = _predictors(history.newest(0))
        if not np.isfinite(query).all() or query.shape != self.predictors.shape[1:]:
            msg = f"analogues for {history.target}: expected every input of {history.day}"
            raise MemberUnavailableError(f"{msg}, found gaps")
        usable = self._usable()
        quantiles = analogue_quantiles(self.predictors[usable], self.outcome[usable], query)
        return np.clip(quantiles, *history.bounds)

    def ranks(self) -> FloatArray:
        """Rank of each past outcome among its analogues of other days, (N, S); NaN if unknown.

        In-sample ranks: what a copula is fitted on before there are hindcasts.
        """
        usable = self._usable()
        day = np.broadcast_to(np.arange(len(self.outcome))[:, None], self.outcome.shape)
        ranks = np.full(self.outcome.shape, np.nan)
        ranks[usable] = analogue_ranks(self.predictors[usable], self.outcome[usable], day[usable])
        return ranks

    def dump(self) -> bytes:
        """The past slots as a NumPy archive without pickles."""
        file = io.BytesIO()
        until = np.array(self.trained_until.isoformat())
        np.savez_compressed(
            file,
            allow_pickle=False,
            predictors=self.predictors,
            outcome=self.outcome,
            trained_until=until,
        )
        return file.getvalue()

    def _usable(self) -> np.ndarray:
        return np.isfinite(self.outcome) & np.isfinite(self.predictors).all(axis=2)


class AnalogueMember:
    """Member `analogues_<days>`: that many days with known outcomes are searched.

    Args:
        window_days: Days searched; 91 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("analogues", window_days),
            produces="quantiles",
            minimum_days=_MINIMUM_DAYS,
            window_days=window_days or _DEFAULT_DAYS,
            retrain_days=1,
            cost_seconds=0.01,
            settings={"neighbours": NEIGHBOURS, "scales": _SCALES},
        )

    def fit(self, history: TargetHistory) -> FittedAnalogues:
        """Keep the newest days of the window.

        Raises:
            MemberUnavailableError: Fewer than 14 days of slots with outcome and inputs.
        """
        assert self.spec.window_days is not None
        recent = history.newest(self.spec.window_days + history.outcome_lag - 1)
        known = len(recent.days) - history.outcome_lag
        predictors, outcome = _predictors(recent)[:known], recent.outcome[:known]
        until = recent.trained_until
        fitted = FittedAnalogues(predictors, outcome, until or recent.day)
        days = fitted._usable().sum() / history.slots
        if until is None or days < _MINIMUM_DAYS:
            msg = f"{self.spec.name} for {history.target}: expected {_MINIMUM_DAYS} days"
            raise MemberUnavailableError(f"{msg} of outcomes, found {days:.1f}")
        return fitted

    def load(self, content: bytes) -> FittedAnalogues:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such archive.
        """
        with archive(content, f"{self.spec.name}: expected analogues") as found:
            until = date.fromisoformat(str(found["trained_until"]))
            return FittedAnalogues(found["predictors"], found["outcome"], until)


def _predictors(history: TargetHistory) -> FloatArray:
    """Scaled predictors of every day, (N, S, F)."""
    count, slots = history.outcome.shape
    time_of_day = np.tile(np.arange(slots) * 24.0 / slots, (count, 1))
    wind, sun = _mean_driver(history, WIND), _mean_driver(history, SUN)
    price = _mean_driver(history, PRICE)
    if wind is not None:
        return np.stack([wind, _smoothed(wind) / 2], axis=2)
    if sun is not None:
        return np.stack([sun, time_of_day], axis=2)
    if price is not None:
        return np.stack([time_of_day, price], axis=2)
    columns = [time_of_day, np.repeat(_day_kind(history)[:, None], slots, axis=1)]
    temperature = _mean_driver(history, TEMPERATURE)
    if temperature is not None:
        columns.append(temperature)
    return np.stack(columns, axis=2)


def _mean_driver(history: TargetHistory, kind: str) -> FloatArray | None:
    names = drivers_of(history, kind)
    if not names:
        return None
    mean: FloatArray = np.mean([history.drivers[name] for name in names], axis=0)
    return mean / _SCALES[kind]


def _day_kind(history: TargetHistory) -> FloatArray:
    """Working day 0, Saturday 1, Sunday or holiday 2, scaled, (N,)."""
    weekday = history.weekday
    kind = np.where(weekday < 5, 0.0, np.where(weekday == 5, 1.0, 2.0))
    if "holiday" in history.daily:
        kind = np.where(history.daily["holiday"] > 0, 2.0, kind)
    return kind / _SCALES["day_kind"]


def _smoothed(values: FloatArray, hours: int = 3) -> FloatArray:
    """Centred mean over neighbouring slots, within the day."""
    width = values.shape[1] * hours // 24
    padded = np.pad(values, ((0, 0), (width, width)), mode="edge")
    total = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    span = 2 * width + 1
    result: FloatArray = (total[:, span:] - total[:, :-span]) / span
    return result
