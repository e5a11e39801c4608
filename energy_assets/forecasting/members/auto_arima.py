"""One ARIMA a slot on its daily series as a member: `auto_arima_364`.

Season 7, with regressors: the slot's drivers, their daily means, the daily values and the newest
slot known. Orders and parameters are found every 28 days; a later day is a Kalman filter over the
newest days with those parameters. Days of the same slot, not hours in a row, keep the state small:
a season of 24 or 168 hours costs minutes a fit.

Belongs here: the member and its stored form. Not here: the estimation of one series
(`forecasting.arima`), gaps and regressors (`filled_history`), what it shares with `mstl`
(`arima_members`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import arima
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.arima_members import (
    arima_of,
    require_days,
    stored_model,
    unavailable,
)
from energy_assets.forecasting.members.base import MemberSpec, windowed_name
from energy_assets.forecasting.members.filled_history import FilledHistory, known_inputs
from energy_assets.forecasting.members.history import TargetHistory

_WINDOW_DAYS = 364
_SEARCH = arima.ArimaSettings()


@dataclass(frozen=True)
class FittedAutoArima:
    """One ARIMA per slot and the transforms of its outcome and regressors."""

    trained_until: date
    window_days: int
    inputs: tuple[str, ...]
    outcome: Asinh
    regressors: tuple[Asinh, ...]
    models: tuple[arima.Arima, ...]

    def predict(self, history: TargetHistory) -> FloatArray:
        """Median path of the last day, (S,), after filtering the newest days known.

        Raises:
            MemberUnavailableError: An input of the day is missing, or no recent day is known.
        """
        past = FilledHistory.of(history.newest(self.window_days), self.inputs)
        transformed = self.outcome.forward(past.outcome)
        result = np.empty(history.slots)
        for slot, (model, transform) in enumerate(zip(self.models, self.regressors, strict=True)):
            columns = transform.forward(past.of_slot(slot)[0])
            known, ahead = columns[: past.known], columns[past.known :]
            try:
                path = arima.forecast(model, transformed[:, slot], known, ahead)
            except InputError as error:
                raise unavailable("auto_arima", history, error) from error
            result[slot] = path[-1]
        return np.clip(self.outcome.inverse(result), *history.bounds)

    def dump(self) -> bytes:
        """The model as JSON."""
        content = {
            "trained_until": self.trained_until.isoformat(),
            "window_days": self.window_days,
            "inputs": self.inputs,
            "outcome": self.outcome.arrays(),
            "regressors": [one.arrays() for one in self.regressors],
            "models": [asdict(model) for model in self.models],
        }
        return json.dumps(content, default=np.ndarray.tolist).encode()


class AutoArima:
    """Member `auto_arima`: an ARIMA with regressors per slot.

    Args:
        window_days: Days it trains on and filters; 364 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("auto_arima", window_days),
            produces="points",
            minimum_days=56,
            window_days=window_days or _WINDOW_DAYS,
            retrain_days=28,
            cost_seconds=9.0,
            settings={"arima": asdict(_SEARCH)},
        )

    def fit(self, history: TargetHistory) -> FittedAutoArima:
        """Search orders and estimate parameters of every slot.

        Raises:
            MemberUnavailableError: Fewer than 56 days, or a slot that cannot be estimated.
        """
        window = self.spec.window_days or _WINDOW_DAYS
        cut = history.newest(window)
        inputs = known_inputs(cut)
        past = FilledHistory.of(cut, inputs)
        until = require_days(self.spec, history, past.known)
        outcome = Asinh.fit(past.outcome)
        transformed = outcome.forward(past.outcome)
        transforms, models = [], []
        for slot in range(history.slots):
            columns, dummies = past.of_slot(slot)
            columns = columns[: past.known]
            transforms.append(Asinh.fit(columns, dummies))
            regressors = transforms[-1].forward(columns)
            try:
                models.append(arima.fit(transformed[:, slot], regressors, 7, _SEARCH))
            except InputError as error:
                raise unavailable(self.spec.name, history, error) from error
        return FittedAutoArima(until, window, inputs, outcome, tuple(transforms), tuple(models))

    def load(self, content: bytes) -> FittedAutoArima:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        with stored_model(content, self.spec) as found:
            return FittedAutoArima(
                date.fromisoformat(found["trained_until"]),
                int(found["window_days"]),
                tuple(found["inputs"]),
                Asinh.from_arrays(found["outcome"]),
                tuple(Asinh.from_arrays(one) for one in found["regressors"]),
                tuple(arima_of(one) for one in found["models"]),
            )
