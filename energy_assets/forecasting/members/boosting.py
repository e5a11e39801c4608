"""Gradient boosting on pooled slots: members `boosting_1456` and `boosting_residuals_1456`.

One model of all slots of a day, by absolute error, on `period_features`. Trees cannot leave the
range of what they were fitted on, so a part of the outcome is taken off before and put on after:

- `boosting`: the mean of the newest week's level and the newest day's;
- `boosting_residuals`: a robust linear fit of each slot on the same features, so that the trees
  learn only what is not linear in them.

They differ from LEAR where prices bend (steep supply at high residual load, negative prices) and
from each other in what they extrapolate, which is what makes the mean of all better than each.

Rows and features are drawn at random for each tree, seeded by the name and the day of the anchor:
that gains more than more or deeper trees do. Days of many slots are thinned evenly to `_MOST_ROWS`
for the trees, so that a quarter-hour market costs little more than an hourly one.

Not here: the trees (`forecasting.boosted_trees`), the linear fit (`forecasting.robust_ridge`), the
features.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from energy_assets.forecasting import boosted_trees, robust_ridge
from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.period_features import (
    PeriodFeatures,
    period_features,
    reach_days,
)
from energy_assets.forecasting.robust_ridge import RobustRidge

if TYPE_CHECKING:
    import lightgbm

SETTINGS = boosted_trees.TreeSettings(
    trees=300,
    learning_rate=0.05,
    num_leaves=31,
    min_data_in_leaf=20,
    feature_fraction=0.3,
    bagging_fraction=0.5,
    max_bin=63,
)
_RIDGE_ROWS = 300.0
_MINIMUM_DAYS = 56
_MOST_ROWS = 40_000


@dataclass(frozen=True)
class FittedBoosting:
    """A fitted ensemble.

    Attributes:
        trees: The ensemble; predicts the outcome less the baseline.
        linear: The baseline's linear fit; None where the baseline is the level.
        names: Of the features, in order.
        trained_until: Newest day it was fitted on.
    """

    trees: lightgbm.Booster
    linear: RobustRidge | None
    names: tuple[str, ...]
    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Median path of the last day, (S,); a part of the features may be missing.

        Raises:
            MemberUnavailableError: A driver has no value on the day, other drivers than the model
                knows, or no outcome of the newest week is known.
        """
        _require_drivers(history)
        features = period_features(history.newest(reach_days(history)))
        if features.names != self.names:
            unlike = sorted(set(features.names) ^ set(self.names)) or ["their order"]
            msg = f"boosting for {history.target}: fitted on other inputs, {', '.join(unlike[:4])}"
            raise MemberUnavailableError(msg)
        if not np.isfinite(features.level[-1]):
            msg = f"boosting for {history.target}: no outcome known in the week to {history.day}"
            raise MemberUnavailableError(msg)
        baseline = _baseline(features, self.linear)[-1]
        path = baseline + np.asarray(self.trees.predict(features.values[-1], num_threads=1))
        bounded: FloatArray = np.clip(path, *history.bounds)
        return bounded

    def dump(self) -> bytes:
        """JSON of names, linear fit and LightGBM's text form, compressed."""
        content = {
            "names": self.names,
            "trained_until": self.trained_until.isoformat(),
            "trees": self.trees.model_to_string(),
            "linear": None if self.linear is None else _as_lists(self.linear),
        }
        return zlib.compress(json.dumps(content).encode())


