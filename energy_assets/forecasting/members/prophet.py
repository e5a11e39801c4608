"""Prophet as a member: `prophet_364` and so on, with regressors and recent outcomes.

Prophet (Taylor and Letham 2018, Am. Stat. 72(1)) is a regression on a trend, Fourier terms of the
day and the week, and regressors, fitted to its posterior mode. Two things make it fit for markets:

- the trend is flat: a piecewise linear one leaves the level of prices at the end of its window and
  costs five times the fit;
- the outcomes of the newest day known and of the days one and six before it are regressors, as are
  the newest slot and its day's mean, so that a model fitted days ago still starts from yesterday.

The outcome and its lags pass asinh around the window's median. What the bounds of the target rule
out is cut off after the inverse: Prophet itself knows no floor under a flat trend. The optimiser
(cmdstan's L-BFGS) runs in a child process from a fixed start with a fixed seed; its results do not
depend on BLAS.

Not here: members that filter series (`auto_arima`, `mstl`), holidays (`calendar_features`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory

if TYPE_CHECKING:
    import pandas as pd
    from prophet import Prophet

_WINDOW_DAYS = 364
_MINIMUM_DAYS = 28
_SEED = 1
_DAY_TERMS, _WEEK_TERMS = 8, 10
# Prophet takes names of its own columns for itself; a prefix keeps inputs apart from them.
_PREFIX = "input_"
_LAGS = (0, 1, 6)
_LOGGERS = ("prophet", "cmdstanpy")


@dataclass(frozen=True)
class FittedProphet:
    """A fitted Prophet with the transform of its outcome."""

    trained_until: date
    inputs: tuple[str, ...]
    outcome: Asinh
    model: Prophet

    def predict(self, history: TargetHistory) -> FloatArray:
        """Median path of the last day, (S,).

        Raises:
            MemberUnavailableError: An input of the day is missing.
        """
        frame = _frame(history.newest(max(_LAGS) + history.outcome_lag), self.inputs, self.outcome)
        day = frame.iloc[-history.slots :].drop(columns="y")
        missing = sorted(day.columns[day.isna().any()])
        if missing:
            what = missing[0].removeprefix(_PREFIX)
            msg = f"prophet for {history.target}: expected {what} of {history.day}, found gaps"
            raise MemberUnavailableError(msg)
        with _quiet():
            path = self.model.predict(day)["yhat"].to_numpy(float)
        result: FloatArray = self.outcome.inverse(path[:, None])[:, 0]
        return np.asarray(np.clip(result, *history.bounds))

    def dump(self) -> bytes:
        """The model as JSON: Prophet's own form, without the days it was fitted on."""
        from prophet.serialize import model_to_dict

        content = {
            "trained_until": self.trained_until.isoformat(),
            "inputs": self.inputs,
            "centre": self.outcome.centre.tolist(),
            "scale": self.outcome.scale.tolist(),
            "prophet": model_to_dict(self.model),
        }
        return json.dumps(content).encode()


