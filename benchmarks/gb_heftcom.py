"""GB 2023 at the day-ahead gate: prices, their spread and a hybrid plant, against naive forecasts.

    python benchmarks/gb_heftcom.py [--part validation|test]

Half-hours of 365 delivery days (23:00 to 23:00 UK), decided at 09:50 UK the day before. Validation
is 2022; test is 2023; the settings are defaults, chosen on neither. Known at 09:50 on day D:

- day-ahead price: delivery days to D (their auctions are over);
- imbalance price: half-hours that ended an hour before, as finally settled (the data has no earlier
  run);
- wind, acceptances and solar of the plant: half-hours that ended an hour before, by its own
  telemetry;
- NESO day-ahead forecasts: those whose issue period ended by 09:30 (period 19); about 3 % of the
  days were issued later and count as missing;
- gas: the price of D-2.

The half-hour from 23:00 to 24:00 of D takes the NESO forecast issued on D-1. Models are fitted anew
every 56 days on the 365 days before (LEAR every 7), and see nothing later. Pinball is the mean over
the levels 1 to 99 %, and over 10, 20, ... 90 % as the competition scored.

Climatology: quantiles of the last 28 days (prices) or 365 days (plant) at the same half-hour.
Persistence: the newest value known of the same half-hour plus quantiles of its errors in 91 days.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from datasets import real_data

from energy_assets.forecasting.intraday.boosting import IntradayModel
from energy_assets.forecasting.intraday.history import RollingHistory, Vintages
from energy_assets.forecasting.intraday.spreads import SPREAD_SETTINGS, SpreadModel
from energy_assets.forecasting.intraday.weather_guidance import WeatherSeries, weather_guidance
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.quantile_regression import PERCENTILES

UK = "Europe/London"
START = datetime(2020, 12, 31, 23, tzinfo=UTC)
END = datetime(2023, 12, 31, 23, tzinfo=UTC)
PARTS = {
    "validation": (date(2022, 1, 1), date(2022, 12, 31)),
    "test": (date(2023, 1, 1), date(2023, 12, 31)),
}
LEAR_FROM = date(2021, 7, 1)
REFIT_DAYS, LEAR_REFIT_DAYS = 56, 7
LAST_ISSUE_PERIOD = 19
DELAY = 3  # half-hours from the start of one until its value is known: its end and an hour
CLIMATE_DAYS = {"day-ahead": 28, "imbalance": 28, "spread": 28, "hybrid": 365}


class Market:
    """All series on one UTC grid of half-hours, and on rows of delivery days by wall clock."""

    def __init__(self) -> None:
        folder = real_data() / "gb-heftcom"
        grid = pd.date_range(START, END, freq="30min", inclusive="left")
        rows = pd.read_csv(
            folder / "gb_market_and_hybrid_plant_20200919_20240118.csv.gz",
            parse_dates=["datetime_utc"],
        )
        rows = rows.set_index("datetime_utc").reindex(grid)
        # The delivery day begins at 23:00 local of the day before.
        local = (grid.tz_convert(UK).tz_localize(None) + pd.Timedelta("1h")).floor("30min")
        self.label = local.normalize()
        self.row = ((self.label - self.label[0]) // pd.Timedelta("1D")).to_numpy()
        self.slot = (local.hour * 2 + local.minute // 30).to_numpy()
        self.days = [self.label[0].date() + timedelta(days=n) for n in range(self.row[-1] + 1)]
        self.first = np.searchsorted(self.row, np.arange(len(self.days) + 1))
        gates = [f"{day - timedelta(days=1)} 09:30" for day in self.days]
        utc = pd.DatetimeIndex(gates).tz_localize(UK).tz_convert("UTC")
        self.gate = ((utc - grid[0]) // pd.Timedelta("30min")).to_numpy()
        price = rows["da_price_gbp_mwh"].to_numpy()
        imbalance = rows["imbalance_price_gbp_mwh"].to_numpy()
        wind = rows["wind_hornsea1_mw"] / 2 - rows["wind_hornsea1_boa_mwh"]
        self.outcomes = {
            "day-ahead": price,
            "imbalance": imbalance,
            "spread": imbalance - price,
            "hybrid": (wind + rows["solar_pes10_mw"] / 2).to_numpy(),
        }
        self.drivers = self._neso(folder, grid)
        self.drivers["gas"] = self._gas(folder)

    def _neso(self, folder, grid: pd.DatetimeIndex) -> dict[str, np.ndarray]:
        rows = pd.read_csv(folder / "neso_day_ahead_forecasts_2021_20240118.csv.gz")
        rows = rows[rows["issue_period"] <= LAST_ISSUE_PERIOD]
        midnight = pd.DatetimeIndex(rows["target_date"]).tz_localize(UK).tz_convert("UTC")
        # Settlement periods count half-hours from local midnight, 46 or 50 on clock-change days.
        starts = midnight + pd.to_timedelta((rows["target_period"] - 1) * 30, unit="min")
        rows = rows.set_index(starts)
        rows = rows[~rows.index.duplicated(keep="last")].reindex(grid)
        found = {
            "demand": rows["demand_forecast"],
            "wind": rows["wind_forecast"],
            "wind_share": rows["wind_forecast"] / rows["wind_capacity"],
            "embedded_wind": rows["embedded_wind_forecast"],
            "embedded_solar": rows["embedded_solar_forecast"],
        }
        found["residual"] = found["demand"] - found["wind"]
        return {name: values.to_numpy(float) for name, values in found.items()}

    def _gas(self, folder) -> np.ndarray:
        rows = pd.read_csv(folder / "gas_price_daily_2021_20240118.csv.gz", parse_dates=[0])
        daily = rows.set_index("settlement_date")["gas_price"]
        # The day of the decision is the day before delivery, and the close is two days older.
        return daily.reindex(self.label - pd.Timedelta("3D"), method="ffill").to_numpy(float)

    def by_slot(self, values: np.ndarray) -> np.ndarray:
        """(days, 48): mean of a slot's half-hours; a spring day's absent hour from beside it."""
        cell = self.row * 48 + self.slot
        known = np.isfinite(values)
        total = np.bincount(cell[known], values[known], minlength=len(self.days) * 48)
        count = np.bincount(cell[known], minlength=len(self.days) * 48)
        with np.errstate(invalid="ignore"):
            table = (total / count).reshape(-1, 48)
        for day in np.flatnonzero(np.diff(self.first) == 46):
            absent = np.setdiff1d(np.arange(48), self.slot[self.row == day])
            table[day, absent] = np.interp(
                absent, [absent[0] - 1, absent[-1] + 1], table[day, [absent[0] - 1, absent[-1] + 1]]
            )
        return table

    def row_of(self, day: date) -> int:
        """Row of a delivery day."""
        return (day - self.days[0]).days

    def cells(self, row: int) -> slice:
        """Half-hours of a delivery day."""
        return slice(self.first[row], self.first[row + 1])


def lear_prices(market: Market, last: int) -> np.ndarray:
    """Median day-ahead prices by half-hour from LEAR on 364 days, fitted every 7 days."""
    drivers = {n: market.by_slot(market.drivers[n]) for n in ("demand", "wind", "embedded_solar")}
    # A late or absent NESO forecast is bridged by the one of the day before.
    drivers = {name: pd.DataFrame(values).ffill().to_numpy() for name, values in drivers.items()}
    history = TargetHistory(
        "price",
        market.days,
        market.by_slot(market.outcomes["day-ahead"]),
        drivers=drivers,
        daily={"gas": market.drivers["gas"][market.first[:-1]]},
    )
    forecast = np.full(len(market.row), np.nan)
    fitted = None
    for row in range(market.row_of(LEAR_FROM), last + 1):
        known = history.before(row)
        if fitted is None or row % LEAR_REFIT_DAYS == 0:
            fitted = LearMember(364).fit(known)
        cells = market.cells(row)
        forecast[cells] = fitted.predict(known)[market.slot[cells]]
    return forecast


def histories(market: Market, lear: np.ndarray) -> dict[str, RollingHistory]:
    """The rolling history of every target, all of it; `at` cuts each decision's."""
    drivers = {name: Vintages.fixed(values) for name, values in market.drivers.items()}
    price = Vintages.fixed(lear)
    size = len(market.row)

    def history(target: str, guidance: Vintages | None, gates: np.ndarray, delay: int, more=()):
        return RollingHistory(
            target,
            START,
            30,
            market.outcomes[target],
            origin=size - 50,
            first=size - 48,
            guidance=guidance,
            drivers=drivers | dict(more),
            bounds=(0.0, np.inf) if target == "hybrid" else (-np.inf, np.inf),
            clock=UK,
            delay=delay,
            decisions=gates[gates > 0],
        )

    known_price = {"price": price}
    return {
        # The price of the day of the decision is known to its end: as if made when delivery begins.
        "day-ahead": history("day-ahead", price, market.first[:-1], 1),
        "imbalance": history("imbalance", price, market.gate, DELAY, known_price),
        "spread": history("spread", None, market.gate, DELAY, known_price),
        "hybrid": history("hybrid", None, market.gate, DELAY),
    }


