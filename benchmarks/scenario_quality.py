"""Energy and variogram scores of joint scenarios: independent, Gaussian copula, Schaake shuffle.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/scenario_quality.py [SET...]

    de   24 hours of the EPF DE price. Marginals: historical simulation of the published LEAR
         ensemble, 182 days.
    gb   48 half-hours of the GB day-ahead price and 48 of the imbalance price, jointly. Marginals:
         historical simulation of persistence (day-ahead of the day before, the newest whole day
         known in the morning; imbalance of two days before), 182 days.

Marginals are the same for all methods, so that differences are the dependence alone. Ranks of up to
364 past days give it; each day sees only days before it (imbalance: two days before). The shrinkage
of the copula is chosen on the validation days, which end the day before the first test day, once by
each score: the energy score hardly tells dependences apart (Pinson and Tastu 2013), the variogram
score does. Both are of values divided by the mean interquartile range of the first validation day's
marginals. The p-value is Diebold-Mariano's against the line named, small where that one is better.
Seeds are the days' ordinals.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from datasets import epf_published, real_data

from energy_assets.forecasting import scenarios, scoring
from energy_assets.forecasting.quantile_regression import PERCENTILES

PATHS = 200
ERROR_DAYS, RANK_DAYS = 182, 364
SHRINKAGES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7)


@dataclass(frozen=True)
class Problem:
    """Point forecasts and outcomes (N, V) of consecutive days; validation and test rows."""

    days: list[date]
    forecast: np.ndarray
    outcome: np.ndarray
    known_lag: np.ndarray
    validation: range
    test: range


def de() -> Problem:
    frame = epf_published("DE")
    outcome, forecast = (
        frame[name].to_numpy(float).reshape(-1, 24) for name in ("Real price", "LEAR Ensemble")
    )
    days = [date(2016, 1, 4) + timedelta(days=i) for i in range(len(outcome))]
    first = days.index(date(2017, 1, 1))
    return Problem(
        days, forecast, outcome, np.ones(24, int), range(first - 90, first), range(first, len(days))
    )


def gb() -> Problem:
    path = real_data() / "gb-heftcom/gb_market_and_hybrid_plant_20200919_20240118.csv.gz"
    frame = pd.read_csv(path, parse_dates=["datetime_utc"])
    # Rows of 48 half-hours in UTC; the window has no imbalance price before 2021-02-19.
    frame = frame[frame["datetime_utc"].between("2021-02-20", "2023-01-01", inclusive="left")]
    stamps = frame["datetime_utc"]
    assert (stamps.diff().dropna() == pd.Timedelta(minutes=30)).all()
    ahead, imbalance = (
        frame[name].to_numpy(float).reshape(-1, 48)
        for name in ("da_price_gbp_mwh", "imbalance_price_gbp_mwh")
    )
    days = [stamp.date() for stamp in stamps.iloc[::48]]
    outcome = np.hstack([ahead, imbalance])
    forecast = np.full(outcome.shape, np.nan)
    forecast[1:, :48], forecast[2:, 48:] = ahead[:-1], imbalance[:-2]
    first = days.index(date(2022, 1, 1))
    lag = np.repeat([1, 2], 48)
    return Problem(days, forecast, outcome, lag, range(first - 90, first), range(first, len(days)))


def marginals(problem: Problem) -> np.ndarray:
    """Historical simulation of every day from the errors known then, (N, V, 99), else NaN."""
    errors = problem.outcome - problem.forecast
    quantiles = np.full((*errors.shape, len(PERCENTILES)), np.nan)
    lags = np.unique(problem.known_lag)
    for row in range(ERROR_DAYS + int(lags.max()) + 1, len(errors)):
        for lag in lags:
            those = problem.known_lag == lag
            past = errors[row + 1 - lag - ERROR_DAYS : row + 1 - lag, those]
            spread = np.nanquantile(past, PERCENTILES, axis=0, method="median_unbiased").T
            quantiles[row, those] = problem.forecast[row, those, None] + spread
    return quantiles


def past_ranks(problem: Problem, ranks: np.ndarray, row: int) -> np.ndarray:
    """Ranks known at the decision of a day; a rank of a later outcome is NaN."""
    known = ranks[max(row - RANK_DAYS, 0) : row].copy()
    for lag in np.unique(problem.known_lag):
        known[len(known) + 1 - lag :, problem.known_lag == lag] = np.nan
    return known[np.isfinite(known).any(axis=1)]


def score(problem: Problem, rows: range, methods: dict) -> dict[str, np.ndarray]:
    """Energy and variogram score by day and method, (days, 2)."""
    quantiles = marginals(problem)
    ranks = scenarios.pit(quantiles, problem.outcome, PERCENTILES)
    scale = np.nanmean(np.ptp(quantiles[problem.validation[0]][:, 24:75], axis=-1))
    scores: dict[str, list] = {name: [] for name in methods}
    for row in rows:
        past = past_ranks(problem, ranks, row)
        for name, settings in methods.items():
            paths = scenarios.joint_paths(
                past[:0] if settings is None else past,
                quantiles[row],
                PERCENTILES,
                PATHS,
                problem.days[row].toordinal(),
                **(settings or {}),
            )
            outcome = problem.outcome[row]
            scores[name].append(
                (
                    scoring.energy_score(paths / scale, outcome / scale),
                    scoring.variogram_score(paths / scale, outcome / scale),
                )
            )
    return {name: np.array(values) for name, values in scores.items()}


def gaussian(shrinkage: float) -> tuple[str, dict]:
    return f"gaussian, shrinkage {shrinkage:g}", {"shrinkage": shrinkage}


def main(name: str) -> None:
    problem = {"de": de, "gb": gb}[name]()
    started = time.process_time()
    methods = {
        "independent": None,
        **dict(map(gaussian, SHRINKAGES)),
        "schaake": {"dependence": "schaake"},
    }
    validation = score(problem, problem.validation, methods)
    show(f"{name}: validation", problem, problem.validation, validation, "schaake")
    chosen = [
        min(SHRINKAGES, key=lambda a: np.nanmean(validation[gaussian(a)[0]][:, i])) for i in (0, 1)
    ]
    print(f"shrinkage by energy score {chosen[0]:g}, by variogram score {chosen[1]:g}")
    test = score(problem, problem.test, methods)
    show(f"{name}: test", problem, problem.test, test, gaussian(chosen[1])[0])
    print(f"{time.process_time() - started:.0f} CPU seconds")


def show(title: str, problem: Problem, rows: range, scores: dict, rival: str) -> None:
    days = f"{problem.days[rows[0]]} to {problem.days[rows[-1]]}"
    print(f"\n{title}, {len(rows)} days, {days}, {PATHS} paths")
    print(f"  {'':26s}{'energy':>9s}{'variogram':>11s}   p against {rival}: energy, variogram")
    for method, values in scores.items():
        means = np.nanmean(values, axis=0)
        p_values = [scoring.diebold_mariano(values[:, i], scores[rival][:, i]) for i in (0, 1)]
        tail = "" if method == rival else "   {:.4f}   {:.4f}".format(*map(float, p_values))
        print(f"  {method:26s}{means[0]:9.4f}{means[1]:11.3f}{tail}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["de", "gb"]:
        main(wanted)
