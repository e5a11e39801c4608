"""Quantile gradient boosting for weather-driven targets: `output_quantiles_364` and the like.

One ensemble per level of a coarse set, on features of `weather_features`, all slots of a day
pooled; the 99 percentiles lie between the levels (`level_interpolation`). Three things make it fit
wind, solar and load alike:

- a *baseline* where a driver forecasts the target itself (an operator's load forecast): a straight
  line on it. Trees then learn what is left, and can follow a load to where it has never been.
  Anything else is learned as it is: recent levels as a baseline made load worse on validation days;
- *bounds* censor: what lies beyond 0 or capacity is mass at the bound;
- *dark* slots, without sun in the forecast or the hour around it, are left out of the fit and are
  the lower bound exactly, where past dark slots were.

Neighbouring slots say nearly the same, so days of 48 or 96 slots give 24 rows to the fit, another
quarter-hour each day, and windows of n years every nth of them: the cost is that of a year of
hourly days.

Boosted trees on weather forecasts stayed the most competitive approach in the last open contest
(HEFTCom2024, Browell et al. 2025, arXiv:2507.01579).

Not here: recalibration on past forecasts (the ensemble's), features.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.boosted_trees import (
    TreeSettings,
    fit_quantile_trees,
    trees_from_text,
)
from energy_assets.forecasting.level_interpolation import percentiles_of
from energy_assets.forecasting.members.base import (
    MemberSpec,
    MemberUnavailableError,
    windowed_name,
)
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.weather_features import (
    MEMORY_DAYS,
    WEATHER,
    SlotFeatures,
    dark_slots,
    past_levels,
    slot_features,
)

if TYPE_CHECKING:
    import lightgbm

LEVELS = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
TREES = TreeSettings(
    trees=100,
    learning_rate=0.05,
    num_leaves=15,
    min_data_in_leaf=60,
    feature_fraction=0.5,
    bagging_fraction=0.5,
)
RETRAIN_DAYS = 28
_MINIMUM_DAYS = 28
_DEFAULT_DAYS = 364
_NEWEST_DAYS = 7
# Days that enter a fit with an hour's worth of slots each; of longer windows every so many hours.
_FULL_DAYS = 364
# Below seven: a slot that took its turn every seven days would always be of the same weekday.
_MOST_YEARS = 6
# Share of the variance a driver must explain to be taken for a forecast of the target itself.
_BASELINE_SHARE = 0.8
# A dark slot counts as zero output below this share of the greatest outcome (standby noise).
_DARK_SHARE = 0.005


@dataclass(frozen=True)
class Baseline:
    """A straight line on the driver that forecasts the target itself.

    Attributes:
        driver: Its name; None where no driver does.
        slope: Per unit of the driver.
        constant: In the target's unit.
    """

    driver: str | None = None
    slope: float = 0.0
    constant: float = 0.0

    def of(self, features: SlotFeatures) -> FloatArray:
        """Its value, (days, S); NaN where the driver is."""
        if self.driver is None:
            return np.zeros(features.values.shape[:2])
        return self.slope * features.column(self.driver) + self.constant


@dataclass(frozen=True)
class FittedOutputQuantiles:
    """Trained ensembles.

    Attributes:
        levels: Rising probability levels.
        trees: One ensemble per level.
        drivers: Drivers it uses.
        baseline: What the trees' output is added to.
        dark_is_zero: Dark slots are the lower bound.
        trained_until: Newest day with an outcome.
    """

    levels: tuple[float, ...]
    trees: tuple[lightgbm.Booster, ...]
    drivers: tuple[str, ...]
    baseline: Baseline
    dark_is_zero: bool
    trained_until: date

    def predict(self, history: TargetHistory) -> FloatArray:
        """Percentiles of the last day, (S, 99).

        Raises:
            MemberUnavailableError: A driver it uses is missing.
        """
        recent = history.newest(MEMORY_DAYS + history.outcome_lag)
        last = np.array([len(recent.days) - 1])
        gaps = [
            name
            for name in self.drivers
            if name not in recent.drivers or not np.isfinite(recent.drivers[name][-1]).all()
        ]
        if gaps:
            msg = f"output_quantiles for {history.target}: expected {', '.join(gaps)}"
            raise MemberUnavailableError(f"{msg} of {history.day}, found gaps")
        features = _features(recent, last, self.drivers, self.baseline.driver)
        (base,) = self.baseline.of(features)
        found = np.stack([trees.predict(features.values[0]) for trees in self.trees], axis=1)
        result = np.clip(percentiles_of(self.levels, found + base[:, None]), *history.bounds)
        if self.dark_is_zero:
            result[dark_slots(recent, last)[0]] = history.bounds[0]
        return result

    def dump(self) -> bytes:
        """The model as compressed JSON; trees in the library's text form."""
        content = {
            "levels": self.levels,
            "trees": [trees.model_to_string() for trees in self.trees],
            "drivers": self.drivers,
            "baseline": asdict(self.baseline),
            "dark_is_zero": self.dark_is_zero,
            "trained_until": self.trained_until.isoformat(),
        }
        return zlib.compress(json.dumps(content).encode())


