"""Features of every slot of every day, for models that pool the slots of a day.

One row is one slot of one day; 24, 48 and 96 slots go the same way, because distances within a day
are counted in hours. A feature of day i reads outcomes up to row i - `outcome_lag` and drivers and
daily values up to row i, so that a value holds whatever the later rows hold. What is unknown is
NaN: trees take it as it is.

Belongs here: the layout of a `TargetHistory` for pooled models, and its names. Not here: the models
(`boosting`), features by day (`lear`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import FloatArray
from energy_assets.forecasting.members.history import TargetHistory

_MONTH_DAYS = 28
_RENEWABLE_WORDS = ("wind", "solar", "pv", "photovoltaic", "renewable")
_DRIVER_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_OUTCOME_NEIGHBOURS = (-2, -1, 1, 2)


def reach_days(history: TargetHistory) -> int:
    """Days before a day that its features read."""
    return _MONTH_DAYS + history.outcome_lag


@dataclass(frozen=True)
class PeriodFeatures:
    """Features of all slots.

    Attributes:
        names: Of the features, (F,).
        values: (N, S, F); NaN is unknown.
        level: Mean outcome of the newest week known at each day's decision, (N,).
    """

    names: tuple[str, ...]
    values: FloatArray
    level: FloatArray

    def column(self, name: str) -> FloatArray:
        """One feature, (N, S)."""
        return self.values[..., self.names.index(name)]


def period_features(history: TargetHistory) -> PeriodFeatures:
    """Lay out a history by slot.

    Outcomes and their statistics are given relative to the level of the newest week, beside the
    level itself, so that what is learnt at one price level serves at another.
    """
    level = _level(history)
    columns = _calendar(history)
    for name, values in driver_series(history.drivers).items():
        columns |= _driver(name, values)
    columns |= _outcomes(history, level)
    shape = history.outcome.shape
    for name, daily in history.daily.items():
        columns[name] = np.broadcast_to(daily[:, None], shape)
    values = np.stack([np.broadcast_to(column, shape) for column in columns.values()], axis=2)
    return PeriodFeatures(tuple(columns), values, level)


def driver_series(drivers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The drivers, and the one series made of them that prices follow most.

    By name: a driver with `load` in its name less every driver with wind, solar, pv or renewable in
    its name is `residual_load`. Where the names give no such pair and there are at least two
    drivers, `difference` is the first less the second (two loads, generation and load). Nothing is
    made where a driver is a residual load already.
    """
    series = dict(drivers)
    if any("residual" in name.lower() for name in drivers):
        return series
    renewables = [name for name in drivers if _is_renewable(name)]
    loads = [name for name in drivers if "load" in name.lower() and name not in renewables]
    if loads and renewables:
        series["residual_load"] = drivers[loads[0]] - sum(drivers[name] for name in renewables)
    elif len(drivers) > 1:
        first, second = list(drivers.values())[:2]
        series["difference"] = first - second
    return series


def _is_renewable(name: str) -> bool:
    return any(word in name.lower() for word in _RENEWABLE_WORDS)


def _calendar(history: TargetHistory) -> dict[str, FloatArray]:
    slots = history.slots
    weekday = history.weekday
    year_share = np.array([day.timetuple().tm_yday for day in history.days]) / 365.25
    return {
        "hour": np.arange(slots)[None, :] * 24.0 / slots,
        "weekday": weekday[:, None],
        "season_cosine": np.cos(2 * np.pi * year_share)[:, None],
        "season_sine": np.sin(2 * np.pi * year_share)[:, None],
    }


def _driver(name: str, values: FloatArray) -> dict[str, FloatArray]:
    """Value, neighbours, place within the day, change to the day and the week before."""
    mean = _row_statistic(np.nanmean, values)
    found = {name: values}
    for hours in _DRIVER_NEIGHBOURS:
        found[f"{name}{hours:+d}h"] = _neighbour(values, hours)
    return found | {
        f"{name}_day_mean": mean,
        f"{name}_day_min": _row_statistic(np.nanmin, values),
        f"{name}_day_max": _row_statistic(np.nanmax, values),
        f"{name}_day_rank": _rank_within_day(values),
        f"{name}_change_1d": values - _lagged(values, 1),
        f"{name}_change_7d": values - _lagged(values, 7),
        f"{name}_day_change_1d": mean - _lagged(mean, 1),
        f"{name}_week_change": mean - _mean_of_days(mean, range(1, 8)),
    }