def plant_guidance(market: Market, until: int) -> Vintages:
    """Median output of the plant by the NESO forecasts."""
    names = ("wind_share", "wind", "embedded_wind", "embedded_solar")
    season = market.label.dayofyear.to_numpy(float)
    columns = [market.drivers[n] for n in names] + [market.slot.astype(float), season]
    series = WeatherSeries(
        np.stack(columns, axis=1)[None], np.full((1, len(season)), -(2**40), dtype=np.int64)
    )
    return weather_guidance(series, market.outcomes["hybrid"], until, 48)


def walk(market: Market, whole: RollingHistory, rows: range) -> dict[str, np.ndarray]:
    """Forecasts of a target for a run of days by half-hour: quantiles, and means of a spread."""
    price_like = whole.delay == 1
    kind = SpreadModel(365) if whole.target == "spread" else IntradayModel(365, SPREAD_SETTINGS)
    quantiles, means, fitted = [], [], None
    for number, row in enumerate(rows):
        first, size = market.first[row], market.first[row + 1] - market.first[row]
        origin = first if price_like else market.gate[row]
        if fitted is None or number % REFIT_DAYS == 0:
            if whole.target == "hybrid":
                newest = int(origin - whole.delay + 1)
                whole = replace(whole, guidance=plant_guidance(market, newest))
            fitted = kind.fit(whole.at(int(origin), int(first), int(size)))
        made = fitted.predict(whole.at(int(origin), int(first), int(size)))
        quantiles.append(made)
        means.append(fitted.mean_of(made) if whole.target == "spread" else made.mean(axis=1))
    return {"quantiles": np.concatenate(quantiles), "mean": np.concatenate(means)}


