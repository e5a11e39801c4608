"""Pinball loss and skill of day-ahead wind, solar and load quantiles on public data.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/wind_solar_load.py [PART ...]

Parts, all of them by default:

- `solar`: GEFCom2014 solar, task 1. Trained to March 2013, tested on April 2013 as a whole (no
  outcome of April is known), against the organisers' benchmark.
- `wind`: GEFCom2012 wind, seven farms, October to December 2010. The decision is at noon of the day
  before: the newest run is that of 00 UTC of that day (leads 24 to 47), the newest whole day of
  output is two days before the delivery day. Against persistence (the last output known, with its
  past errors by hour as quantiles) and the percentiles of all past output by hour.
- `tso`: load of six zones of entsoe-deepforkit in 2022, against the grid operator's own day-ahead
  forecast (zeros taken out as missing), with and without that forecast as an input. Its quantiles
  are its errors by hour of the 364 days before. Normalised days of 24 hours; the source's clock.
- `load`: GEFCom2014 load, tasks 1 to 14, a month ahead (`gefcom_load`).

Windows and settings were chosen before each test: wind (farms 1 and 5) on July to September 2010,
load of the zones (FI and BE) on 2021, GEFCom2014 load on the fifteen months before task 1; solar
takes what wind chose and was looked at on January and March 2013.
Skill = 1 - pinball / pinball of the reference; CPU seconds are `process_time`, one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from datasets import real_data

from energy_assets.forecasting.calendar_features import holiday_columns
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.registry import member
from energy_assets.forecasting.members.serving import walk_forward
from energy_assets.forecasting.quantile_regression import (
    PERCENTILES,
    average_quantiles,
    historical_simulation,
)
from energy_assets.forecasting.scoring import interval_coverage, mae, pinball99

ZONES = ("DE", "BE", "NL", "ES", "FI", "PL")
FARMS = range(1, 8)
WIND_TEST = (date(2010, 10, 1), date(2010, 12, 31))
TSO_TEST = (date(2022, 1, 1), date(2022, 12, 31))
# Outcomes of April were not known to the contestants: the newest one is as old as the month.
_SOLAR_LAG_DAYS = 31
_SOLAR_DAYS = 395
_ACCUMULATION_SECONDS = 3600.0


class Clock:
    """CPU seconds of what runs inside."""

    def __enter__(self) -> Clock:
        self._start = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.process_time() - self._start


def solar_plant(zone: int) -> TargetHistory:
    """A zone by UTC day, hour ending; accumulated radiation as a mean over the hour, W/m2."""
    folder = real_data() / "gefcom2014"
    power = pd.read_parquet(folder / "solar_track_power.parquet")
    weather = pd.read_parquet(folder / "solar_track_predictors_task1.parquet")
    grid = pd.date_range("2012-04-01 01:00", periods=_SOLAR_DAYS * 24, freq="h")
    output = power[power["ZONEID"] == zone].set_index("TIMESTAMP")["POWER"].reindex(grid)
    weather = weather[weather["ZONEID"] == zone].set_index("TIMESTAMP").reindex(grid)

    def hourly(name: str) -> np.ndarray:
        return weather[name].to_numpy(float).reshape(-1, 24)

    def radiation(name: str) -> np.ndarray:
        total = np.concatenate([np.zeros((_SOLAR_DAYS, 1)), hourly(name)], axis=1)
        # Single precision leaves crumbs at night.
        return np.maximum(np.round(np.diff(total, axis=1) / _ACCUMULATION_SECONDS, 2), 0.0)

    return TargetHistory(
        f"solar_{zone}",
        [date(2012, 4, 1) + timedelta(days=n) for n in range(_SOLAR_DAYS)],
        output.to_numpy(float).reshape(-1, 24),
        drivers={
            "irradiance": radiation("VAR169"),
            "net_radiation": radiation("VAR178"),
            "cloud_cover": hourly("VAR164"),
            "humidity": hourly("VAR157"),
            "temperature": hourly("VAR167"),
        },
        bounds=(0.0, 1.0),
        outcome_lag=_SOLAR_LAG_DAYS,
    )


def solar(test_from: date = date(2013, 4, 1), test_to: date = date(2013, 4, 30)) -> None:
    """Print the solar table."""
    histories = {zone: solar_plant(zone) for zone in (1, 2, 3)}
    made: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, float] = {}
    actual = []
    for history in histories.values():
        rows = range(history.row_of(test_from), history.row_of(test_to) + 1)
        actual.append(history.outcome[rows.start : rows.stop])
        known = history.outcome.copy()
        known[rows.start :] = np.nan
        blind = replace(history, outcome=known)
        first = replace(blind.before(rows.start), outcome=known[: rows.start + 1])
        # March is known on the first of April; only lags must be as old as on the last day.
        given = {"output_quantiles_364": first, "analogues_364": replace(first, outcome_lag=1)}
        for name, training in given.items():
            with Clock() as clock:
                fitted = member(name).fit(training)
                days = [fitted.predict(blind.before(row)) for row in rows]
            made.setdefault(name, []).append(np.stack(days))
            seconds[name] = seconds.get(name, 0.0) + clock.seconds
    forecasts = {name: np.concatenate(parts) for name, parts in made.items()}
    truth = np.concatenate(actual)
    reference = {"climatology": _solar_climatology(histories, test_from, test_to)}
    if test_from == date(2013, 4, 1):
        reference["organisers"] = _solar_benchmark()
    title = f"GEFCom2014 solar, {test_from} to {test_to}, 3 plants (share of capacity)"
    print_table(title, forecasts, truth, reference, seconds)


def _solar_benchmark() -> np.ndarray:
    frame = pd.read_csv(real_data() / "gefcom2014/solar_track_benchmark_task1.csv.gz")
    return frame.iloc[:, 2:].to_numpy(float).reshape(-1, 24, 99)


def _solar_climatology(
    histories: dict[int, TargetHistory], test_from: date, test_to: date
) -> np.ndarray:
    parts = []
    for history in histories.values():
        row = history.row_of(test_from)
        quantiles = np.quantile(history.outcome[max(row - 91, 0) : row], PERCENTILES, axis=0).T
        parts.append(np.broadcast_to(quantiles, ((test_to - test_from).days + 1, 24, 99)))
    return np.concatenate(parts)


def wind_farm(farm: int) -> TargetHistory:
    """A farm by UTC day, with the forecast a noon decision has."""
    folder = real_data() / "gefcom2012-wind"
    power = pd.read_csv(folder / "train.csv.gz")
    power.index = pd.to_datetime(power["date"].astype(str), format="%Y%m%d%H")
    weather = pd.read_parquet(folder / "wind_forecasts.parquet")
    weather = weather[(weather["date"] % 100 == 0) & weather["hors"].between(24, 47)]
    issue = pd.to_datetime(weather["date"].astype(str), format="%Y%m%d%H")
    weather = weather.assign(at=issue + pd.to_timedelta(weather["hors"].astype(int), unit="h"))
    first, count = date(2009, 7, 3), 547
    grid = pd.date_range(first, periods=count * 24, freq="h")

    def by_day(series: pd.Series) -> np.ndarray:
        return series.reindex(grid).to_numpy(float).reshape(-1, 24)

    own = weather[weather["farm"] == farm].set_index("at")
    return TargetHistory(
        f"wind_{farm}",
        [first + timedelta(days=n) for n in range(count)],
        by_day(power[f"wp{farm}"]),
        drivers={
            "wind_speed": by_day(own["ws"]),
            "wind_u": by_day(own["u"]),
            "wind_v": by_day(own["v"]),
            "wind_speed_region": by_day(weather.groupby("at")["ws"].mean()),
        },
        bounds=(0.0, 1.0),
        outcome_lag=2,
    )


def wind(test_from: date = WIND_TEST[0], test_to: date = WIND_TEST[1]) -> None:
    """Print the wind table."""
    made: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, float] = {}
    reference: dict[str, list[np.ndarray]] = {}
    actual = []
    for farm in FARMS:
        history = wind_farm(farm)
        rows = range(history.row_of(test_from), history.row_of(test_to) + 1)
        actual.append(history.outcome[rows.start : rows.stop])
        for name in ("output_quantiles_364", "analogues_364"):
            with Clock() as clock:
                found = walk_forward(member(name), history, test_from, test_to)
            made.setdefault(name, []).append(found)
            seconds[name] = seconds.get(name, 0.0) + clock.seconds
        for name, days in _wind_references(history, rows).items():
            reference.setdefault(name, []).append(days)
    forecasts = {name: np.concatenate(parts) for name, parts in made.items()}
    references = {name: np.concatenate(parts) for name, parts in reference.items()}
    truth = np.concatenate(actual)
    for number, farm in enumerate(FARMS):
        part = slice(number * len(rows), (number + 1) * len(rows))
        skill = 1 - pinball99(forecasts["output_quantiles_364"][part], truth[part]) / pinball99(
            references["climatology"][part], truth[part]
        )
        print(f"  farm {farm}: skill of output_quantiles_364 against climatology {skill:.3f}")
    title = f"GEFCom2012 wind, {test_from} to {test_to}, 7 farms (share of capacity)"
    print_table(title, forecasts, truth, references, seconds)


def _wind_references(history: TargetHistory, rows: range) -> dict[str, np.ndarray]:
    persistence, climatology = [], []
    for row in rows:
        past = history.outcome[: row - 1]
        errors = past[2:] - past[:-2, -1:]
        persistence.append(np.clip(historical_simulation(errors, np.full(24, past[-1, -1])), 0, 1))
        climatology.append(np.nanquantile(past, PERCENTILES, axis=0).T)
    return {"persistence": np.stack(persistence), "climatology": np.stack(climatology)}


def zone_load(zone: str, *, with_tso: bool) -> tuple[TargetHistory, np.ndarray]:
    """A zone's load and the operator's forecast of it, (N, 24); zeros are missing values."""
    frame = pd.read_parquet(
        real_data() / "entsoe-deepforkit/zones_2015_2022.parquet",
        columns=["datetime_local", "load_da_forecast_mw", "load_actual_mw"],
        filters=[("zone", "==", zone)],
    )
    days = [stamp.date() for stamp in frame["datetime_local"].iloc[::24]]

    def by_day(name: str) -> np.ndarray:
        values = frame[name].to_numpy(float).reshape(-1, 24)
        return np.where(values > 0, values, np.nan)

    operator = by_day("load_da_forecast_mw")
    history = TargetHistory(
        f"load_{zone}",
        days,
        by_day("load_actual_mw"),
        drivers={"load_forecast": operator} if with_tso else {},
        daily=holiday_columns(zone, days),
        bounds=(0.0, np.inf),
        outcome_lag=2,
    )
    return history, operator


def tso(test_from: date = TSO_TEST[0], test_to: date = TSO_TEST[1]) -> None:
    """Print the table of zones."""
    print(f"\nLoad of zones, {test_from} to {test_to} (MW)")
    head = f"{'zone':<5}{'forecast':<30}{'MAE':>8}{'pinball99':>11}"
    print(f"{head}{'skill':>8}{'cov80':>7}{'CPU s':>7}")
    for zone in ZONES:
        history, operator = zone_load(zone, with_tso=True)
        rows = range(history.row_of(test_from), history.row_of(test_to) + 1)
        part = slice(rows.start, rows.stop)
        errors = history.outcome - operator
        reference = np.stack(
            [historical_simulation(errors[row - 365 : row - 1], operator[row]) for row in rows]
        )
        made = {"operator": (operator[part], reference, 0.0)}
        for label, with_tso in (("with operator's forecast", True), ("without it", False)):
            own, _ = zone_load(zone, with_tso=with_tso)
            with Clock() as clock:
                found = walk_forward(member("output_quantiles_1092"), own, test_from, test_to)
            made[label] = (found[:, :, 49], found, clock.seconds)
        ours, cpu = made["with operator's forecast"][1:]
        both = average_quantiles(reference, ours)
        made["mean of operator and with"] = (both[:, :, 49], both, cpu)
        # The same cells for all.
        seen = np.isfinite(history.outcome[part])
        for _, quantiles, _ in made.values():
            seen &= np.isfinite(quantiles).all(axis=2)
        truth = np.where(seen, history.outcome[part], np.nan)
        base = pinball99(reference, truth)
        for label, (point, quantiles, cpu) in made.items():
            loss = pinball99(quantiles, truth)
            cover = interval_coverage(quantiles, truth, PERCENTILES, (0.8,))[0.8]
            print(
                f"{zone:<5}{label:<30}{mae(point, truth):8.1f}{loss:11.2f}{1 - loss / base:8.3f}"
                f"{cover:7.3f}{cpu:7.1f}"
            )


def print_table(
    title: str,
    forecasts: dict[str, np.ndarray],
    actual: np.ndarray,
    references: dict[str, np.ndarray],
    seconds: dict[str, float],
) -> None:
    """Print losses and skill; the level-by-level mean of all forecasts is added."""
    if len(forecasts) > 1:
        forecasts = forecasts | {"their mean": np.mean(list(forecasts.values()), axis=0)}
    print(f"\n{title}")
    heads = "".join(f"{'skill/' + name:>20}" for name in references)
    print(f"{'forecast':<24}{'pinball99':>10}{'MAE':>9}{heads}{'cov80':>7}{'CPU s':>7}")
    losses = {name: pinball99(made, actual) for name, made in references.items()}
    for name, made in (forecasts | references).items():
        loss = pinball99(made, actual)
        skills = "".join(f"{1 - loss / reference:20.3f}" for reference in losses.values())
        cover = interval_coverage(made, actual, PERCENTILES, (0.8,))[0.8]
        print(
            f"{name:<24}{loss:10.5f}{mae(made[..., 49], actual):9.4f}{skills}{cover:7.3f}"
            f"{seconds.get(name, 0.0):7.1f}"
        )


def load() -> None:
    """Print the table of the load tasks."""
    from gefcom_load import print_tasks

    print_tasks()


PARTS: dict[str, Callable[[], None]] = {"solar": solar, "wind": wind, "tso": tso, "load": load}


def main() -> None:
    unknown = set(sys.argv[1:]) - set(PARTS)
    if unknown:
        raise SystemExit(f"expected parts of {', '.join(PARTS)}, found {', '.join(unknown)}")
    with Clock() as clock:
        for part in sys.argv[1:] or PARTS:
            PARTS[part]()
    print(f"\nCPU seconds in all: {clock.seconds:.0f}")


if __name__ == "__main__":
    main()
