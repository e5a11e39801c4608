"""GEFCom2014 load, tasks 1 to 14: hourly quantiles of a month, issued at its start.

Nothing of the month is known, neither load nor temperature, so this is not a day-ahead member: a
regression of log load on temperature and calendar, by hour, run through the temperatures of past
years, plus the regression's own errors.

- temperature: mean of the stations that explain load best before the validation months; the hours
  and days before enter too (recency effect: Wang, Liu and Hong 2016, Int. J. Forecasting 32(3));
- scenarios: the same dates of every past year since 2001, also a few days earlier and later, each
  continuing what was measured up to the start (Xie and Hong 2016, Int. J. Forecasting 32(3));
- errors: quantiles of the last year's residuals of the hour, about half of the last weeks' mean
  residual; every scenario meets every error.

Run by `wind_solar_load.py load`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import holidays
import numpy as np
import pandas as pd
from datasets import real_data

from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import pinball99

FIRST_TASK, TASKS = pd.Timestamp("2010-10-01"), 14
STATIONS = 6
YEARS = 4
SHIFTS_DAYS = (-4, -2, 0, 2, 4)
BIAS_DAYS = 28
BIAS_SHARE = 0.5
_RIDGE = 0.1
_HALF_LIFE = 2 * 8766 * np.log(2)
_HOURS_A_YEAR = 8766
_RECENCY_HOURS = 200
_ERROR_RANKS = np.linspace(0.02, 0.98, 25)
_FAHRENHEIT_CENTRE, _FAHRENHEIT_SPREAD = 55.0, 20.0


@dataclass(frozen=True)
class LoadTrack:
    """The track's data by hour, oldest first; times are hour starts without clock changes.

    Attributes:
        start: Hour starts, (n,).
        load: MW, NaN where not given, (n,).
        stations: Temperatures of the 25 stations, degree Fahrenheit, (n, 25).
        day_type: Monday 0 to Sunday 6, public holidays as Sundays, (n,).
    """

    start: pd.DatetimeIndex
    load: np.ndarray
    stations: np.ndarray
    day_type: np.ndarray

    def row(self, at: pd.Timestamp) -> int:
        """Row of an hour start, also beyond the last."""
        return int((at - self.start[0]) / pd.Timedelta(hours=1))


def read_track() -> LoadTrack:
    """Read the load track."""
    frame = pd.read_parquet(real_data() / "gefcom2014/load_track_2001_2011.parquet")
    # Stamps are hour ends.
    start = pd.DatetimeIndex(frame["datetime_local"]) - pd.Timedelta(hours=1)
    off = holidays.country_holidays("US", years=range(2000, 2013))
    is_off = np.array([day in off for day in start.date])
    stations = frame[[f"w{n}" for n in range(1, 26)]].to_numpy(float)
    day_type = np.where(is_off, 6, start.dayofweek.to_numpy())
    return LoadTrack(start, frame["load_mw"].to_numpy(float), stations, day_type)


def print_tasks() -> None:
    """Print the pinball loss of every task beside the organisers' benchmark."""
    track = read_track()
    organisers = pd.read_parquet(
        real_data() / "gefcom2014/load_track_benchmark_quantiles.parquet"
    ).set_index("datetime_local")
    began = time.process_time()
    temperature = track.stations[:, best_stations(track, before="2009-07-01")].mean(axis=1)
    print("\nGEFCom2014 load (MW): pinball99 by task, a month ahead")
    print(f"{'task':<6}{'month':<10}{'ours':>8}{'organisers':>12}{'skill':>8}")
    ours, theirs = [], []
    for task in range(1, TASKS + 1):
        first = FIRST_TASK + pd.DateOffset(months=task - 1)
        made, actual = month_quantiles(track, temperature, first)
        ours.append(pinball99(made, actual))
        rows = organisers[organisers["task"] == task].iloc[:, 1:].to_numpy(float)
        theirs.append(pinball99(rows[: len(actual)], actual))
        skill = 1 - ours[-1] / theirs[-1]
        print(f"{task:<6}{first:%Y-%m}   {ours[-1]:8.3f}{theirs[-1]:12.3f}{skill:8.3f}")
    mean, reference = float(np.mean(ours)), float(np.mean(theirs))
    print(f"{'mean':<16}{mean:8.3f}{reference:12.3f}{1 - mean / reference:8.3f}")
    print(f"CPU seconds: {time.process_time() - began:.1f}")


def best_stations(track: LoadTrack, before: str) -> np.ndarray:
    """Stations whose regression leaves the smallest errors before a date, (STATIONS,)."""
    end = track.row(pd.Timestamp(before))
    rows = _known_rows(track, end, years=None)
    errors = []
    for station in track.stations.T:
        inputs = _recent(station[:end])
        design = _design(track, inputs[rows], rows, end)
        errors.append(np.mean([_spread(track, design, rows, hour) for hour in (4, 10, 16, 20)]))
    return np.argsort(errors)[:STATIONS]


