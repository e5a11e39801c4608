"""Wind over the next 36 hours: pinball by lead, against persistence and the day-ahead forecast.

    python benchmarks/intraday_horizon.py [--part validation|test]

`gefcom2012-wind`, seven farms, hourly: weather forecasts issued at 00 and 12 UTC for 48 hours,
known six hours after. Training before 2010-07-01 and validation to 2010-09-30, or training before
2010-10-01 and test to 2010-12-31. The day-ahead forecast is the quantile model of the same family
on the run of 00 UTC the day before, of which leads 24 to 47 cover the day.

`scada-windup`, 10 minutes: two turbines in July 2023 whose weather is a reanalysis, which stands in
for a perfect weather forecast (the hardest rival there is), and one turbine in 2021 without any
weather, where the mean of the time of day takes its place. Trained on the first 21 days, tested on
the last 10 (July; no validation: settings are those chosen on GEFCom), and January to May against
the rest of the year, of which hardly anything is on record after mid-August.

Persistence: the last value plus the quantiles of its own past errors at that lead, cut at the
bounds. Every seventh hour is an origin. Pinball is the mean over 99 levels, in % of capacity.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from datasets import real_data

from energy_assets.forecasting.intraday.boosting import DEFAULT_SETTINGS, IntradayModel
from energy_assets.forecasting.intraday.history import RollingHistory
from energy_assets.forecasting.intraday.weather_guidance import (
    WeatherSeries,
    weather_guidance,
    weather_quantiles,
)
from energy_assets.forecasting.members.base import MemberUnavailableError
from energy_assets.forecasting.quantile_regression import PERCENTILES

START = datetime(2009, 7, 1, tzinfo=UTC)
END = datetime(2011, 1, 1, tzinfo=UTC)
SPANS = {
    "validation": (datetime(2010, 7, 1, tzinfo=UTC), datetime(2010, 10, 1, tzinfo=UTC)),
    "test": (datetime(2010, 10, 1, tzinfo=UTC), END),
}
HORIZON_HOURS = 36
WEATHER_DELAY_HOURS = 6
ORIGIN_STRIDE_HOURS = 7
LEADS = (1, 2, 3, 6, 12, 18, 24, 36)


def hours_since_start(stamps: pd.Series) -> np.ndarray:
    moments = pd.to_datetime(stamps.astype(str), format="%Y%m%d%H", utc=True)
    return ((moments - pd.Timestamp(START)) // pd.Timedelta("1h")).to_numpy()


def gefcom() -> tuple[np.ndarray, dict[int, tuple[WeatherSeries, WeatherSeries]]]:
    """Power (7, N) and by farm its weather: all vintages, oldest first, and the day-ahead run."""
    size = int((END - START) / timedelta(hours=1))
    table = pd.read_csv(real_data() / "gefcom2012-wind/train.csv.gz")
    power = np.full((7, size), np.nan)
    at = hours_since_start(table["date"])
    inside = at < size
    power[:, at[inside]] = table.loc[inside, [f"wp{n}" for n in range(1, 8)]].to_numpy().T
    forecasts = pd.read_parquet(real_data() / "gefcom2012-wind/wind_forecasts.parquet")
    issued = hours_since_start(forecasts["date"])
    forecasts = forecasts.assign(issued=issued, layer=3 - (forecasts["hors"] - 1) // 12)
    # hors counts from 1; a value is for the hour that begins so many hours after the issue.
    forecasts["period"] = forecasts["issued"] + forecasts["hors"]
    kept = forecasts[(forecasts["period"] >= 0) & (forecasts["period"] < size)]
    # The run of 00 UTC the day before: what a day-ahead forecast has.
    is_day_ahead = kept["issued"] == (kept["period"] // 24 - 1) * 24
    return power, {
        farm: (
            farm_weather(rows, size),
            farm_weather(rows[is_day_ahead[rows.index]].assign(layer=0), size, 1),
        )
        for farm, rows in kept.groupby("farm")
    }


def farm_weather(rows: pd.DataFrame, size: int, layers: int = 4) -> WeatherSeries:
    raw = np.full((layers, size, 3), np.nan)
    known = np.zeros((layers, size), dtype=np.int64)
    place = rows["layer"].to_numpy(), rows["period"].to_numpy()
    raw[place] = rows[["ws", "u", "v"]].to_numpy()
    known[place] = rows["issued"].to_numpy() + WEATHER_DELAY_HOURS
    return with_neighbours(raw, known, per_hour=1)


def with_neighbours(raw: np.ndarray, known: np.ndarray, per_hour: int) -> WeatherSeries:
    """Weather with wind speeds of the hours beside it, none of a later run than its own."""
    speed = raw[..., 0]
    near = [speed]
    for hours in (-3, -2, -1, 1, 2, 3):
        moved = shift(speed, hours * per_hour)
        near.append(np.where(shift(known.astype(float), hours * per_hour) <= known, moved, np.nan))
    there = np.isfinite(near)
    smooth = np.nansum(near, axis=0) / np.maximum(there.sum(axis=0), 1)
    hour = np.broadcast_to(np.arange(speed.shape[1]) / per_hour % 24, speed.shape)
    columns = [*np.moveaxis(raw, 2, 0), *near[1:], smooth, hour]
    return WeatherSeries(np.stack(columns, axis=2), known)


def shift(values: np.ndarray, by: int) -> np.ndarray:
    moved = np.full(values.shape, np.nan)
    if by > 0:
        moved[:, by:] = values[:, :-by]
    else:
        moved[:, :by] = values[:, -by:]
    return moved


class Persistence:
    """The last value and the quantiles of its past errors by lead."""

    def __init__(self, outcome: np.ndarray, until: int, horizon: int) -> None:
        self.errors = []
        for lead in range(1, horizon + 1):
            moved = outcome[lead:until] - outcome[: until - lead]
            self.errors.append(np.nanquantile(moved, PERCENTILES))

    def predict(self, last: float, horizon: int) -> np.ndarray:
        """Quantiles by lead, (horizon, 99)."""
        return np.clip(last + np.array(self.errors[:horizon]), 0.0, 1.0)


def run(
    outcome: np.ndarray,
    weather: WeatherSeries | None,
    day_ahead_weather: WeatherSeries | None,
    first: int,
    last: int,
    start: datetime,
    minutes: int,
    settings=DEFAULT_SETTINGS,
    model_kind=IntradayModel,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pinball of each rival by origin and period ahead, (origins, H), and training seconds."""
    per_hour, per_day = 60 // minutes, 1440 // minutes
    horizon = HORIZON_HOURS * per_hour
    seconds = time.process_time()
    guidance = None if weather is None else weather_guidance(weather, outcome, first, per_day)
    if day_ahead_weather is None:
        day_ahead, published = climatology(outcome, first, per_day), None
    else:
        levels = DEFAULT_SETTINGS.levels
        published = day_ahead_weather.known_from[0]
        day_ahead = weather_quantiles(day_ahead_weather, 0, outcome, first, levels)
    seconds = time.process_time() - seconds
    fit_seconds = time.process_time()
    whole = RollingHistory(
        "wind",
        start,
        minutes,
        outcome[:last],
        origin=last - horizon,
        first=last - horizon,
        guidance=guidance
        and type(guidance)(guidance.values[:, :last], guidance.known_from[:, :last]),
        bounds=(0.0, 1.0),
    )
    fitted = model_kind(settings=settings).fit(whole.at(first))
    fit_seconds = time.process_time() - fit_seconds
    persistence = Persistence(outcome, first, horizon)
    losses: dict[str, list] = {"intraday": [], "persistence": [], "day-ahead": []}
    serve, count, refused, covered = 0.0, 0, 0, []
    for origin in range(first + 1, last - horizon, ORIGIN_STRIDE_HOURS * per_hour):
        past = outcome[:origin]
        if not np.isfinite(past[-1]):
            continue
        tic = time.process_time()
        try:
            made = fitted.predict(whole.at(origin))
        except MemberUnavailableError:
            # After weeks without data nobody knows the turbine's level; the day-ahead stands.
            refused += 1
            continue
        serve, count = serve + time.process_time() - tic, count + 1
        truth = outcome[origin : origin + horizon]
        losses["intraday"].append(loss(made, truth))
        covered.append(inside(made, truth))
        losses["persistence"].append(loss(persistence.predict(past[-1], horizon), truth))
        rows = day_ahead[origin - first : origin - first + horizon]
        scored = loss(rows, truth)
        if published is not None:
            scored[published[origin : origin + horizon] > origin] = np.nan
        losses["day-ahead"].append(scored)
    known = {name: np.array(found) for name, found in losses.items() if found}
    known["covered"] = np.array(covered)
    if refused:
        print(f"{refused} of {refused + count} origins without an intraday forecast: no past known")
    return known, np.array([seconds, fit_seconds, serve / max(count, 1)])


