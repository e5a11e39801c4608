"""The GB market and a hybrid plant by half-hour and delivery day, as known at 09:50 the day before.

The data is `gb-heftcom` of the real data sets. Belongs here: series, gates, rows and slots. Not
here: forecasts and scores (`gb_heftcom`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import real_data

UK = "Europe/London"
SLOTS = 48
START = datetime(2020, 12, 31, 23, tzinfo=UTC)
END = datetime(2023, 12, 31, 23, tzinfo=UTC)
LAST_ISSUE_PERIOD = 19


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

    def _neso(self, folder: Path, grid: pd.DatetimeIndex) -> dict[str, np.ndarray]:
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

    def _gas(self, folder: Path) -> np.ndarray:
        rows = pd.read_csv(folder / "gas_price_daily_2021_20240118.csv.gz", parse_dates=[0])
        daily = rows.set_index("settlement_date")["gas_price"]
        # The day of the decision is the day before delivery, and the close is two days older.
        return daily.reindex(self.label - pd.Timedelta("3D"), method="ffill").to_numpy(float)

    def by_slot(self, values: np.ndarray) -> np.ndarray:
        """(days, 48): mean of a slot's half-hours; a spring day's absent hour from beside it."""
        cell = self.row * SLOTS + self.slot
        known = np.isfinite(values)
        total = np.bincount(cell[known], values[known], minlength=len(self.days) * SLOTS)
        count = np.bincount(cell[known], minlength=len(self.days) * SLOTS)
        with np.errstate(invalid="ignore"):
            table: np.ndarray = (total / count).reshape(-1, SLOTS)
        for day in np.flatnonzero(np.diff(self.first) == 46):
            absent = np.setdiff1d(np.arange(SLOTS), self.slot[self.row == day])
            table[day, absent] = np.interp(
                absent, [absent[0] - 1, absent[-1] + 1], table[day, [absent[0] - 1, absent[-1] + 1]]
            )
        return table

    def row_of(self, day: date) -> int:
        """Row of a delivery day."""
        return (day - self.days[0]).days

    def cells(self, rows: range) -> slice:
        """Half-hours of a run of delivery days."""
        return slice(self.first[rows[0]], self.first[rows[-1] + 1])

    def on_rows(self, values: np.ndarray, rows: range) -> np.ndarray:
        """(days, 48, K) of values (half-hours, K) of a run of delivery days."""
        whole = np.full((len(self.row), values.shape[1]), np.nan)
        whole[self.cells(rows)] = values
        return np.stack([self.by_slot(column)[rows] for column in whole.T], axis=-1)

    def on_half_hours(self, table: np.ndarray, rows: range) -> np.ndarray:
        """(half-hours, ...) of a table (days, 48, ...) of a run of delivery days."""
        cells = self.cells(rows)
        found: np.ndarray = table[self.row[cells] - rows[0], self.slot[cells]]
        return found