class BoostingMember:
    """Member `boosting`: gradient boosting on a window of days, beside the newest level.

    Args:
        window_days: Training window; all history if None.
    """

    family = "boosting"
    # CPU seconds of one fit on 1456 hourly days with two drivers.
    cost_seconds = 2.0
    ridge_rows: float | None = None

    def __init__(self, window_days: int | None = None) -> None:
        self.spec = MemberSpec(
            name=windowed_name(self.family, window_days),
            produces="points",
            minimum_days=_MINIMUM_DAYS,
            window_days=window_days,
            # Every 7 days is 1 % better on a validation year and costs four times as much.
            retrain_days=28,
            cost_seconds=self.cost_seconds,
            settings={
                "trees": asdict(SETTINGS),
                "most_rows": _MOST_ROWS,
                "ridge_rows": self.ridge_rows,
            },
        )

    def fit(self, history: TargetHistory) -> FittedBoosting:
        """Fit one ensemble to all slots of the newest days of the window.

        Raises:
            MemberUnavailableError: Fewer than 56 days with a known outcome, a slot never known
                where there is a linear fit, or a driver has no value on the last day.
        """
        _require_drivers(history)
        window = self.spec.window_days
        reach = history if window is None else history.newest(window + reach_days(history))
        features = period_features(reach)
        known = _trainable(reach, features, window)
        self._require_days(history, known)
        linear = None
        if self.ridge_rows is not None:
            target = np.where(known, reach.outcome - features.level[:, None], np.nan)
            days = known.any(axis=1)
            linear = robust_ridge.fit(_linear_design(features)[days], target[days], self.ridge_rows)
        rows = _thinned(known, reach.days[0])
        trees = boosted_trees.fit_trees(
            features.values[rows],
            (reach.outcome - _baseline(features, linear))[rows],
            SETTINGS,
            seed=zlib.crc32(f"{self.spec.name} {history.day}".encode()),
        )
        assert history.trained_until is not None
        return FittedBoosting(trees, linear, features.names, history.trained_until)

    def load(self, content: bytes) -> FittedBoosting:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is something else.
        """
        from lightgbm.basic import LightGBMError

        try:
            found = json.loads(zlib.decompress(content))
            trees = boosted_trees.trees_from_text(found["trees"])
            linear = None if found["linear"] is None else _from_lists(found["linear"])
            until = date.fromisoformat(found["trained_until"])
            return FittedBoosting(trees, linear, tuple(found["names"]), until)
        except (zlib.error, ValueError, KeyError, TypeError, LightGBMError) as error:
            msg = f"{self.spec.name}: expected a boosting model, found other bytes"
            raise MemberUnavailableError(msg) from error

    def _require_days(self, history: TargetHistory, known: BoolArray) -> None:
        days = int(known.any(axis=1).sum())
        if days < _MINIMUM_DAYS:
            msg = f"{self.spec.name} for {history.target}: {days} days known of {_MINIMUM_DAYS}"
            raise MemberUnavailableError(msg)
        if self.ridge_rows is not None and not known.any(axis=0).all():
            msg = f"{self.spec.name} for {history.target}: a slot of the day was never known"
            raise MemberUnavailableError(msg)


class ResidualBoostingMember(BoostingMember):
    """Member `boosting_residuals`: gradient boosting on what a robust linear fit leaves."""

    family = "boosting_residuals"
    cost_seconds = 3.5
    ridge_rows = _RIDGE_ROWS


def _baseline(features: PeriodFeatures, linear: RobustRidge | None) -> FloatArray:
    """What trees are not asked to learn, (N, S); from the level alone where a lag is missing."""
    if linear is not None:
        return features.level[:, None] + linear.predict(_linear_design(features))
    half_way = 0.5 * features.column("newest_mean")
    return features.level[:, None] + np.where(np.isfinite(half_way), half_way, 0.0)


def _linear_design(features: PeriodFeatures) -> FloatArray:
    """The features with weekdays as seven dummies, (N, S, F + 7)."""
    dummies = features.column("weekday")[..., None] == np.arange(7)
    return np.concatenate([features.values, dummies], axis=2)


def _trainable(history: TargetHistory, features: PeriodFeatures, window: int | None) -> BoolArray:
    """Slots to fit on, (N, S): in the window, with outcome, level and all drivers known."""
    known = np.isfinite(history.outcome) & np.isfinite(features.level)[:, None]
    for values in history.drivers.values():
        known &= np.isfinite(values)
    known[-1] = False
    if window is not None:
        known[: max(len(known) - 1 - window, 0)] = False
    return known


def _thinned(known: BoolArray, first_day: date) -> tuple[IntArray, IntArray]:
    """Day and slot of the rows for the trees: every k-th, of all days and all slots in turn."""
    day, slot = np.nonzero(known)
    stride = -(-len(day) // _MOST_ROWS)
    kept = (first_day.toordinal() + day + slot) % stride == 0
    return day[kept], slot[kept]


def _require_drivers(history: TargetHistory) -> None:
    for name, values in history.drivers.items():
        if not np.isfinite(values[-1]).any():
            msg = f"boosting for {history.target}: expected {name} of {history.day}, found none"
            raise MemberUnavailableError(msg)


def _as_lists(linear: RobustRidge) -> dict[str, list[object]]:
    return {field.name: getattr(linear, field.name).tolist() for field in fields(linear)}


def _from_lists(content: dict[str, list[object]]) -> RobustRidge:
    return RobustRidge(**{name: np.array(values, float) for name, values in content.items()})