def climatology(outcome: np.ndarray, first: int, per_day: int) -> np.ndarray:
    rows = outcome[: first // per_day * per_day].reshape(-1, per_day)
    return np.tile(np.nanquantile(rows, PERCENTILES, axis=0).T, (-(-len(outcome) // per_day), 1))[
        first : len(outcome)
    ]


def loss(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    error = truth[:, None] - quantiles
    return 100 * np.maximum(PERCENTILES * error, (PERCENTILES - 1) * error).mean(axis=1)


def inside(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    low, high = quantiles[:, 9], quantiles[:, 89]
    return np.where(np.isfinite(truth), (low <= truth) & (truth <= high), np.nan)


def table(found: list[dict[str, np.ndarray]], per_hour: int, title: str) -> None:
    names = [name for name in ("persistence", "day-ahead", "intraday") if name in found[0]]
    stacked = {n: np.concatenate([f[n] for f in found]) for n in [*names, "covered"]}
    # Where one rival has no forecast none is scored.
    valid = np.all([np.isfinite(stacked[n]) for n in names], axis=0)
    print(f"\n{title}: {len(valid)} origins, pinball in % of capacity")
    print(f"{'lead':>9}" + "".join(f"{n:>13}" for n in names) + f"{'in 80 %':>9}")
    groups = [(f"{h} h", slice(h * per_hour - per_hour, h * per_hour)) for h in LEADS]
    groups += [("1-6 h", slice(0, 6 * per_hour)), ("all 36 h", slice(None))]
    for label, cells in groups:
        use = valid[:, cells]
        means = [stacked[n][:, cells][use].mean() for n in names]
        cover = stacked["covered"][:, cells][use].mean()
        print(f"{label:>9}" + "".join(f"{m:>13.3f}" for m in means) + f"{100 * cover:>9.1f}")


def gefcom_part(part: str) -> None:
    power, weather = gefcom()
    begin, end = ((moment - START) // timedelta(hours=1) for moment in SPANS[part])
    found, seconds = [], np.zeros(3)
    for farm, (series, day_ahead) in weather.items():
        made, spent = run(power[farm - 1], series, day_ahead, begin, end, START, 60)
        found.append(made)
        seconds += spent
    table(found, 1, f"gefcom2012-wind, {part}")
    print(
        f"CPU s a farm: guidance {seconds[0] / 7:.1f}, fit {seconds[1] / 7:.1f}; "
        f"serve {1000 * seconds[2] / 7:.0f} ms"
    )


def scada_july() -> tuple[np.ndarray, WeatherSeries, datetime]:
    """Power share of two turbines (2, N) by 10 minutes and the reanalysis of two nodes."""
    folder = real_data() / "scada-windup"
    rows = pd.read_parquet(folder / "homer_scada_10min_202307.parquet")
    power = rows.pivot_table(
        index="TimeStamp_StartFormat", columns="TurbineName", values="ActivePowerMean"
    )
    nodes = []
    for node in "AB":
        hourly = pd.read_parquet(folder / f"homer_reanalysis_ERA5T_{node}_100m_1hr.parquet")
        hourly = hourly.set_index("datetime_start_utc")["100_m_hws_mean_mps"]
        nodes.append(hourly.reindex(power.index, method="ffill").to_numpy(float))
    raw = np.stack([np.mean(nodes, axis=0), *nodes], axis=1)[None]
    # A reanalysis has no issue time: as if known for ever.
    weather = with_neighbours(raw, np.full(raw.shape[:2], -(2**40)), per_hour=6)
    share = power.to_numpy(float).T / np.nanmax(power.to_numpy(float))
    return np.clip(share, 0.0, 1.0), weather, power.index[0].to_pydatetime()


def scada_year() -> tuple[np.ndarray, datetime]:
    """Power share of one turbine (N,) by 10 minutes of 2021; hardly any after mid-August."""
    path = real_data() / "scada-windup/brt_t16_power_wind_10min_2021.parquet"
    power = pd.read_parquet(path).set_index("TimeStamp_StartFormat")["test_power"]
    grid = pd.date_range("2021-01-01", "2022-01-01", freq="10min", tz="UTC", inclusive="left")
    share = power.reindex(grid).to_numpy(float) / 1330.0
    return np.clip(share, 0.0, 1.0), grid[0].to_pydatetime()


def scada_part() -> None:
    power, weather, start = scada_july()
    size = power.shape[1]
    found = []
    for row in power:
        made, spent = run(row, weather, weather, 21 * 144, size, start, 10)
        found.append(made)
    table(found, 6, "scada-windup, two turbines, last ten days of July 2023")
    print(f"CPU s: guidance {spent[0]:.1f}, fit {spent[1]:.1f}; serve {1000 * spent[2]:.0f} ms")
    power, start = scada_year()
    first = (datetime(2021, 6, 1, tzinfo=UTC) - start) // timedelta(minutes=10)
    made, spent = run(power, None, None, first, len(power), start, 10)
    table([made], 6, "scada-windup, one turbine without weather, June 2021 to its end")
    print(f"CPU s: fit {spent[1]:.1f}; serve {1000 * spent[2]:.0f} ms; day-ahead = climatology")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=tuple(SPANS), default="test")
    part = parser.parse_args().part
    started = time.process_time()
    gefcom_part(part)
    if part == "test":
        scada_part()
    print(f"\n{time.process_time() - started:.0f} CPU s in all")


if __name__ == "__main__":
    main()