class ProphetMember:
    """Prophet on a window of days.

    Args:
        window_days: Training window; 364 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name("prophet", window_days),
            produces="points",
            minimum_days=_MINIMUM_DAYS + max(_LAGS),
            window_days=window_days or _WINDOW_DAYS,
            retrain_days=7,
            cost_seconds=1.0,
            settings={"day_terms": _DAY_TERMS, "week_terms": _WEEK_TERMS, "lags": _LAGS},
        )

    def fit(self, history: TargetHistory) -> FittedProphet:
        """Find the posterior mode on the newest days of the window.

        Raises:
            MemberUnavailableError: Fewer than 28 days without gaps.
        """
        cut = history.newest(self.spec.window_days or _WINDOW_DAYS)
        known = np.isfinite(cut.outcome)
        if known.sum() < _MINIMUM_DAYS * cut.slots:
            raise self._too_short(history, int(known.any(axis=1).sum()))
        outcome = Asinh.fit(cut.outcome[known][:, None])
        inputs = _known_inputs(cut)
        frame = _frame(cut, inputs, outcome).dropna()
        if len(frame) < _MINIMUM_DAYS * cut.slots:
            raise self._too_short(history, len(frame) // cut.slots)
        with _quiet():
            model = _new_model(frame)
            model.fit(frame, seed=_SEED)
        assert history.trained_until is not None
        return FittedProphet(history.trained_until, inputs, outcome, _without_history(model))

    def load(self, content: bytes) -> FittedProphet:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        from prophet.serialize import model_from_dict

        try:
            found = json.loads(content)
            outcome = Asinh(
                np.array(found["centre"]), np.array(found["scale"]), np.zeros(1, dtype=bool)
            )
            until = date.fromisoformat(found["trained_until"])
            with _quiet():
                model = model_from_dict(found["prophet"])
            return FittedProphet(until, tuple(found["inputs"]), outcome, model)
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{self.spec.name}: expected a Prophet model, found other bytes"
            raise MemberUnavailableError(msg) from error

    def _too_short(self, history: TargetHistory, found: int) -> MemberUnavailableError:
        expected = f"expected {_MINIMUM_DAYS} days without gaps, found {found}"
        return MemberUnavailableError(f"{self.spec.name} for {history.target}: {expected}")


def _new_model(frame: pd.DataFrame) -> Prophet:
    from prophet import Prophet

    model = Prophet(
        growth="flat",
        n_changepoints=0,
        uncertainty_samples=0,
        yearly_seasonality=False,
        weekly_seasonality=_WEEK_TERMS,
        daily_seasonality=False,
    )
    model.add_seasonality("working_day", 1, _DAY_TERMS, condition_name="is_working_day")
    model.add_seasonality("weekend_day", 1, _DAY_TERMS, condition_name="is_weekend_day")
    for name in frame.columns:
        if name.startswith(_PREFIX):
            model.add_regressor(name)
    return model


def _without_history(model: Prophet) -> Prophet:
    """Prophet predicts from its parameters; the rows fitted on only make it large."""
    assert model.history is not None
    assert model.history_dates is not None
    model.history = model.history.iloc[:1][["ds", "y"]]
    model.history_dates = model.history_dates.iloc[:1]
    model.fit_kwargs = {}
    model.stan_backend = model.stan_fit = None
    return model


def _known_inputs(history: TargetHistory) -> tuple[str, ...]:
    drivers = [name for name, rows in history.drivers.items() if np.isfinite(rows[-1]).all()]
    daily = [name for name, rows in history.daily.items() if np.isfinite(rows[-1])]
    return (*drivers, *daily)


def _frame(history: TargetHistory, inputs: tuple[str, ...], outcome: Asinh) -> pd.DataFrame:
    """Rows of slots with stamp, outcome and regressors, as Prophet reads them."""
    import pandas as pd

    days, slots = len(history.days), history.slots
    # Slots are of the wall clock, so stamps are too and carry no zone.
    step = np.timedelta64(24 * 60 // slots, "m")
    midnights = np.array(history.days, dtype="datetime64[m]")
    stamps = (midnights[:, None] + np.arange(slots) * step).ravel()
    is_weekend = np.repeat(history.weekday >= 5, slots)
    values = outcome.forward(history.outcome.reshape(-1, 1)).reshape(days, slots)
    columns: dict[str, Any] = {
        "ds": stamps.astype("datetime64[ns]"),
        "y": values.ravel(),
        "is_working_day": ~is_weekend,
        "is_weekend_day": is_weekend,
    }
    regressors: dict[str, FloatArray] = {}
    for name in inputs:
        if name in history.drivers:
            driver = history.drivers[name]
            regressors[name] = driver.ravel()
            regressors[f"{name} mean"] = np.repeat(driver.mean(axis=1), slots)
        else:
            regressors[name] = np.repeat(history.daily.get(name, np.full(days, np.nan)), slots)
    for lag in _LAGS:
        regressors[f"lag {lag}"] = _days_before(values, history.outcome_lag + lag).ravel()
    newest = _days_before(values, history.outcome_lag)
    regressors["newest slot"] = np.repeat(newest[:, -1], slots)
    regressors["newest mean"] = np.repeat(newest.mean(axis=1), slots)
    return pd.DataFrame(columns | {_PREFIX + name: rows for name, rows in regressors.items()})


def _days_before(values: FloatArray, days: int) -> FloatArray:
    result = np.full(values.shape, np.nan)
    result[days:] = values[: len(values) - days]
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' progress lines out of the log; errors still raise."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
