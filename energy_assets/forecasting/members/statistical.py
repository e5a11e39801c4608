"""Classical statistical members: `auto_arima` and `mstl`.

- `auto_arima_<days>`: one ARIMA a slot on its daily series, season 7, with regressors: the slot's
  drivers, their daily means, the daily values and the newest slot known. Orders and parameters are
  found every 28 days; a later day is a Kalman filter over the newest days with those parameters.
  Days of the same slot, not hours in a row, keep the state small: a season of 24 or 168 hours costs
  minutes a fit.
- `mstl_<days>`: the series of slots in a row, less a regression on its drivers, is decomposed into
  a daily and a weekly pattern (Bandara, Hyndman and Bergmeir 2021, arXiv 2107.13462); an ARIMA
  without season forecasts what is left. Regression and ARIMA parameters are estimated every 7 days,
  the decomposition anew for every day.

Not here: the estimation of one series (`arima`), gaps and regressors (`filled_history`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import arima
from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.base import MemberSpec, MemberUnavailableError
from energy_assets.forecasting.members.filled_history import FilledHistory, known_inputs
from energy_assets.forecasting.members.history import TargetHistory

_ARIMA_DAYS, _MSTL_DAYS = 364, 56
_PER_SLOT = arima.ArimaSettings()
_REMAINDER = arima.ArimaSettings(max_ar=2, max_ma=2, max_seasonal_ar=0, max_seasonal_ma=0)


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
                raise _unavailable("auto_arima", history, error) from error
            result[slot] = path[-1]
        return np.clip(self.outcome.inverse(result), *history.bounds)

    def dump(self) -> bytes:
        """The model as JSON."""
        content = {
            "trained_until": self.trained_until.isoformat(),
            "window_days": self.window_days,
            "inputs": self.inputs,
            "outcome": _transform_lists(self.outcome),
            "regressors": [_transform_lists(one) for one in self.regressors],
            "models": [asdict(model) for model in self.models],
        }
        return json.dumps(content).encode()


class AutoArima:
    """Member `auto_arima`: an ARIMA with regressors per slot.

    Args:
        window_days: Days it trains on and filters; 364 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name="auto_arima" if window_days is None else f"auto_arima_{window_days}",
            produces="points",
            minimum_days=56,
            window_days=window_days or _ARIMA_DAYS,
            retrain_days=28,
            cost_seconds=9.0,
            settings={"arima": asdict(_PER_SLOT)},
        )

    def fit(self, history: TargetHistory) -> FittedAutoArima:
        """Search orders and estimate parameters of every slot.

        Raises:
            MemberUnavailableError: Fewer than 56 days, or a slot that cannot be estimated.
        """
        window = self.spec.window_days or _ARIMA_DAYS
        cut = history.newest(window)
        inputs = known_inputs(cut)
        past = FilledHistory.of(cut, inputs)
        until = _require_days(self.spec, history, past.known)
        outcome = Asinh.fit(past.outcome)
        transformed = outcome.forward(past.outcome)
        transforms, models = [], []
        for slot in range(history.slots):
            columns, dummies = past.of_slot(slot)
            columns = columns[: past.known]
            transforms.append(Asinh.fit(columns, dummies))
            regressors = transforms[-1].forward(columns)
            try:
                models.append(arima.fit(transformed[:, slot], regressors, 7, _PER_SLOT))
            except InputError as error:
                raise _unavailable(self.spec.name, history, error) from error
        return FittedAutoArima(until, window, inputs, outcome, tuple(transforms), tuple(models))

    def load(self, content: bytes) -> FittedAutoArima:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        try:
            found = json.loads(content)
            return FittedAutoArima(
                date.fromisoformat(found["trained_until"]),
                int(found["window_days"]),
                tuple(found["inputs"]),
                _transform(found["outcome"]),
                tuple(_transform(one) for one in found["regressors"]),
                tuple(_arima(one) for one in found["models"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise _not_a_model(self.spec) from error


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
            raise _unavailable("mstl", history, error) from error
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
            "outcome": _transform_lists(self.outcome),
            "regressors": _transform_lists(self.regressors),
            "slopes": self.slopes,
            "model": asdict(self.model),
        }
        return json.dumps(content).encode()


class Mstl:
    """Member `mstl`: daily and weekly patterns, drivers, ARIMA of the rest.

    Args:
        window_days: Days it trains on and decomposes; 56 if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name="mstl" if window_days is None else f"mstl_{window_days}",
            produces="points",
            minimum_days=21,
            window_days=window_days or _MSTL_DAYS,
            retrain_days=7,
            cost_seconds=1.0,
            settings={"arima": asdict(_REMAINDER)},
        )

    def fit(self, history: TargetHistory) -> FittedMstl:
        """Regress on the drivers within slots of the week, then estimate the ARIMA.

        Raises:
            MemberUnavailableError: Fewer than 21 days, or a series that cannot be estimated.
        """
        window = self.spec.window_days or _MSTL_DAYS
        cut = history.newest(window)
        inputs = known_inputs(cut)
        past = FilledHistory.of(cut, inputs)
        until = _require_days(self.spec, history, past.known)
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
            raise _unavailable(self.spec.name, history, error) from error
        return FittedMstl(until, window, inputs, outcome, regressors, tuple(slopes.tolist()), model)

    def load(self, content: bytes) -> FittedMstl:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        try:
            found = json.loads(content)
            return FittedMstl(
                date.fromisoformat(found["trained_until"]),
                int(found["window_days"]),
                tuple(found["inputs"]),
                _transform(found["outcome"]),
                _transform(found["regressors"]),
                tuple(found["slopes"]),
                _arima(found["model"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise _not_a_model(self.spec) from error


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


def _require_days(spec: MemberSpec, history: TargetHistory, known: int) -> date:
    """Newest day known.

    Raises:
        MemberUnavailableError: Fewer days than the member needs.
    """
    until = history.trained_until
    if until is None or known < spec.minimum_days:
        expected = f"expected {spec.minimum_days} days, found {known}"
        raise MemberUnavailableError(f"{spec.name} for {history.target}: {expected}")
    return until


def _unavailable(name: str, history: TargetHistory, error: InputError) -> MemberUnavailableError:
    return MemberUnavailableError(f"{name} for {history.target}: {error}")


def _not_a_model(spec: MemberSpec) -> MemberUnavailableError:
    return MemberUnavailableError(
        f"{spec.name}: expected a model of this member, found other bytes"
    )


def _transform_lists(transform: Asinh) -> dict[str, list[Any]]:
    return {name: getattr(transform, name).tolist() for name in ("centre", "scale", "dummies")}


def _transform(found: dict[str, list[Any]]) -> Asinh:
    return Asinh(
        np.array(found["centre"], dtype=float),
        np.array(found["scale"], dtype=float),
        np.array(found["dummies"], dtype=bool),
    )


def _arima(found: dict[str, Any]) -> arima.Arima:
    p, d, q = found["order"]
    seasonal_p, seasonal_d, seasonal_q = found["seasonal"]
    return arima.Arima(
        (p, d, q),
        (seasonal_p, seasonal_d, seasonal_q),
        int(found["period"]),
        bool(found["has_mean"]),
        tuple(found["coefficients"]),
        tuple(found["used"]),
    )