def _spread(track: LoadTrack, design: np.ndarray, rows: np.ndarray, hour: int) -> float:
    at = track.start.hour.to_numpy()[rows] == hour
    target = np.log(track.load[rows[at]])
    return float((target - design[at] @ np.linalg.lstsq(design[at], target, rcond=None)[0]).std())


def month_quantiles(
    track: LoadTrack, temperature: np.ndarray, first: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the hours of a month from what was known at its start, and the truth.

    Args:
        track: The data; rows from the first hour on are not looked at but for the truth.
        temperature: Station mean, (n,).
        first: First hour of the month.
    """
    begin = track.row(first)
    end = min(track.row(first + pd.DateOffset(months=1)), len(track.load))
    rows, ahead = _known_rows(track, begin, YEARS), np.arange(begin, end)
    design = _design(track, _recent(temperature[:begin])[rows], rows, begin)
    weights = np.exp2((rows - begin) / _HALF_LIFE)
    paths = [
        _design(track, inputs, ahead, begin)
        for inputs in _scenario_inputs(track, temperature, first, ahead)
    ]
    made = np.empty((len(ahead), len(PERCENTILES)))
    hour = track.start.hour.to_numpy()
    fits = [_fit(design, np.log(track.load[rows]), weights, hour[rows] == h) for h in range(24)]
    errors = np.full(begin, np.nan)
    for h, coefficients in enumerate(fits):
        at = hour[rows] == h
        errors[rows[at]] = np.log(track.load[rows[at]]) - design[at] @ coefficients
    bias = BIAS_SHARE * np.nanmean(errors[begin - 24 * BIAS_DAYS :])
    recent = np.arange(max(begin - _HOURS_A_YEAR, 0), begin)
    for h, coefficients in enumerate(fits):
        at = hour[ahead] == h
        centre = np.stack([path[at] @ coefficients for path in paths])
        spread = np.nanquantile(errors[recent[hour[recent] == h]], _ERROR_RANKS)
        drawn = (centre[:, None] + spread[None, :, None]).reshape(-1, int(at.sum())) + bias
        made[at] = np.exp(np.quantile(drawn, PERCENTILES, axis=0).T)
    return made, track.load[ahead]


def _fit(design: np.ndarray, target: np.ndarray, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Weighted ridge regression; the constant is not shrunk."""
    x, w = design[at], weights[at]
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 0.0
    solved: np.ndarray = np.linalg.solve(
        (x * w[:, None]).T @ x + np.diag(penalty), (x * w[:, None]).T @ target[at]
    )
    return solved


def _scenario_inputs(
    track: LoadTrack, temperature: np.ndarray, first: pd.Timestamp, ahead: np.ndarray
) -> list[np.ndarray]:
    """Temperature inputs of the month, one per past year and shift, each (hours, 5)."""
    begin, hours = int(ahead[0]), len(ahead)
    before = temperature[begin - _RECENCY_HOURS : begin]
    found = []
    for year in range(track.start[0].year, first.year):
        for shift in SHIFTS_DAYS:
            source = track.row(first.replace(year=year) + pd.Timedelta(days=shift))
            # Shifted forward, last year's could reach into the month itself only at a year's end.
            if source < 0 or source + hours > begin:
                continue
            path = np.concatenate([before, temperature[source : source + hours]])
            found.append(_recent(path)[_RECENCY_HOURS:])
    return found


def _recent(temperature: np.ndarray) -> np.ndarray:
    """The hour, three hours before, means of a day and of three days, smoothed, (n, 5)."""
    series = pd.Series(temperature)
    columns = [
        series,
        series.shift(3).bfill(),
        series.rolling(24, min_periods=1).mean(),
        series.rolling(72, min_periods=1).mean(),
        series.ewm(alpha=1 - np.exp(-1 / 72), adjust=False).mean(),
    ]
    return (np.stack(columns, axis=1) - _FAHRENHEIT_CENTRE) / _FAHRENHEIT_SPREAD


def _design(track: LoadTrack, inputs: np.ndarray, rows: np.ndarray, origin: int) -> np.ndarray:
    """Regressors of hours: calendar, trend, cubic temperatures and their interactions."""
    kind = track.day_type[rows]
    angle = 2 * np.pi * track.start.dayofyear.to_numpy()[rows] / 365.25
    columns = [np.ones(len(rows))]
    columns += [(kind == day).astype(float) for day in range(1, 7)]
    for k in (1, 2, 3):
        columns += [np.cos(k * angle), np.sin(k * angle)]
    columns.append((rows - origin) / _HOURS_A_YEAR)
    for power in (1, 2, 3):
        columns += list(inputs.T**power)
    now, day = inputs[:, 0], inputs[:, 2]
    weekend = (kind >= 5).astype(float)
    for values in (now, day):
        columns += [values * np.cos(angle), values * np.sin(angle), values * weekend]
    columns += [now * day, now**2 * weekend]
    return np.stack(columns, axis=1)


def _known_rows(track: LoadTrack, end: int, years: float | None) -> np.ndarray:
    """Rows before `end` with load, not older than so many years."""
    begin = 0 if years is None else max(end - int(years * _HOURS_A_YEAR), 0)
    rows = np.arange(begin, end)
    return rows[np.isfinite(track.load[rows])]
