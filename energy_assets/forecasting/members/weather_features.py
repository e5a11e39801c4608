"""Features of weather-driven targets (wind, solar, load), by day and slot.

All slots of a day share one model, so a row of features is one slot of one day. A row holds only
what its own day's decision knew: drivers up to and including its day, outcomes at least
`outcome_lag` days old. A driver's role follows from the head of its name: `wind_speed…`,
`irradiance…`, `temperature…` are weather; any other is a forecast of a related quantity.

Belongs here: features as arrays. Not here: models on them (`output_quantiles`), distances between
periods (`analogue`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.members.history import TargetHistory

WIND, SUN, TEMPERATURE = "wind_speed", "irradiance", "temperature"
WEATHER = (WIND, SUN, TEMPERATURE)
_NEIGHBOUR_HOURS = (1, 3)
_ENVELOPE_DAYS = 28
_LEVEL_DAYS = 7
_YEAR_DAYS = 364
_WARM_UP_DAYS = (1, 2, 3)
# Oldest row a day's features reach back to, beside `outcome_lag`.
MEMORY_DAYS = _YEAR_DAYS + _LEVEL_DAYS


@dataclass(frozen=True)
class SlotFeatures:
    """Features of some days.

    Attributes:
        names: Of the features, F of them.
        values: (days, S, F); NaN where something was not known.
    """

    names: tuple[str, ...]
    values: FloatArray

    def column(self, name: str) -> FloatArray:
        """One feature, (days, S)."""
        found: FloatArray = self.values[:, :, self.names.index(name)]
        return found


def drivers_of(history: TargetHistory, kind: str) -> list[str]:
    """Drivers whose name begins with a kind of weather, in their order."""
    return [name for name in history.drivers if name.startswith(kind)]


def slot_features(history: TargetHistory, rows: IntArray) -> SlotFeatures:
    """Features of the days at these rows.

    - time: hour, weekday, first harmonic of the year, every daily value;
    - each driver: the slot, the hours around it, their mean and slope, the day's mean and
      greatest; temperature also as the mean of the days before (buildings warm up slowly);
    - several wind speeds: their mean and the mean of their cubes (power in the wind);
    - outcome: the newest known day, the day before it, the newest same weekday, the mean of the
      newest week by slot, the greatest of four weeks by slot (what a clear sky gave), the level of
      the newest day and week, and the week's level against a year before.

    Args:
        history: Days up to the last row asked for, at least.
        rows: Rows of the history, (n,).
    """
    named: dict[str, FloatArray] = {}
    named |= _time(history, rows)
    for name, values in history.drivers.items():
        named |= _driver(name, values, rows)
    wind = drivers_of(history, WIND)
    if len(wind) > 1:
        speeds = np.stack([history.drivers[name][rows] for name in wind])
        named["wind_mean"] = speeds.mean(axis=0)
        named["wind_cube"] = (speeds**3).mean(axis=0)
    named |= past_levels("outcome", history.outcome, rows, history.outcome_lag)
    shape = (len(rows), history.slots)
    columns = [np.broadcast_to(values, shape) for values in named.values()]
    return SlotFeatures(tuple(named), np.stack(columns, axis=2))


def past_levels(name: str, values: FloatArray, rows: IntArray, lag: int) -> dict[str, FloatArray]:
    """Newest known values of a measured series, as each row's decision saw them.

    Args:
        name: Head of the feature names.
        values: (N, S), NaN where unknown.
        rows: (n,).
        lag: Age in days of the newest value known.
    """
    week = -(-lag // 7) * 7
    newest = _rows_back(values, rows, np.arange(lag, lag + _ENVELOPE_DAYS))
    recent = newest[:_LEVEL_DAYS]
    level = _known_mean(recent.mean(axis=2, keepdims=True))
    year_ago = _rows_back(values, rows, np.arange(_YEAR_DAYS, _YEAR_DAYS + _LEVEL_DAYS))
    return {
        f"{name}_newest": newest[0],
        f"{name}_before": newest[1],
        f"{name}_same_weekday": _rows_back(values, rows, np.array([week]))[0],
        f"{name}_week_by_slot": _known_mean(recent),
        f"{name}_envelope": _known_max(newest),
        f"{name}_newest_level": newest[0].mean(axis=1, keepdims=True),
        f"{name}_week_level": level,
        f"{name}_year_growth": level - _known_mean(year_ago.mean(axis=2, keepdims=True)),
    }


def dark_slots(history: TargetHistory, rows: IntArray) -> BoolArray:
    """Slots without any sun in their forecast nor in the hour around them, (n, S).

    Without an irradiance driver there are none.
    """
    names = drivers_of(history, SUN)
    dark = np.full((len(rows), history.slots), bool(names))
    for name in names:
        ahead = _with_neighbours(history.drivers[name], rows)
        hour = history.slots // 24
        middle = 3 * hour
        for shift in (-hour, 0, hour):
            dark &= ahead[:, middle + shift : middle + shift + history.slots] <= 0
    return dark


def _time(history: TargetHistory, rows: IntArray) -> dict[str, FloatArray]:
    slots = history.slots
    day = np.array([history.days[row].timetuple().tm_yday for row in rows], dtype=float)[:, None]
    angle: FloatArray = 2 * np.pi * day / 365.25
    columns: dict[str, FloatArray] = {
        "hour": np.arange(slots, dtype=float)[None] * (24.0 / slots),
        "weekday": history.weekday[rows][:, None],
        "year_cos": np.asarray(np.cos(angle), dtype=float),
        "year_sin": np.asarray(np.sin(angle), dtype=float),
    }
    for name, values in history.daily.items():
        columns[name] = values[rows][:, None]
    return columns


def _driver(name: str, values: FloatArray, rows: IntArray) -> dict[str, FloatArray]:
    slots = values.shape[1]
    hour = slots // 24
    ahead = _with_neighbours(values, rows)
    middle = 3 * hour

    def shifted(hours: int) -> FloatArray:
        start = middle + hours * hour
        return ahead[:, start : start + slots]

    today = shifted(0)
    columns: dict[str, FloatArray] = {name: today}
    for hours in _NEIGHBOUR_HOURS:
        columns[f"{name}_{hours}h_before"] = shifted(-hours)
        columns[f"{name}_{hours}h_after"] = shifted(hours)
    around = [shifted(hours) for hours in range(-3, 4)]
    columns[f"{name}_around"] = np.mean(around, axis=0)
    columns[f"{name}_day_mean"] = today.mean(axis=1, keepdims=True)
    columns[f"{name}_day_max"] = today.max(axis=1, keepdims=True)
    if name.startswith(TEMPERATURE):
        past = _rows_back(values, rows, np.array(_WARM_UP_DAYS)).mean(axis=2, keepdims=True)
        columns[f"{name}_day_before"] = past[0]
        columns[f"{name}_days_before"] = _known_mean(past)
    return columns


def _with_neighbours(values: FloatArray, rows: IntArray) -> FloatArray:
    """Each day with three hours before it and three after, (n, S + 6 hours).

    The hours before are the day before's; those after repeat the last slot: the day after is not
    part of the history of a decision.
    """
    width = values.shape[1] // 24 * 3
    today = values[rows]
    before = _rows_back(values, rows, np.array([1]))[0][:, -width:]
    before = np.where(np.isfinite(before), before, today[:, :1])
    after = np.repeat(today[:, -1:], width, axis=1)
    return np.concatenate([before, today, after], axis=1)


def _rows_back(values: FloatArray, rows: IntArray, back: IntArray) -> FloatArray:
    """Values of so many days before each row, (lags, n, S); NaN before the history."""
    wanted = rows[None, :] - back[:, None]
    found: FloatArray = values[np.maximum(wanted, 0)]
    return np.where((wanted >= 0)[:, :, None], found, np.nan)


def _known_mean(values: FloatArray) -> FloatArray:
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    result: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _known_max(values: FloatArray) -> FloatArray:
    highest: FloatArray = np.where(np.isfinite(values), values, -np.inf).max(axis=0)
    return np.where(np.isfinite(highest), highest, np.nan)
