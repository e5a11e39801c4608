"""Daily rolling-origin accuracy of the price forecast: members and ensemble, side by side.

Every delivery day is forecast at its own decision time from what was known then, with the same
functions as the daily run. Scores follow Lago et al. (2021): MAE, RMSE, both relative MAEs, and for
quantiles pinball99, CRPS (twice that) and coverage.

Not here: published forecasts (comparison only, never an input), reading the price file (`feeds`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring
from energy_assets.forecasting.day_ahead import ENSEMBLE, TargetForecast, price_forecast
from energy_assets.forecasting.price import MemberStore, Progress, member_names
from energy_assets.forecasting.profiles import FloatArray
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.vintages import price_matrix
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk


@dataclass(frozen=True)
class ModelScores:
    """Scores of one model over the test days; None where a point model has none."""

    mae: float
    rmse: float
    rmae_weekly: float
    rmae_std: float
    pinball99: float | None
    crps: float | None
    coverage: dict[str, float] | None


@dataclass(frozen=True)
class BenchmarkResult:
    """Scores per model, and what a day cost.

    Attributes:
        days: Test days.
        seconds_per_day: Wall seconds per test day, members' hindcasts included.
        models: `ensemble` and every member.
        median: Ensemble medians by day and hour, (N, 24).
        actual: Outcomes, (N, 24).
    """

    days: list[date]
    seconds_per_day: float
    models: dict[str, ModelScores]
    median: FloatArray
    actual: FloatArray


def forecast_benchmark(
    known: PointInTime,
    desk: Desk,
    first: date,
    last: date,
    *,
    series: Sequence[str],
    store: MemberStore | None = None,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Forecast and score every day from first to last, both included.

    Args:
        known: Rows as of a time after the last outcome; each day reads as of its own decision.
        desk: Gives area, lead time and forecast settings.
        first: First test day.
        last: Last test day.
        series: System forecasts the models read.
        store: Keeps member forecasts.
        progress: Told after each day.

    Raises:
        InputError: A day has too little history for the ensemble.
    """
    store = store or MemberStore()
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    actual = price_matrix(known, desk.area, first, last, 24)
    started = time.perf_counter()
    forecasts: list[TargetForecast] = []
    for number, day in enumerate(days):
        view = known.for_decision(desk.decision_time(day))
        forecast = price_forecast(view, desk, day, series=series, store=store)
        if forecast.model != ENSEMBLE:
            where = f"forecast benchmark of {desk.name}: history before {day}"
            expected = f"{desk.required_history_days} days without gaps"
            raise InputError(where, expected=expected, found=f"enough for {forecast.model} only")
        forecasts.append(forecast)
        if progress:
            progress("test days", number + 1, len(days))
    seconds = (time.perf_counter() - started) / len(days)
    quantiles = np.stack([forecast.quantiles for forecast in forecasts])
    weekday = np.array([day.weekday() for day in days])
    median = quantiles[:, :, len(PERCENTILES) // 2]
    models = {ENSEMBLE: _scores(median, actual, weekday, quantiles)}
    for name in member_names(desk):
        path = np.stack([forecast.members[name] for forecast in forecasts])
        models[name] = _scores(path, actual, weekday, None)
    return BenchmarkResult(days, seconds, models, median, actual)


def _scores(
    point: FloatArray,
    actual: FloatArray,
    weekday: np.ndarray[tuple[int], np.dtype[np.int64]],
    quantiles: FloatArray | None,
) -> ModelScores:
    mean = point if quantiles is None else quantiles.mean(axis=2)
    return ModelScores(
        mae=scoring.mae(point, actual),
        rmse=scoring.rmse(mean, actual),
        rmae_weekly=scoring.rmae_weekly(point, actual),
        rmae_std=scoring.rmae_std(point, actual, weekday),
        pinball99=scoring.pinball99(quantiles, actual) if quantiles is not None else None,
        crps=scoring.crps(quantiles, actual) if quantiles is not None else None,
        coverage=_coverage(quantiles, actual) if quantiles is not None else None,
    )


def _coverage(quantiles: FloatArray, actual: FloatArray) -> dict[str, float]:
    shares = scoring.interval_coverage(quantiles, actual, PERCENTILES)
    return {str(round(100 * level)): share for level, share in shares.items()}
