"""GB 2023 at the day-ahead gate: prices, their spread and a hybrid plant, against naive forecasts.

    python benchmarks/gb_heftcom.py [--part validation|test]

Half-hours of 365 delivery days (23:00 to 23:00 UK), decided at 09:50 UK the day before. Known at
09:50 on day D:

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
Model: one model with its default settings. Forecast: the product's combination of quantile members
(stage `quantile_members`, their average) with calibration `width`, walked from 208 days before the
part. Members of the spread: its model, its climatology and the model of the imbalance price less
the median of the day-ahead price; of the imbalance price: the same plus that median; else the model
alone.

Chosen on 2022 (validation); pinball over 99 levels and share inside the 80 % interval there:

- Model of the spread: as it is 26.476, 72.1 %. Smaller trees 26.547, 180 days 26.632, a fit every
  28 days 26.457, spreads divided by their mean size in 28 days 26.445, the same with the price so
  divided 26.324, 75.0 %. None was taken: in the average below they gain 0.1 % at most.
- Spread, shifts that go half-way back in 60 days: model 26.326, 78.3 %; regression on its median
  26.323; average with the climatology 26.053, weighted online 26.042, with conformal and
  regression stages 26.098, with every level tracked 26.174. Nothing forgotten, and the imbalance
  price less the median as third member: 25.897, 80.1 %.
- Imbalance price: model 27.317, 72.0 %, calibrated 27.222; average with its climatology 28.910,
  with the price median plus the climatology of the spread 26.565; the three members 26.633, 80.3 %.
- Plant: model 40.417, 72.0 %, calibrated 40.226, 79.7 %; with the conformal stage 40.275, average
  with the climatology 48.692. Day-ahead price: 10.116, 72.3 %, calibrated 10.088, 79.9 %.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from gb_market import SLOTS, START, UK, Market

from energy_assets.forecasting.combination.calibration import CoverageTracking
from energy_assets.forecasting.intraday.boosting import IntradayModel
from energy_assets.forecasting.intraday.history import RollingHistory, Vintages
from energy_assets.forecasting.intraday.spreads import SPREAD_SETTINGS, SpreadModel
from energy_assets.forecasting.intraday.weather_guidance import WeatherSeries, weather_guidance
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.lear import LearMember
from energy_assets.forecasting.quantile_regression import PERCENTILES, average_quantiles

PARTS = {
    "validation": (date(2022, 1, 1), date(2022, 12, 31)),
    "test": (date(2023, 1, 1), date(2023, 12, 31)),
}
LEAR_FROM = date(2021, 4, 5)
REFIT_DAYS, LEAR_REFIT_DAYS = 56, 7
# The data allows no more before 2022.
WARM_UP_DAYS = 208
DELAY = 3  # half-hours from the start of one until its value is known: its end and an hour
# The newest delivery day whose outcomes are all known at a gate lies so many days before.
LAG_DAYS = {"day-ahead": 1, "imbalance": 2, "spread": 2, "hybrid": 2}
CLIMATE_DAYS = {"day-ahead": 28, "imbalance": 28, "spread": 28, "hybrid": 365}
BOUNDS = {"hybrid": (0.0, np.inf)}
UNBOUNDED = (-np.inf, np.inf)
# Largest step of a quantile's shift per day, in units of the forecast's spread; nothing forgotten.
CALIBRATION_RATE = 0.2


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
        cells = market.cells(range(row, row + 1))
        forecast[cells] = fitted.predict(known)[market.slot[cells]]
    return forecast


def histories(market: Market, lear: np.ndarray) -> dict[str, RollingHistory]:
    """The rolling history of every target, all of it; `at` cuts each decision's."""
    drivers = {name: Vintages.fixed(values) for name, values in market.drivers.items()}
    price = Vintages.fixed(lear)
    size = len(market.row)

    priced = drivers | {"price": price}

    def history(
        target: str,
        guidance: Vintages | None,
        gates: np.ndarray,
        delay: int,
        ahead: dict[str, Vintages],
    ) -> RollingHistory:
        return RollingHistory(
            target,
            START,
            30,
            market.outcomes[target],
            origin=size - 50,
            first=size - 48,
            guidance=guidance,
            drivers=ahead,
            bounds=BOUNDS.get(target, UNBOUNDED),
            clock=UK,
            delay=delay,
            decisions=gates[gates > 0],
        )

    return {
        # The price of the day of the decision is known to its end: as if made when delivery begins.
        "day-ahead": history("day-ahead", price, market.first[:-1], 1, drivers),
        "imbalance": history("imbalance", price, market.gate, DELAY, priced),
        "spread": history("spread", None, market.gate, DELAY, priced),
        "hybrid": history("hybrid", None, market.gate, DELAY, drivers),
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


def walk(market: Market, whole: RollingHistory, rows: range) -> np.ndarray:
    """Quantiles of a target for a run of days, (half-hours, 99)."""
    price_like = whole.delay == 1
    kind = SpreadModel(365) if whole.target == "spread" else IntradayModel(365, SPREAD_SETTINGS)
    quantiles, fitted = [], None
    for number, row in enumerate(rows):
        first, size = market.first[row], market.first[row + 1] - market.first[row]
        origin = first if price_like else market.gate[row]
        if fitted is None or number % REFIT_DAYS == 0:
            if whole.target == "hybrid":
                newest = int(origin - whole.delay + 1)
                whole = replace(whole, guidance=plant_guidance(market, newest))
            fitted = kind.fit(whole.at(int(origin), int(first), int(size)))
        quantiles.append(fitted.predict(whole.at(int(origin), int(first), int(size))))
    return np.concatenate(quantiles)


def climatology(market: Market, target: str, rows: range, days: int) -> np.ndarray:
    """Quantiles of the last whole days known, the same slot, by half-hour."""
    table = market.by_slot(market.outcomes[target])
    found = []
    for row in rows:
        newest = row - LAG_DAYS[target]
        past = table[max(newest + 1 - days, 0) : newest + 1]
        found.append(np.nanquantile(past, PERCENTILES, axis=0).T)
    return market.on_half_hours(np.stack(found), rows)


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
        last = row - LAG_DAYS[target]
        past = errors[max(last + 1 - days, 0) : last + 1]
        base = pd.Series(newest[row]).ffill().bfill().to_numpy()
        found.append(base[:, None] + np.nanquantile(past, PERCENTILES, axis=0).T)
    made: np.ndarray = np.clip(np.stack(found), *BOUNDS.get(target, UNBOUNDED))
    return market.on_half_hours(made, rows)


def members(models: dict[str, np.ndarray], climate: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Quantile members of every target, of its model and the climatology of the spread."""
    price = models["day-ahead"][:, [49]]
    spread = [models["spread"], climate, models["imbalance"] - price]
    return {
        "day-ahead": [models["day-ahead"]],
        "imbalance": [price + member for member in spread],
        "spread": spread,
        "hybrid": [models["hybrid"]],
    }


def calibrated(market: Market, target: str, rows: range, quantiles: np.ndarray) -> np.ndarray:
    """Quantiles (half-hours, 99) as wide as the outcomes known at each day's gate ask for."""
    made = market.on_rows(quantiles, rows)
    outcome = market.by_slot(market.outcomes[target])[rows]
    tracking = CoverageTracking(SLOTS, CALIBRATION_RATE, 0, SLOTS, width_only=True)
    lag = LAG_DAYS[target]
    for number in range(len(rows)):
        if number >= lag:
            tracking.learn(made[number - lag], outcome[number - lag])
        made[number] = tracking.apply(made[number], BOUNDS.get(target, UNBOUNDED))
    return market.on_half_hours(made, rows)


def scores(quantiles: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Pinball over 99 levels, over the nine deciles, and the share inside the 80 % interval."""
    known = np.isfinite(truth)
    quantiles, truth = quantiles[known], truth[known]
    error = truth[:, None] - quantiles
    loss = np.maximum(PERCENTILES * error, (PERCENTILES - 1) * error).mean(axis=0)
    inside = (quantiles[:, 9] <= truth) & (truth <= quantiles[:, 89])
    return float(loss.mean()), float(loss[9::10].mean()), float(inside.mean())


def forecasts(market: Market, rows: range) -> dict[str, dict[str, np.ndarray]]:
    """Quantiles by half-hour for a run of days, of every target by every method."""
    walked = range(rows[0] - WARM_UP_DAYS, rows[-1] + 1)
    models = {}
    for target, whole in histories(market, lear_prices(market, rows[-1])).items():
        tic = time.process_time()
        models[target] = walk(market, whole, walked)
        print(f"{target}: {time.process_time() - tic:.0f} CPU s", flush=True)
    scored = slice(market.cells(rows).start - market.cells(walked).start, None)
    climate = {t: climatology(market, t, walked, days) for t, days in CLIMATE_DAYS.items()}
    return {
        target: {
            "climatology": climate[target][scored],
            "persistence": persistence(market, target, rows),
            "model": models[target][scored],
            "forecast": calibrated(market, target, walked, average_quantiles(*given))[scored],
        }
        for target, given in members(models, climate["spread"]).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=tuple(PARTS), default="test")
    part = parser.parse_args().part
    market = Market()
    first, last = (market.row_of(day) for day in PARTS[part])
    rows = range(first, last + 1)
    made = forecasts(market, rows)
    print(f"\nGB {part}, {len(rows)} days, GBP/MWh and MWh a half-hour")
    print(f"{'target':>10}{'by':>13}{'pinball99':>11}{'deciles':>9}{'in 80 %':>9}{'RMSE':>8}")
    for target, by_method in made.items():
        truth = market.outcomes[target][market.cells(rows)]
        for name, quantiles in by_method.items():
            all_levels, deciles, inside = scores(quantiles, truth)
            off = np.sqrt(np.nanmean((truth - quantiles.mean(axis=1)) ** 2))
            print(
                f"{target:>10}{name:>13}{all_levels:>11.3f}{deciles:>9.3f}{100 * inside:>9.1f}"
                f"{off:>8.2f}"
            )
        if target == "spread":
            print(f"    RMSE of a spread of zero: {np.sqrt(np.nanmean(truth**2)):.2f}")
    print(f"\n{time.process_time():.0f} CPU s in all")


if __name__ == "__main__":
    main()