class OutputQuantilesMember:
    """Member `output_quantiles_<days>`.

    Args:
        window_days: Days trained on; 364 if None.
        levels: Probability levels fitted.
        trees: How each level's ensemble is grown.
    """

    def __init__(
        self,
        window_days: int | None = None,
        levels: Sequence[float] = LEVELS,
        trees: TreeSettings = TREES,
    ) -> None:
        days = window_days or _DEFAULT_DAYS
        self.levels, self.trees = tuple(levels), trees
        self.spec = MemberSpec(
            name=windowed_name("output_quantiles", window_days),
            produces="quantiles",
            minimum_days=_MINIMUM_DAYS,
            window_days=days,
            retrain_days=RETRAIN_DAYS,
            # 0.4 s at 91 days, 1 s from 364 days on; one to four drivers.
            cost_seconds=round(0.2 + 0.0022 * min(days, _FULL_DAYS), 2),
            settings={"levels": self.levels, "trees": asdict(trees)},
        )

    def fit(self, history: TargetHistory) -> FittedOutputQuantiles:
        """Fit every level on the newest days of the window.

        Raises:
            MemberUnavailableError: Fewer than 28 days with outcomes, or no driver of them.
        """
        assert self.spec.window_days is not None
        count = len(history.days)
        rows = np.arange(max(count - 1 - self.spec.window_days, 0), count - 1)
        outcome = history.outcome[rows]
        days = int(np.isfinite(outcome).any(axis=1).sum())
        if days < _MINIMUM_DAYS or history.trained_until is None:
            msg = f"{self.spec.name} for {history.target}: expected {_MINIMUM_DAYS} days"
            raise MemberUnavailableError(f"{msg} with outcomes, found {days}")
        drivers = self._drivers(history, rows)
        baseline = _baseline(history, rows, drivers)
        features = _features(history, rows, drivers, baseline.driver)
        dark = dark_slots(history, rows)
        known = np.isfinite(outcome) & ~dark & _thinned(history, rows)
        if not known.any():
            msg = f"{self.spec.name} for {history.target}: expected outcomes in daylight"
            raise MemberUnavailableError(f"{msg}, found none")
        left = outcome - baseline.of(features)
        known &= np.isfinite(left)
        trees = fit_quantile_trees(
            features.values[known],
            left[known],
            self.trees,
            self.levels,
            seed=history.day.toordinal(),
        )
        return FittedOutputQuantiles(
            self.levels,
            tuple(trees),
            drivers,
            baseline,
            _dark_is_zero(outcome[dark], history),
            history.trained_until,
        )

    def load(self, content: bytes) -> FittedOutputQuantiles:
        """Read what `dump` wrote.

        Raises:
            MemberUnavailableError: It is no such model.
        """
        from lightgbm.basic import LightGBMError

        try:
            found = json.loads(zlib.decompress(content))
            return FittedOutputQuantiles(
                tuple(found["levels"]),
                tuple(trees_from_text(text) for text in found["trees"]),
                tuple(found["drivers"]),
                Baseline(**found["baseline"]),
                bool(found["dark_is_zero"]),
                date.fromisoformat(found["trained_until"]),
            )
        except (zlib.error, ValueError, KeyError, TypeError, LightGBMError) as error:
            msg = f"{self.spec.name}: expected trained ensembles, found other bytes"
            raise MemberUnavailableError(msg) from error

    def _drivers(self, history: TargetHistory, rows: IntArray) -> tuple[str, ...]:
        """Drivers with values for half of the days and for one of the newest week."""
        there = []
        for name, values in history.drivers.items():
            whole: BoolArray = np.asarray(np.isfinite(values[rows]).all(axis=1), dtype=bool)
            if whole.mean() >= 0.5 and whole[-_NEWEST_DAYS:].any():
                there.append(name)
        if history.drivers and not there:
            msg = f"{self.spec.name} for {history.target}: expected a driver with values"
            raise MemberUnavailableError(f"{msg} for half of the days, found none")
        return tuple(there)


def _features(
    history: TargetHistory, rows: IntArray, drivers: Sequence[str], forecast: str | None
) -> SlotFeatures:
    """Features of the days, and the newest errors of the forecast driver if there is one."""
    used = TargetHistory(
        history.target,
        history.days,
        history.outcome,
        {name: history.drivers[name] for name in drivers},
        history.daily,
        history.bounds,
        history.outcome_lag,
    )
    features = slot_features(used, rows)
    if forecast is None:
        return features
    errors = past_levels(
        "error", history.outcome - history.drivers[forecast], rows, history.outcome_lag
    )
    shape = features.values.shape[:2]
    columns = [np.broadcast_to(values, shape)[:, :, None] for values in errors.values()]
    values = np.concatenate([features.values, *columns], axis=2)
    return SlotFeatures((*features.names, *errors), values)


def _baseline(history: TargetHistory, rows: IntArray, drivers: Sequence[str]) -> Baseline:
    """Least squares on the driver that explains the target best, if well enough."""
    best, most = Baseline(), _BASELINE_SHARE
    for name in drivers:
        if name.startswith(WEATHER):
            continue
        x, y = history.drivers[name][rows], history.outcome[rows]
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
        if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        share = float(np.corrcoef(x, y)[0, 1] ** 2)
        if share >= most:
            slope = float(np.cov(x, y)[0, 1] / x.var(ddof=1))
            best, most = Baseline(name, slope, float(y.mean() - slope * x.mean())), share
    return best


def _thinned(history: TargetHistory, rows: IntArray) -> BoolArray:
    """Some slots of each day, others the next, so that the rows stay about 24 times 364, (n, S)."""
    years = min(-(-len(rows) // _FULL_DAYS), _MOST_YEARS)
    step = history.slots // 24 * years
    slot = np.arange(history.slots)[None] % step
    turn = np.array([history.days[row].toordinal() for row in rows])[:, None] % step
    return np.asarray(slot == turn, dtype=bool)


def _dark_is_zero(outcome: FloatArray, history: TargetHistory) -> bool:
    """Whether dark slots were at the lower bound: at least 99 of a hundred, but for noise."""
    known = outcome[np.isfinite(outcome)]
    low = history.bounds[0]
    if known.size == 0 or not np.isfinite(low):
        return False
    noise = _DARK_SHARE * (float(np.nanmax(history.outcome)) - low)
    return bool((known <= low + noise).mean() >= 0.99)
