"""Guidance of wind and solar output from weather forecasts alone, honest on its own training days.

The intraday model learns from the errors of its guidance. Guidance fitted on the very days it
explains has errors that are too small there, so each block of days gets the guidance of a model
fitted without it; periods after the training span get the model of the whole span.

Belongs here: output as a function of weather and time of day. Not here: recent errors (`boosting`),
day-ahead members, which read days rather than vintages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energy_assets.forecasting.arrays import BoolArray, FloatArray, IntArray
from energy_assets.forecasting.boosted_trees import TreeSettings, fit_trees
from energy_assets.forecasting.intraday.history import Vintages
from energy_assets.forecasting.intraday.ladder import percentiles

if TYPE_CHECKING:
    import lightgbm

_MINIMUM_ROWS = 500
_TREES = TreeSettings(
    trees=120,
    learning_rate=0.06,
    num_leaves=15,
    min_data_in_leaf=80,
    bagging_fraction=0.8,
    lambda_l2=1.0,
)
_BLOCKS, _BLOCK_DAYS = 4, 8


@dataclass(frozen=True)
class WeatherSeries:
    """Weather by vintage and period, with what the models read.

    Attributes:
        columns: Weather variables and time of day, (V, N, F); NaN where a vintage is silent.
        known_from: As in `Vintages`, (V, N).
        silent: Variables without which a vintage says nothing, among the columns.
    """

    columns: FloatArray
    known_from: IntArray
    silent: int = 0

    @property
    def speaks(self) -> BoolArray:
        """Where a vintage has its main variable, (V, N)."""
        return np.isfinite(self.columns[..., self.silent])


def weather_guidance(
    weather: WeatherSeries, outcome: FloatArray, until: int, per_day: int
) -> Vintages:
    """Median output of every vintage and period.

    Args:
        weather: The forecasts.
        outcome: Output, (N,); only periods before `until` are learnt from.
        until: First period that is not for training.
        per_day: Periods of a day.
    """
    size = len(outcome)
    periods = np.arange(size)
    block = periods // (per_day * _BLOCK_DAYS) % _BLOCKS
    values = np.full(weather.known_from.shape, np.nan)
    for number in range(_BLOCKS + 1):
        training = (periods < until) & (block != number)
        wanted = (periods < until) & (block == number) if number < _BLOCKS else periods >= until
        if not wanted.any():
            continue
        booster = fit_weather(weather, outcome, training)
        if booster is not None:
            asked = weather.speaks & wanted
            values[asked] = booster.predict(weather.columns[asked])
    return Vintages(values, weather.known_from)


def weather_quantiles(
    weather: WeatherSeries,
    vintage: int,
    outcome: FloatArray,
    until: int,
    levels: tuple[float, ...],
) -> FloatArray:
    """Quantiles from one row of vintages alone: the day-ahead forecast of a plant.

    Args:
        weather: The forecasts.
        vintage: Row of the vintages.
        outcome: Output, (N,); only periods before `until` are learnt from.
        until: First period to forecast.
        levels: Levels with an ensemble of their own.

    Returns:
        (N - until, 99); NaN where the vintage is silent.
    """
    columns, speaks = weather.columns[vintage], weather.speaks[vintage]
    training = np.flatnonzero(speaks[:until] & np.isfinite(outcome[:until]))
    wanted = np.flatnonzero(speaks[until:])
    made = np.column_stack(
        [
            fit_trees(columns[training], outcome[training], _TREES, level=level, seed=n).predict(
                columns[until:][wanted]
            )
            for n, level in enumerate(levels)
        ]
    )
    result = np.full((len(outcome) - until, 99), np.nan)
    result[wanted] = percentiles(made, np.array(levels))
    return result


def fit_weather(
    weather: WeatherSeries, outcome: FloatArray, training: BoolArray
) -> lightgbm.Booster | None:
    """Median output as a function of weather, from periods (N,) to learn from; None if too few."""
    learnt = weather.speaks & (training & np.isfinite(outcome))
    if learnt.sum() < _MINIMUM_ROWS:
        return None
    answers = np.broadcast_to(outcome, learnt.shape)[learnt]
    return fit_trees(weather.columns[learnt], answers, _TREES)


def apply_weather(booster: lightgbm.Booster, weather: WeatherSeries) -> Vintages:
    """Median output of every vintage and period; NaN where a vintage is silent."""
    values = np.full(weather.known_from.shape, np.nan)
    values[weather.speaks] = booster.predict(weather.columns[weather.speaks])
    return Vintages(values, weather.known_from)
