"""Member forecasts as the combination reads them: which members count, and cuts of the days.

Belongs here: the input type, the choice of usable members, one cut per fit. Not here: statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting.arrays import BoolArray, FloatArray

LEVELS = 99
# A member serves once it forecast this share of the days its weight would be learnt from.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class MemberForecasts:
    """Out-of-sample member forecasts: rows are consecutive days, the day to forecast last.

    Attributes:
        days: Delivery days, consecutive, (N,).
        points: Forecasts of point members, each (N, S); NaN where a member had none.
        quantiles: Forecasts of quantile members, each (N, S, 99).
        outcome: What came true, (N, S); NaN where unknown, so in the last `outcome_lag` rows.
        bounds: Least and greatest possible outcome.
        outcome_lag: The newest outcome a decision knows is that many rows before its day.
    """

    days: Sequence[date]
    points: Mapping[str, FloatArray]
    quantiles: Mapping[str, FloatArray]
    outcome: FloatArray
    bounds: tuple[float, float] = (-np.inf, np.inf)
    outcome_lag: int = 1

    def __post_init__(self) -> None:
        shape = self.outcome.shape
        expected = dict.fromkeys(("outcome", *self.points), shape)
        expected |= dict.fromkeys(self.quantiles, (*shape, LEVELS))
        given = {"outcome": self.outcome, **self.points, **self.quantiles}
        if len(self.days) != shape[0] or set(self.points) & set(self.quantiles):
            where = "member forecasts"
            names = (len(self.days), sorted(set(self.points) & set(self.quantiles)))
            raise InputError(where, expected=f"{shape[0]} days and distinct names", found=names)
        for name, values in given.items():
            if values.shape != expected[name]:
                where = f"member forecasts of {name}"
                raise InputError(where, expected=f"shape {expected[name]}", found=values.shape)

    def until(self, row: int, days_before: int) -> MemberForecasts:
        """As of the decision of one row: that many days before it, later outcomes blanked."""
        rows = slice(max(row - days_before, 0), row + 1)
        outcome = self.outcome[rows].copy()
        outcome[max(len(outcome) - self.outcome_lag, 0) :] = np.nan
        return MemberForecasts(
            self.days[rows],
            {name: values[rows] for name, values in self.points.items()},
            {name: values[rows] for name, values in self.quantiles.items()},
            outcome,
            self.bounds,
            self.outcome_lag,
        )


@dataclass(frozen=True)
class Cut:
    """Days one fit is made on, and the days it serves, of the members that are usable.

    Attributes:
        points: (R, S, M): members, and the medians of quantile members; no gap in a row that has
            any member.
        distribution: Mean of the quantile members, (R, S, 99); NaN where there is none.
        outcome: (R, S), NaN where unknown.
        served: The last so many rows are forecast, those before are trained on.
        lag: Rows from a day back to the newest outcome its decision knows.
        bounds: Least and greatest possible outcome.
        names: Of the members, in the order of `points`.
    """

    points: FloatArray
    distribution: FloatArray | None
    outcome: FloatArray
    served: int
    lag: int
    bounds: tuple[float, float]
    names: tuple[str, ...] = field(default=())

    @property
    def train(self) -> BoolArray:
        """Cells to learn from: known at the decision of the first day served, (R, S)."""
        known = np.asarray(np.isfinite(self.outcome) & np.isfinite(self.points).all(axis=-1))
        if self.distribution is not None:
            known &= np.isfinite(self.distribution).all(axis=-1)
        known[max(len(known) - self.served - self.lag + 1, 0) :] = False
        return known

    def keys(self) -> tuple[bytes, bytes]:
        """Digest of what a fit depends on, and of what it serves beside."""
        first, early = len(self.outcome) - self.served, len(self.outcome) - self.served - self.lag
        about = repr((self.outcome.shape, self.served, self.lag, self.bounds, self.names))
        fit, serve = blake2b(about.encode(), digest_size=16), blake2b(digest_size=16)
        for values, border in (
            (self.points, first),
            (self.distribution, first),
            (self.outcome, early + 1),
        ):
            if values is not None:
                fit.update(values[:border].tobytes())
                serve.update(values[border:].tobytes())
        return fit.digest(), serve.digest()


def usable_members(past: MemberForecasts, window_days: int) -> tuple[list[str], dict[str, str]]:
    """Members that forecast the last day and enough of the days before, and why others do not.

    Raises:
        InputError: No member is left.
    """
    used, left_out = [], {}
    before = slice(max(len(past.days) - 1 - window_days, 0), -1)
    known: BoolArray = np.asarray(np.isfinite(past.outcome[before]).any(axis=1))
    for name, values in {**past.points, **past.quantiles}.items():
        days: BoolArray = np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if not days[-1]:
            left_out[name] = f"no forecast for {past.days[-1]}"
        elif days[before][known].sum() < LEAST_SHARE * known.sum():
            left_out[name] = f"fewer than half of the {int(known.sum())} days before"
        else:
            used.append(name)
    if not used:
        found = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "no member"
        raise InputError("member forecasts", expected="a usable member", found=found)
    return used, left_out


def cut(past: MemberForecasts, names: Sequence[str], first: int, window: int, served: int) -> Cut:
    """Cut the days to fit on and to serve from row `first` on.

    Members without a forecast on half of the days to fit on are left out. Rows beyond the day
    before the last are empty, so that every block has one shape, whatever day it is.

    Args:
        past: The forecasts.
        names: Members to use.
        first: First row served.
        window: Rows before it to fit on; fewer if there are not so many.
        served: Rows served; the last row of `past` only if it is the first one.
    """
    start = max(first - window, 0)
    last = len(past.days) if first == len(past.days) - 1 else len(past.days) - 1
    stop = min(first + served, last)
    missing = first + served - stop

    def rows(values: FloatArray) -> FloatArray:
        pad = [(0, missing)] + [(0, 0)] * (values.ndim - 1)
        return np.pad(values[start:stop], pad, constant_values=np.nan)

    kept = [name for name in names if _enough(past, name, start, first)]
    central = [
        rows(past.points[name] if name in past.points else past.quantiles[name][..., LEVELS // 2])
        for name in kept
    ]
    points = np.stack(central, axis=-1) if central else np.zeros((*rows(past.outcome).shape, 0))
    distributions = [rows(past.quantiles[name]) for name in kept if name in past.quantiles]
    return Cut(
        _filled(points),
        _mean_of(distributions) if distributions else None,
        rows(past.outcome),
        served,
        past.outcome_lag,
        past.bounds,
        tuple(kept),
    )


def _enough(past: MemberForecasts, name: str, start: int, first: int) -> bool:
    values = past.points[name] if name in past.points else past.quantiles[name][..., 0]
    days = np.isfinite(values[start:first]).all(axis=1)
    return bool(days.sum() >= LEAST_SHARE * max(first - start, 1))


def _filled(points: FloatArray) -> FloatArray:
    """Gaps take the mean of the members there are: they then say nothing of their own."""
    if not points.shape[-1]:
        return points
    filled: FloatArray = np.where(np.isfinite(points), points, mean_known(points)[..., None])
    return filled


def mean_known(values: FloatArray) -> FloatArray:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    result: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _mean_of(distributions: list[FloatArray]) -> FloatArray:
    return np.sort(mean_known(np.stack(distributions, axis=-1)), axis=-1)