def _outcomes(history: TargetHistory, level: FloatArray) -> dict[str, FloatArray]:
    """Lags at the slot and beside it, statistics of the newest days; all less the level."""
    newest = history.outcome_lag
    outcome, centre = history.outcome, level[:, None]
    found = {"level": centre}
    for days in sorted({newest, newest + 1, newest + 2, *(_weekly(newest, k) for k in (1, 2))}):
        lag = _lagged(outcome, days)
        found[f"lag_{days}d"] = lag - centre
        if days in (newest, _weekly(newest, 1)):
            for hours in _OUTCOME_NEIGHBOURS:
                found[f"lag_{days}d{hours:+d}h"] = _neighbour(lag, hours) - centre
    last = _lagged(outcome, newest)
    evening = max(outcome.shape[1] // 6, 1)
    for name, values in {
        "mean": _row_statistic(np.nanmean, last),
        "min": _row_statistic(np.nanmin, last),
        "max": _row_statistic(np.nanmax, last),
        "last": last[:, -1:],
        "evening": _row_statistic(np.nanmean, last[:, -evening:]),
    }.items():
        found[f"newest_{name}"] = values - centre
    day_mean = _row_statistic(np.nanmean, outcome)
    found["week_ago_mean"] = _lagged(day_mean, _weekly(newest, 1)) - centre
    found["second_newest_mean"] = _lagged(day_mean, newest + 1) - centre
    found["month_level"] = _mean_of_days(day_mean, range(newest, newest + _MONTH_DAYS)) - centre
    found["slot_week_mean"] = _mean_of_days(outcome, range(newest, newest + 7)) - centre
    same_weekday = [_weekly(newest, k) for k in range(1, 5)]
    found["slot_weekday_mean"] = _mean_of_days(outcome, same_weekday) - centre
    spread = _row_statistic(np.nanstd, outcome)
    found["week_spread"] = _mean_of_days(spread, range(newest, newest + 7))
    return found


def _weekly(newest: int, weeks: int) -> int:
    """Days back to the same weekday, so many weeks beyond the newest outcome."""
    return 7 * (weeks + (newest - 1) // 7)


def _level(history: TargetHistory) -> FloatArray:
    newest = history.outcome_lag
    day_mean = _row_statistic(np.nanmean, history.outcome)
    return _mean_of_days(day_mean, range(newest, newest + 7))[:, 0]


def _lagged(values: FloatArray, days: int) -> FloatArray:
    lagged = np.full(values.shape, np.nan)
    lagged[days:] = values[: max(len(values) - days, 0)]
    return lagged


def _mean_of_days(values: FloatArray, lags: Iterable[int]) -> FloatArray:
    """Mean over days before, of those that are known."""
    total, known = np.zeros(values.shape), np.zeros(values.shape)
    for days in lags:
        lagged = _lagged(values, days)
        finite = np.isfinite(lagged)
        total += np.where(finite, lagged, 0.0)
        known += finite
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _neighbour(values: FloatArray, hours: int) -> FloatArray:
    """Value so many hours later, or earlier where negative; NaN beyond the day."""
    slots = values.shape[1]
    shift = hours * max(slots // 24, 1)
    moved = np.full(values.shape, np.nan)
    if shift < 0:
        moved[:, -shift:] = values[:, :shift]
    else:
        moved[:, : slots - shift] = values[:, shift:]
    return moved


def _row_statistic(statistic: Callable[..., FloatArray], values: FloatArray) -> FloatArray:
    """A statistic of each day's known slots, (N, 1)."""
    result = np.full((len(values), 1), np.nan)
    known = np.isfinite(values).any(axis=1)
    result[known, 0] = statistic(values[known], axis=1)
    return result


def _rank_within_day(values: FloatArray) -> FloatArray:
    """Share of the day's other slots below, equal ones by half, 0 to 1."""
    own, other = values[:, :, None], values[:, None, :]
    below, equal = (own > other).sum(axis=2), (own == other).sum(axis=2)
    share = (below + (equal - 1) / 2) / max(values.shape[1] - 1, 1)
    return np.where(np.isfinite(values), share, np.nan)
