"""Intraday forecasts as rows of `forecasts.quantiles`, one batch per delivery day.

Belongs here: the one mapping to the table. Not here: reading it back (`records`), decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from energy_assets.forecasting.intraday.desk import IntradayForecast
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.lakehouse.run_stamp import Mode, RunStamp

SESSION = "intraday"


def intraday_rows(
    forecasts: Mapping[str, IntradayForecast], run_id: str, mode: Mode
) -> dict[date, pl.DataFrame]:
    """Stamped rows of `forecasts.quantiles` by delivery day; the decision time is the forecast's.

    Args:
        forecasts: By target, all made at one time.
        run_id: Run that writes.
        mode: live, replay or what_if.
    """
    frames: dict[date, list[pl.DataFrame]] = {}
    for forecast in forecasts.values():
        starts = np.array(forecast.starts)
        for day in forecast.days:
            inside = (starts >= day.start) & (starts < day.end)
            if inside.any():
                rows = _rows(forecast, np.flatnonzero(inside))
                stamp = RunStamp(SESSION, day.label, forecast.at, run_id, mode)
                stamped = stamp.on(rows, "forecasts.quantiles")
                frames.setdefault(day.label, []).append(stamped)
    return {day: pl.concat(found) for day, found in sorted(frames.items())}


def _rows(forecast: IntradayForecast, periods: np.ndarray) -> pl.DataFrame:
    levels = list(PERCENTILES)
    return pl.DataFrame(
        {
            "target": forecast.target,
            "model": forecast.model,
            "model_version": forecast.version,
            "period_start": [forecast.starts[p] for p in periods for _ in levels],
            "resolution_min": [forecast.minutes[p] for p in periods for _ in levels],
            "level": levels * len(periods),
            "value": forecast.quantiles[periods].reshape(-1),
        }
    )