def climatology(market: Market, target: str, rows: range, days: int) -> np.ndarray:
    """Quantiles of the last whole days known, the same slot, by half-hour."""
    table = market.by_slot(market.outcomes[target])
    lag = 1 if target == "day-ahead" else 2
    found = []
    for row in rows:
        past = table[max(row - lag + 1 - days, 0) : row - lag + 1]
        found.append(np.nanquantile(past, PERCENTILES, axis=0).T[market.slot[market.cells(row)]])
    return np.concatenate(found)


def persistence(market: Market, target: str, rows: range, days: int = 91) -> np.ndarray:
    """The newest value known of the same slot with quantiles of its errors, by half-hour."""
    table = market.by_slot(market.outcomes[target])
    newest = np.full(table.shape, np.nan)
    newest[1:] = table[:-1]
    if target != "day-ahead":
        # Slots from 08:30 of the decision's own day on are not known yet.
        newest[2:, 19:] = table[:-2, 19:]
        newest[1, 19:] = np.nan
    errors = table - newest
    found = []
    for row in rows:
        lag = 1 if target == "day-ahead" else 2
        past = errors[max(row - lag + 1 - days, 0) : row - lag + 1]
        base = pd.Series(newest[row]).ffill().bfill().to_numpy()
        spread = np.nanquantile(past, PERCENTILES, axis=0).T
        found.append((base[:, None] + spread)[market.slot[market.cells(row)]])
    made = np.concatenate(found)
    return np.maximum(made, 0.0) if target == "hybrid" else made


def scores(quantiles: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Pinball over 99 levels, over the nine deciles, and the share inside the 80 % interval."""
    known = np.isfinite(truth)
    quantiles, truth = quantiles[known], truth[known]
    error = truth[:, None] - quantiles
    loss = np.maximum(PERCENTILES * error, (PERCENTILES - 1) * error).mean(axis=0)
    inside = (quantiles[:, 9] <= truth) & (truth <= quantiles[:, 89])
    return float(loss.mean()), float(loss[9::10].mean()), float(inside.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=tuple(PARTS), default="test")
    parser.add_argument("--targets", default="day-ahead,imbalance,spread,hybrid")
    asked = parser.parse_args()
    started = time.process_time()
    market = Market()
    rows = range(*(market.row_of(day) + n for n, day in enumerate(PARTS[asked.part])))
    lear = lear_prices(market, rows[-1])
    print(f"data and LEAR: {time.process_time() - started:.0f} CPU s", flush=True)
    cells = slice(market.first[rows[0]], market.first[rows[-1] + 1])
    print(f"\nGB {asked.part}, {len(rows)} days, GBP/MWh and MWh a half-hour")
    print(
        f"{'target':>10}{'forecast':>13}{'pinball99':>11}{'deciles':>9}{'in 80 %':>9}{'CPU s':>7}"
    )
    for target, whole in histories(market, lear).items():
        if target not in asked.targets.split(","):
            continue
        truth = market.outcomes[target][cells]
        tic = time.process_time()
        made = walk(market, whole, rows)
        seconds = time.process_time() - tic
        rivals = {
            "climatology": climatology(market, target, rows, CLIMATE_DAYS[target]),
            "persistence": persistence(market, target, rows),
            "model": made["quantiles"],
        }
        for name, quantiles in rivals.items():
            all_levels, deciles, inside = scores(quantiles, truth)
            spent = f"{seconds:>7.0f}" if name == "model" else ""
            print(
                f"{target:>10}{name:>13}{all_levels:>11.3f}{deciles:>9.3f}"
                f"{100 * inside:>9.1f}{spent}"
            )
        if target == "spread":
            known = np.isfinite(truth)
            for name, mean in (("model", made["mean"]), ("zero", np.zeros(len(truth)))):
                off = (truth - mean)[known]
                rmse = np.sqrt((off**2).mean())
                print(f"    mean of spread, {name}: bias {off.mean():.2f}, RMSE {rmse:.2f}")
    print(f"\n{time.process_time() - started:.0f} CPU s in all")


if __name__ == "__main__":
    main()
