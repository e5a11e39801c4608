"""Daily and weekly patterns, drivers, and an ARIMA of the rest as a member: `mstl_56`.

The series of slots in a row, less a regression on its drivers, is decomposed into a daily and a
weekly pattern (Bandara, Hyndman and Bergmeir 2021, arXiv 2107.13462); an ARIMA without season
forecasts what is left. Regression and ARIMA parameters are estimated every 7 days, the
decomposition anew for every day.

Belongs here: the member, its regression and its stored form. Not here: the decomposition
(statsforecast), the estimation of one series (`forecasting.arima`), gaps and regressors
(`filled_history`), what it shares with `auto_arima` (`arima_members`).
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

_WINDOW_DAYS = 56
_REMAINDER = arima.ArimaSettings(max_ar=2, max_ma=2, max_seasonal_ar=0, max_seasonal_ma=0)


@dataclass(frozen=True)
class FittedMstl:
    """Regression on drivers and ARIMA of what the seasonal patterns leave."""

    trained_until: date
    window_days: int
    inputs: tuple[str, ...]
    outcome: Asinh
    regressors: Asinh
    slopes: tuple[float, ...]
    model: arima.Arima

    def predict(self, history: TargetHistory) -> FloatArray:
        """Median path of the last day, (S,), after decomposing the newest days known.

        Raises:
            MemberUnavailableError: An input of the day is missing, or no recent day is known.
        """
        past = FilledHistory.of(history.newest(self.window_days), self.inputs)
        explained = self.regressors.forward(past.in_a_row()[0]) @ np.array(self.slopes)
        count = past.known * history.slots
        series = self.outcome.forward(past.outcome.reshape(-1, 1))[:, 0]
        patterns, rest = _decompose(series - explained[:count], history.slots)
        none = np.zeros((count, 0))
        try:
            path = arima.forecast(self.model, rest, none, np.zeros((len(explained) - count, 0)))
        except InputError as error:
            raise unavailable("mstl", history, error) from error
        for pattern in patterns:
            path += np.resize(pattern, len(path))
        last_day = (path + explained[count:])[-history.slots :]
        result: FloatArray = np.clip(self.outcome.inverse(last_day[:, None])[:, 0], *history.bounds)
        return result

    def dump(self) -> bytes:
        """The model as JSON."""
        content = {
            "trained_until": self.trained_until.isoformat(),
            "window_days": self.window_days,
            "inputs": self.inputs,
            "outcome": self.outcome.arrays(),
            "regressors": self.regressors.arrays(),
            "slopes": self.slopes,
            "model": asdict(self.model),
        }
        return json.dumps(content, default=np.ndarray.tolist).encode()


class Mstl:
    """Member `mstl`: daily and weekly patterns, drivers, ARIMA of the rest.

    Args:
        window_days: Days it trains on and decomposes; 56 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("mstl", window_days),
            produces="points",
            minimum_days=21,
            window_days=window_days or _WINDOW_DAYS,
            retrain_days=7,
            cost_seconds=1.0,
            settings={"arima": asdict(_REMAINDER)},
        )

    def fit(self, history: TargetHistory) -> FittedMstl:
        """Regress on the drivers within slots of the week, then estimate the ARIMA.

        Raises:
            MemberUnavailableError: Fewer than 21 days, or a series that cannot be estimated.
        """
        window = self.spec.window_days or _WINDOW_DAYS
        cut = history.newest(window)
        inputs = known_inputs(cut)
        past = FilledHistory.of(cut, inputs)
        until = require_days(self.spec, history, past.known)
        count, slots = past.known * history.slots, history.slots
        outcome = Asinh.fit(past.outcome.reshape(-1, 1))
        series = outcome.forward(past.outcome.reshape(-1, 1))[:, 0]
        columns, dummies = past.in_a_row()
        columns = columns[:count]
        regressors = Asinh.fit(columns, dummies)
        transformed = regressors.forward(columns)
        slopes = _slopes_within_week(series, transformed, slots)
        _, rest = _decompose(series - transformed @ slopes, slots)
        try:
            model = arima.fit(rest, np.zeros((count, 0)), 1, _REMAINDER)
        except InputError as error:
            raise unavailable(self.spec.name, history, error) from error
        return FittedMstl(until, window, inputs, outcome, regressors, tuple(slopes.tolist()), model)

    def load(self, content: bytes) -> FittedMstl:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        with stored_model(content, self.spec) as found:
            return FittedMstl(
                date.fromisoformat(found["trained_until"]),
                int(found["window_days"]),
                tuple(found["inputs"]),
                Asinh.from_arrays(found["outcome"]),
                Asinh.from_arrays(found["regressors"]),
                tuple(found["slopes"]),
                arima_of(found["model"]),
            )


def _decompose(series: FloatArray, slots: int) -> tuple[list[FloatArray], FloatArray]:
    """Last cycle of the daily and the weekly pattern, and the series without them."""
    from statsforecast.mstl import mstl

    parts = mstl(series, [slots, 7 * slots])
    names = [name for name in parts.columns if name.startswith("seasonal")]
    patterns = [parts[name].to_numpy() for name in names]
    cycles = [
        pattern[-period:] for pattern, period in zip(patterns, (slots, 7 * slots), strict=True)
    ]
    return cycles, np.asarray(series - np.sum(patterns, axis=0))


def _slopes_within_week(series: FloatArray, regressors: FloatArray, slots: int) -> FloatArray:
    """Least squares within slots of the week, so that patterns are left to the decomposition.

    Least squares on dummies of the week's slots and the regressors (Frisch and Waugh 1933,
    Econometrica 1(4)); a regressor that is one of the others again gets zero.
    """
    week = np.arange(len(series)) % (7 * slots)
    counts = np.bincount(week)

    def within(values: FloatArray) -> FloatArray:
        return np.asarray(values - (np.bincount(week, weights=values) / counts)[week])

    columns = (
        np.stack([within(column) for column in regressors.T], axis=1)
        if (regressors.shape[1])
        else regressors
    )
    used = arima.independent_columns(columns)
    slopes = np.zeros(regressors.shape[1])
    slopes[used] = np.linalg.lstsq(columns[:, used], within(series), rcond=None)[0]
    return slopes
