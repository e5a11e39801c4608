"""Day-ahead scenarios brought up to date with newer quantiles of single targets.

A scenario keeps its rank among the others in every MTU and takes the new forecast's value at that
rank: newer knowledge moves and narrows the paths, what ties hours and targets together stays as the
day-ahead forecast drew it. MTUs without a newer forecast stay.

Not here: the newer forecast (`forecasting.intraday`), known prices (`session_problem`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.intraday.desk import IntradayForecast
from energy_assets.forecasting.quantile_regression import PERCENTILES


def updated_scenarios(scenarios: Scenarios, forecasts: Mapping[str, IntradayForecast]) -> Scenarios:
    """The same scenarios under newer forecasts.

    Args:
        scenarios: Of the day-ahead decision.
        forecasts: By target; those that are no target of the scenarios are ignored.
    """
    place = {start: number for number, start in enumerate(scenarios.day.starts)}
    paths = dict(scenarios.paths)
    for target, forecast in forecasts.items():
        if target not in paths:
            continue
        ranks = ranks_of(paths[target], scenarios.probabilities)
        path = paths[target].copy()
        for start, quantiles in zip(forecast.starts, forecast.quantiles, strict=True):
            if start in place:
                t = place[start]
                path[:, t] = np.interp(ranks[:, t], PERCENTILES, quantiles)
        paths[target] = path
    return replace(scenarios, paths=paths)


def ranks_of(paths: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Probability mass below each path, its own half included, by MTU (S, T)."""
    order = np.argsort(paths, axis=0, kind="stable")
    mass = probabilities[order]
    below = np.cumsum(mass, axis=0) - mass / 2
    ranks = np.empty(paths.shape)
    np.put_along_axis(ranks, order, below, axis=0)
    return ranks
