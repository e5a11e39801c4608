"""Accuracy of point, quantile and path forecasts, to the standard of the field.

Belongs here: pure functions of forecast and outcome, each with its formula. Not here: which
forecast is scored when, tables of scores over models (`evaluation`), charts (`reports`).

    `point`           MAE, RMSE, both relative MAEs and their naive forecasts
    `quantile`        pinball loss, pinball99, CRPS; coverage, width and score of intervals
    `coverage_tests`  Kupiec and Christoffersen, hour by hour
    `calibration`     PIT histogram, reliability diagram, consistency bands
    `path`            energy score, variogram score
    `significance`    Diebold-Mariano, Giacomini-White, matrix of p-values

Two conventions mislead when papers are compared. The electricity price literature prints the mean
pinball loss over 99 percentiles as "CRPS": that is half the true one, so both are here under their
own names. Relative MAE depends on the naive forecast: `rmae_weekly` and `rmae_std` name it.
Cells where forecast or outcome is NaN are left out of every mean.
"""

from energy_assets.forecasting.scoring.calibration import (
    ConsistencyBands,
    consistency_bands,
    pit_histogram,
    reliability,
)
from energy_assets.forecasting.scoring.coverage_tests import (
    christoffersen,
    christoffersen_independence,
    hours_passing,
    kupiec,
)
from energy_assets.forecasting.scoring.path import energy_score, variogram_score
from energy_assets.forecasting.scoring.point import (
    mae,
    rmae_std,
    rmae_weekly,
    rmse,
    standard_naive,
    weekly_naive,
)
from energy_assets.forecasting.scoring.quantile import (
    COVERAGES,
    crps,
    inside,
    interval_coverage,
    interval_score,
    interval_width,
    pinball,
    pinball99,
    pinball_cells,
)
from energy_assets.forecasting.scoring.significance import (
    PairTest,
    daily_loss,
    daily_mean,
    diebold_mariano,
    giacomini_white,
    p_value_matrix,
)

__all__ = [
    "COVERAGES",
    "ConsistencyBands",
    "PairTest",
    "christoffersen",
    "christoffersen_independence",
    "consistency_bands",
    "crps",
    "daily_loss",
    "daily_mean",
    "diebold_mariano",
    "energy_score",
    "giacomini_white",
    "hours_passing",
    "inside",
    "interval_coverage",
    "interval_score",
    "interval_width",
    "kupiec",
    "mae",
    "p_value_matrix",
    "pinball",
    "pinball99",
    "pinball_cells",
    "pit_histogram",
    "reliability",
    "rmae_std",
    "rmae_weekly",
    "rmse",
    "standard_naive",
    "variogram_score",
    "weekly_naive",
]
