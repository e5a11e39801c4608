"""The public price sets the forecasts are measured on, as target histories.

Real data lies outside the project (`ENERGY_ASSETS_REAL_DATA`, else beside the repository) and is
never copied into it. All days here have 24 normalised hours.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from energy_assets.forecasting.calendar_features import holiday_columns
from energy_assets.forecasting.members.history import TargetHistory

COUNTRY = {"NP": "NO", "PJM": "US", "BE": "BE", "DE": "DE"}
# First and last test day of Lago et al. (2021), 728 days each.
EPF_TEST = {
    "NP": (date(2016, 12, 27), date(2018, 12, 24)),
    "PJM": (date(2016, 12, 27), date(2018, 12, 24)),
    "BE": (date(2015, 1, 4), date(2016, 12, 31)),
    "DE": (date(2016, 1, 4), date(2017, 12, 31)),
}
DE_TEST = (date(2019, 6, 27), date(2020, 12, 31))
VALIDATION_DAYS = 364
_FUELS = ("eua_eur_t", "api2_coal", "ttf_gas_eur_mwh", "brent_oil")


def real_data() -> Path:
    """Folder of the real data sets.

    Raises:
        SystemExit: It is absent.
    """
    beside = Path(__file__).resolve().parents[2] / "shared/data/real"
    root = Path(os.environ.get("ENERGY_ASSETS_REAL_DATA") or beside)
    if not root.is_dir():
        raise SystemExit("real data is absent: set ENERGY_ASSETS_REAL_DATA to its folder")
    return root


def epf(market: str) -> TargetHistory:
    """Price of NP, PJM, BE or DE with its two day-ahead forecasts and public holidays."""
    frame = pd.read_csv(real_data() / f"epf/{market}.csv.gz")
    (price,) = (name for name in frame.columns if name.startswith("price"))
    drivers = [name for name in frame.columns[1:] if name != price]
    days = _days(frame.iloc[:, 0])
    return TargetHistory(
        "price",
        days,
        _by_day(frame[price]),
        drivers={name: _by_day(frame[name]) for name in drivers},
        daily=holiday_columns(COUNTRY[market], days),
    )


def epf_published(market: str) -> pd.DataFrame:
    """Published forecasts of the test days: real price, DNN and LEAR, members and ensembles."""
    return pd.read_csv(real_data() / f"epf/forecasts_{market}_dnn_lear.csv.gz")


def de_2015_2020() -> TargetHistory:
    """German price with load, renewables and fuels; a fuel close is that of two days before.

    The file does not say which close was known at the gate; that of D-2 surely was.
    """
    frame = pd.read_csv(real_data() / "de-distributionalnn/DE_2015_2020.csv.gz")
    days = _days(frame["datetime_local"])
    fuels = {}
    for name in _FUELS:
        close = _by_day(frame[name])[:, 0]
        fuels[name] = np.concatenate([np.full(2, np.nan), close[:-2]])
    return TargetHistory(
        "price",
        days,
        _by_day(frame["price_eur_mwh"]),
        drivers={
            "load": _by_day(frame["load_da_forecast_mw"]),
            "renewables": _by_day(frame["renewables_da_forecast_mw"]),
        },
        daily=holiday_columns("DE", days) | fuels,
    )


def _days(stamps: pd.Series) -> list[date]:
    return [stamp.date() for stamp in pd.to_datetime(stamps)[::24]]


def _by_day(values: pd.Series) -> np.ndarray:
    return values.to_numpy(float).reshape(-1, 24)
