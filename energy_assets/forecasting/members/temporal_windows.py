"""What TiDE is trained on and asked with: scaled windows of a `TargetHistory`, one a day.

A window is seven days of outcome and the day after, with drivers and daily values over all eight:
one data set entry a day, so that every forecast starts at a day's first slot and a day with gaps
costs the windows it lies in. The weekday of the day to forecast is the entry's static category.
Outcome and covariates are asinh-scaled, dummies left alone; a scaling is fitted once, stored with
the networks and used for every later day.

Belongs here: scaling, its stored form, windows as GluonTS reads them. Not here: networks and the
member (`temporal`), the transform (`forecasting.asinh`), what a decision knows (`history`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray
from energy_assets.forecasting.asinh import Asinh
from energy_assets.forecasting.members.history import TargetHistory, is_dummy

CONTEXT_DAYS = 7


@dataclass(frozen=True)
class Scaling:
    """Transforms of outcome and covariates, one column a series, and what they were fitted on.

    Attributes:
        outcome: Of the outcome, all slots alike.
        covariates: Of `drivers`, then `daily`.
        drivers: Names of the drivers used.
        daily: Names of the daily values used.
        limits: Lowest and highest scaled quantile.
    """

    outcome: Asinh
    covariates: Asinh
    drivers: list[str]
    daily: list[str]
    limits: tuple[float, float]

    @classmethod
    def fit(cls, history: TargetHistory, first: int, margin: float) -> Scaling:
        """Take scales from the rows from `first` to the day before the last.

        A driver or daily value unknown for the last day is not used.
        """
        drivers = [name for name, v in history.drivers.items() if np.isfinite(v[-1]).all()]
        daily = [name for name, v in history.daily.items() if np.isfinite(v[-1])]
        rows = slice(first, -1)
        columns = [history.drivers[name][rows].ravel() for name in drivers]
        columns += [history.daily[name][rows] for name in daily]
        dummies = [False] * len(drivers) + [is_dummy(name) for name in daily]
        outcome = _fit_column(history.outcome[rows].ravel())
        scaled = outcome.forward(history.outcome[rows].reshape(-1, 1))
        return cls(
            outcome,
            _side_by_side([_fit_column(column) for column in columns], dummies),
            drivers,
            daily,
            (float(np.nanmin(scaled)) - margin, float(np.nanmax(scaled)) + margin),
        )

    def covariates_of(self, history: TargetHistory) -> FloatArray:
        """Scaled covariates by day and slot, (C, N, S)."""
        shape = history.outcome.shape
        columns = [history.drivers[name] for name in self.drivers]
        columns += [np.broadcast_to(history.daily[name][:, None], shape) for name in self.daily]
        if not columns:
            return np.empty((0, *shape))
        return np.moveaxis(self.covariates.forward(np.stack(columns, axis=-1)), -1, 0)

    @classmethod
    def from_content(cls, found: Mapping[str, Any]) -> Scaling:
        """What `to_content` gave; other names are left alone.

        Raises:
            KeyError: A name is missing.
            TypeError: Something else stands under a name.
            ValueError: As for `TypeError`.
        """
        lowest, highest = found["limits"]
        return cls(
            Asinh.from_arrays(found["outcome"]),
            Asinh.from_arrays(found["covariates"]),
            list(found["drivers"]),
            list(found["daily"]),
            (lowest, highest),
        )

    def to_content(self) -> dict[str, Any]:
        """Tensors and plain values by name; stored models hold these names, so they stay."""
        return {
            "drivers": self.drivers,
            "daily": self.daily,
            "limits": list(self.limits),
            "outcome": _tensors(self.outcome),
            "covariates": _tensors(self.covariates),
        }


class Windows:
    """Data set entries of a history, scaled once.

    Args:
        history: Days to make windows of.
        scaling: Fitted on this history or an earlier one.

    Attributes:
        covariates: Scaled covariates by day and slot, (C, N, S).
    """

    def __init__(self, history: TargetHistory, scaling: Scaling) -> None:
        self._history = history
        self.covariates = scaling.covariates_of(history)
        self._outcome = scaling.outcome.forward(history.outcome[..., None])[..., 0]
        known = np.isfinite(self.covariates).all(axis=(0, 2))
        self._known_inputs: BoolArray = np.asarray(known, dtype=bool)
        complete = np.isfinite(history.outcome).all(axis=1)
        self._known_outcome: BoolArray = np.asarray(complete, dtype=bool)

    def usable(self, row: int, *, with_outcome: bool = True) -> bool:
        """Whether all of a day's window that a decision knows is there."""
        first = row - CONTEXT_DAYS
        if first < 0 or not self._known_inputs[first : row + 1].all():
            return False
        known = self._known_outcome[first : row + 1 - self._history.outcome_lag].all()
        return bool(known and (not with_outcome or self._known_outcome[row]))

    def entry(self, row: int, *, with_outcome: bool = True) -> dict[str, Any]:
        """A day's window as GluonTS has it.

        Outcomes the decision would not have known are at their median, zero on this scale.
        """
        import pandas as pd

        first = row - CONTEXT_DAYS
        outcome = self._outcome[first : row + 1].copy()
        outcome[CONTEXT_DAYS + 1 - self._history.outcome_lag : CONTEXT_DAYS] = 0.0
        days = row + 1 - first
        covariates = self.covariates[:, first : row + 1].reshape(
            len(self.covariates), days * self._history.slots
        )
        minutes = 1440 // self._history.slots
        return {
            "start": pd.Period(self._history.days[first], freq=f"{minutes}min"),
            "target": outcome[: None if with_outcome else -1].ravel().astype(np.float32),
            "feat_static_cat": np.array([self._history.days[row].weekday()]),
            "feat_dynamic_real": covariates.astype(np.float32),
        }


def _fit_column(values: FloatArray) -> Asinh:
    known = values[np.isfinite(values)]
    return Asinh.fit((known if known.size else np.zeros(1))[:, None])


def _side_by_side(columns: list[Asinh], dummies: list[bool]) -> Asinh:
    centre = np.array([column.centre[0] for column in columns])
    scale = np.array([column.scale[0] for column in columns])
    return Asinh(centre, scale, np.array(dummies, dtype=bool))


def _tensors(transform: Asinh) -> dict[str, Any]:
    import torch

    return {name: torch.from_numpy(values) for name, values in transform.arrays().items()}
