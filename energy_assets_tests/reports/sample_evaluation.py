"""Forecasts of a synthetic price by several models: a good one, a biased one, points only."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from energy_assets.forecasting.evaluation import AblationRow, ForecastEvaluation, ModelForecast

LEVELS = np.arange(1, 100) / 100
SCORES = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
FIRST = date(2021, 3, 1)
LONG_NAME = "quantile_regression_averaging_smoothed_182"


def fan(centre: np.ndarray, spread: float) -> np.ndarray:
    return centre[..., None] + spread * SCORES


def sample_evaluation(days: int = 120, slots: int = 24, seed: int = 5) -> ForecastEvaluation:
    """The ensemble is calibrated; `narrow` is half as wide as it should be and biased."""
    rng = np.random.default_rng(seed)
    hour = (np.arange(slots) + 0.5) * 24 / slots
    level = 45 + 25 * np.sin(np.arange(days) / 9)[:, None]
    known = level + 18 * np.sin((hour - 5) / 24 * 4 * np.pi) - 25 * np.exp(-((hour - 13) ** 2) / 6)
    shock = 0.7 * rng.normal(size=(days, 1)) + 0.7 * rng.normal(size=(days, slots))
    outcome = known + 6 * shock
    outcome[days // 3, 2 * slots // 3] = 400.0
    outcome[days // 2, :3] = np.nan

    def points(error: float, seed: int) -> np.ndarray:
        own = np.random.default_rng(seed)
        return known + error * own.normal(size=(days, 1)) + error * own.normal(size=known.shape)

    ensemble, narrow = known + 0.1, known + 3
    members = {name: points(error, i) for i, (name, error) in enumerate(_MEMBERS.items())}
    members["boosting_364"][10] = np.nan
    models = {
        "narrow": ModelForecast(narrow, fan(narrow, 3.0), role="stage"),
        LONG_NAME: ModelForecast(points(2, 9), fan(points(2, 9), 6.5), role="stage"),
        **{name: ModelForecast(path, seconds=0.12) for name, path in members.items()},
        "ensemble": ModelForecast(ensemble, fan(ensemble, 5.94), role="ensemble", seconds=0.8),
        "published <LEAR>": ModelForecast(points(4, 11), role="benchmark"),
    }
    return ForecastEvaluation(
        target="day-ahead price, sample",
        unit="EUR/MWh",
        days=[FIRST + timedelta(days=i) for i in range(days)],
        outcome=outcome,
        models=models,
        ablation=[
            AblationRow("whole", {"mae": 4.0, "pinball99": 1.5}, {"mae": 4.2, "pinball99": 1.6}),
            AblationRow("without <b>", {"mae": 4.1, "pinball99": 1.6}, {"mae": 4.1}),
        ],
        seconds={"members": 0.6, "quantiles": 0.2},
        command="energy-assets forecast-benchmark --prices sample.csv.gz",
        facts={"Seeds": "5"},
    )


_MEMBERS = {"lear_56": 4.0, "lear_84": 3.6, "lear_1092": 3.0, "lear_1456": 3.1, "boosting_364": 2.8}
