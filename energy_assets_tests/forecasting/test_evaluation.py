"""The table of scores: the same figures as the functions, comparable models, a JSON contract."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring
from energy_assets.forecasting.evaluation import (
    ForecastEvaluation,
    ModelForecast,
    ModelScores,
    evaluate,
    path_losses,
    pinball_losses,
    regimes,
)

PERCENTILES = np.arange(1, 100) / 100
CONTRACT = ("mae", "rmse", "rmae_weekly", "rmae_std", "pinball99", "crps", "coverage")


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=i) for i in range(count)]


def case(days: int = 60, slots: int = 24):
    rng = np.random.default_rng(1)
    signal = 40 + 10 * rng.normal(size=(days, slots))
    outcome = signal + 5 * rng.normal(size=(days, slots))
    fan = signal[..., None] + 5 * norm.ppf(PERCENTILES)
    skewed = fan + np.maximum(PERCENTILES - 0.9, 0) * 40
    models = {
        "point": ModelForecast(signal + 4),
        "ensemble": ModelForecast(fan[..., 49], fan, role="ensemble"),
        "skewed": ModelForecast(skewed[..., 49], skewed, role="stage"),
    }
    return models, outcome, days_from(date(2023, 1, 2), days)


def test_scores_are_those_of_the_functions():
    models, outcome, days = case()
    scores = evaluate(models, outcome, days)
    assert list(scores) == list(models)
    ensemble, quantiles = scores["ensemble"], models["ensemble"].quantiles
    assert ensemble.mae == scoring.mae(quantiles[..., 49], outcome)
    assert ensemble.pinball99 == scoring.pinball99(quantiles, outcome)
    assert ensemble.crps == 2 * ensemble.pinball99
    weekday = np.array([day.weekday() for day in days])
    assert ensemble.rmae_std == scoring.rmae_std(quantiles[..., 49], outcome, weekday)
    assert set(ensemble.coverage) == {"50", "80", "90", "98"}
    hits = scoring.inside(quantiles, outcome, PERCENTILES, 0.9)
    assert ensemble.kupiec_hours["90"] == scoring.hours_passing(scoring.kupiec(hits, 0.9))
    assert ensemble.kupiec_hours["90"] >= 20
    for name in ("pinball99", "crps", "coverage", "width", "winkler", "kupiec_hours"):
        assert getattr(scores["point"], name) is None


def test_squared_error_is_of_the_mean_and_absolute_error_of_the_median():
    models, outcome, days = case()
    skewed = evaluate(models, outcome, days)["skewed"]
    assert skewed.mae == scoring.mae(models["skewed"].path, outcome)
    assert skewed.rmse == scoring.rmse(models["skewed"].quantiles.mean(axis=2), outcome)
    given = replace(models["skewed"], mean=np.zeros_like(outcome))
    scores = evaluate(models | {"skewed": given}, outcome, days)
    assert scores["skewed"].rmse == scoring.rmse(0.0 * outcome, outcome)


def test_p_values_say_that_the_main_model_is_better():
    models, outcome, days = case()
    scores = evaluate(models, outcome, days)
    assert scores["ensemble"].dm_p is None
    assert scores["point"].dm_p < 0.001
    assert scores["point"].gw_p < 0.01
    assert scores["point"].dm_hours > 12
    assert scores["point"].dm_pinball_p is None
    assert scores["skewed"].dm_pinball_p < 0.001
    reverse = evaluate(models, outcome, days, main="point")
    assert reverse["ensemble"].dm_p > 0.999


def test_the_document_is_json_and_keeps_the_contract():
    models, outcome, days = case(days=5)
    scores = evaluate(models, outcome, days)
    document = scores["ensemble"].document()
    assert set(CONTRACT) <= set(document)
    assert set(document) == {field.name for field in fields(ModelScores)}
    # Five days have no week before.
    assert document["rmae_weekly"] is None
    json.dumps(document, allow_nan=False)


def test_days_a_model_left_out_are_counted():
    models, outcome, days = case()
    outcome[3] = np.nan
    path = models["point"].path.copy()
    path[3], path[7, 2], path[9] = np.nan, np.nan, np.nan
    scores = evaluate(models | {"point": ModelForecast(path)}, outcome, days)
    assert scores["point"].missing_days == 2
    assert scores["ensemble"].missing_days == 0
    assert np.isfinite(scores["point"].mae)
    assert 0 <= scores["point"].dm_p <= 1


def test_losses_by_day_order_and_norm():
    models, outcome, days = case()
    evaluation = ForecastEvaluation("price", "EUR/MWh", days, outcome, models)
    losses = path_losses(evaluation)
    assert list(losses) == list(models)
    assert losses["point"].mean() == pytest.approx(scoring.mae(models["point"].path, outcome))
    squares = path_losses(evaluation, norm=2)
    assert np.sqrt(squares["skewed"].mean()) == pytest.approx(
        scoring.rmse(models["skewed"].expected, outcome)
    )
    pinball = pinball_losses(evaluation)
    assert list(pinball) == ["ensemble", "skewed"]
    quantiles = models["skewed"].quantiles
    assert pinball["skewed"].mean() == pytest.approx(scoring.pinball99(quantiles, outcome))


def test_regimes_part_the_known_periods():
    outcome = np.random.default_rng(2).uniform(30, 50, (30, 24))
    outcome[0, 0], outcome[1, 1], outcome[2, 2] = 500.0, -30.0, np.nan
    kinds = regimes(outcome)
    spike, negative, rest = kinds.values()
    assert spike.sum() == 1
    assert negative.sum() == 1
    np.testing.assert_array_equal(
        spike.astype(int) + negative + rest, np.isfinite(outcome).astype(int)
    )
    assert list(regimes(np.full((2, 2), 7.0))) == ["the rest"]
    assert regimes(np.full((2, 2), np.nan)) == {}


def test_wrong_input_is_refused():
    models, outcome, days = case()
    with pytest.raises(InputError, match="outcome"):
        evaluate(models, outcome, days[:-1])
    with pytest.raises(InputError, match="consecutive"):
        evaluate(models, outcome, [*days[:-1], date(2030, 1, 1)])
    with pytest.raises(InputError, match="main model"):
        evaluate(models, outcome, days, main="none")
    bad = ModelForecast(outcome, np.zeros((*outcome.shape, 9)))
    with pytest.raises(InputError, match="quantiles of bad"):
        ForecastEvaluation("price", "EUR/MWh", days, outcome, models | {"bad": bad})
