"""LEAR as a member: `lear_56`, `lear_1456`, … fitted anew for every day.

The model, its penalty and its solver are `forecasting.lear`; this module lays out a
`TargetHistory` for it. Lags and drivers enter by hour whatever the slots (a quarter-hour day would
have four times as many features that say the same), targets by slot: the path for 24, 48 and 96
slots is one.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import lear
from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.archives import archive
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory, is_dummy

_LAG_DAYS = 7


@dataclass(frozen=True)
class FittedLear:
    """A fitted LEAR; a feature that was missing on the anchor's day is not used."""

    model: lear.LearModel
    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Median path of the last day, (S,).

        Raises:
            MemberUnavailableError: A feature the model uses is missing.
        """
        features, _ = _features(history)
        row = features[-1]
        if not np.isfinite(row[self.model.used]).all():
            msg = f"lear for {history.target}: expected every input of {history.day}, found gaps"
            raise MemberUnavailableError(msg)
        return np.clip(self.model.predict(row), *history.bounds)

    def dump(self) -> bytes:
        """The model as a NumPy archive without pickles."""
        arrays = {
            "used": self.model.used,
            "coefficients": self.model.coefficients,
            "intercepts": self.model.intercepts,
            "penalties": self.model.penalties,
            "limits": self.model.limits,
            "trained_until": np.array(self.trained_until.isoformat()),
            **self.model.inputs.arrays("inputs_"),
            **self.model.outputs.arrays("outputs_"),
        }
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()


class LearMember:
    """LEAR on a window of days.

    Args:
        window_days: Calibration window; all history if None.
    """

    def __init__(self, window_days: int | None = None) -> None:
        days = window_days or 1456
        self.spec = MemberSpec(
            name=windowed_name("lear", window_days),
            produces="points",
            minimum_days=lear.MINIMUM_ROWS + _LAG_DAYS,
            window_days=window_days,
            retrain_days=1,
            # 0.03 s at 56 days to 0.2 s at 1456, two drivers.
            cost_seconds=round(0.03 + 0.00012 * days, 3),
            settings={"lear": asdict(lear.DEFAULT_CONFIG)},
        )

    def fit(self, history: TargetHistory) -> FittedLear:
        """Fit all slots of a day on the newest days of the window.

        Raises:
            MemberUnavailableError: Fewer than 14 days without gaps.
        """
        features, dummies = _features(history)
        used = np.flatnonzero(np.isfinite(features[-1]))
        first = 0 if self.spec.window_days is None else -1 - self.spec.window_days
        rows = slice(first, -1)
        try:
            model = lear.fit_columns(features[rows], history.outcome[rows], used, dummies=dummies)
        except InputError as error:
            msg = f"{self.spec.name} for {history.target}: {error}"
            raise MemberUnavailableError(msg) from error
        assert history.trained_until is not None
        return FittedLear(model, history.trained_until)

    def load(self, content: bytes) -> FittedLear:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such archive.
        """
        with archive(content, f"{self.spec.name}: expected a LEAR model") as found:
            inputs = Asinh.from_arrays(found, "inputs_")
            outputs = Asinh.from_arrays(found, "outputs_")
            names = ("used", "coefficients", "intercepts", "penalties", "limits")
            model = lear.LearModel(inputs, outputs, *(found[name] for name in names))
            return FittedLear(model, date.fromisoformat(str(found["trained_until"])))


def _features(history: TargetHistory) -> tuple[FloatArray, BoolArray]:
    """Features of every day, (N, F), and the mask of dummies, (F,)."""
    daily = sorted(history.daily, key=is_dummy)
    columns = [history.daily[name][:, None] for name in daily]
    features, dummies = lear.feature_matrix(
        _by_hour(history.outcome),
        [_by_hour(values) for values in history.drivers.values()],
        history.weekday.astype(np.int64),
        columns,
    )
    first_dummy = features.shape[1] - 7 - sum(map(is_dummy, daily))
    return features, dummies | (np.arange(features.shape[1]) >= first_dummy)


def _by_hour(values: FloatArray) -> FloatArray:
    per_hour = values.shape[1] // 24
    return values if per_hour == 1 else values.reshape(len(values), 24, per_hour).mean(axis=2)
