"""Scores: known answers, conventions that papers mix up, and the public reference figures."""

from __future__ import annotations

import csv
import datetime as dt
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring

PERCENTILES = np.arange(1, 100) / 100


def test_point_errors_known_answer():
    actual, forecast = np.array([1.0, 2.0, np.nan]), np.array([2.0, 5.0, 0.0])
    assert scoring.mae(forecast, actual) == pytest.approx(2.0)
    assert scoring.rmse(forecast, actual) == pytest.approx(np.sqrt(5.0))


def test_pinball_known_answer():
    loss = scoring.pinball(np.array([[10.0, 10.0]]), np.array([14.0]), np.array([0.1, 0.9]))
    np.testing.assert_allclose(loss, [0.4, 3.6])
    loss = scoring.pinball(np.array([[10.0, 10.0]]), np.array([6.0]), np.array([0.1, 0.9]))
    np.testing.assert_allclose(loss, [3.6, 0.4])


def test_crps_is_that_of_the_normal_and_twice_the_pinball():
    rng = np.random.default_rng(1)
    actual = rng.normal(size=20_000)
    quantiles = np.tile(norm.ppf(PERCENTILES), (20_000, 1))
    # Gneiting and Raftery 2007, equation 21.
    exact = actual * (2 * norm.cdf(actual) - 1) + 2 * norm.pdf(actual) - 1 / np.sqrt(np.pi)
    assert scoring.crps(quantiles, actual) == pytest.approx(exact.mean(), rel=0.02)
    assert scoring.crps(quantiles, actual) == 2 * scoring.pinball99(quantiles, actual)


@given(st.integers(0, 1000), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_degenerate_quantiles_score_half_the_absolute_error(seed, point):
    actual = np.random.default_rng(seed).normal(0, 20, 30)
    quantiles = np.full((30, 99), point)
    assert scoring.crps(quantiles, actual) == pytest.approx(
        scoring.mae(np.full(30, point), actual), abs=1e-9
    )


@pytest.mark.parametrize("nominal", [0.5, 0.8, 0.9, 0.98])
def test_coverage_of_true_quantiles_is_nominal(nominal):
    actual = np.random.default_rng(2).normal(size=40_000)
    quantiles = np.tile(norm.ppf(PERCENTILES), (40_000, 1))
    coverage = scoring.interval_coverage(quantiles, actual, PERCENTILES)
    assert coverage[nominal] == pytest.approx(nominal, abs=0.01)


def test_naive_forecasts_use_the_right_day():
    actual = np.arange(21.0)[:, None] * np.ones(2)
    weekday = np.arange(21) % 7
    weekly, standard = scoring.weekly_naive(actual), scoring.standard_naive(actual, weekday)
    assert np.isnan(weekly[:7]).all()
    assert np.isnan(standard[:7]).all()
    np.testing.assert_array_equal(weekly[7:, 0], np.arange(14.0))
    np.testing.assert_array_equal(standard[7:14, 0], [0, 7, 8, 9, 10, 5, 6])


def test_wrong_levels_are_refused():
    with pytest.raises(InputError, match="99 percentiles"):
        scoring.pinball99(np.zeros((4, 9)), np.zeros(4))
    with pytest.raises(InputError, match=r"0\.25"):
        scoring.interval_coverage(np.zeros((4, 1)), np.zeros(4), np.array([0.5]))


def test_published_relative_errors_are_reproduced(real_data):
    """LEAR ensemble on EPF DE: MAE 3.609, weekly rMAE .395, standard rMAE .449, 728 days."""
    path = real_data / "epf" / "forecasts_DE_dnn_lear.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    actual, forecast = (
        np.array([float(row[name]) for row in rows]).reshape(-1, 24)
        for name in ("Real price", "LEAR Ensemble")
    )
    first = dt.date.fromisoformat(rows[0]["datetime_local"][:10])
    weekday = (first.weekday() + np.arange(len(actual))) % 7
    assert scoring.mae(forecast, actual) == pytest.approx(3.609, abs=1e-3)
    assert scoring.rmse(forecast, actual) == pytest.approx(6.508, abs=1e-3)
    assert scoring.rmae_weekly(forecast, actual) == pytest.approx(0.395, abs=1e-3)
    assert scoring.rmae_std(forecast, actual, weekday) == pytest.approx(0.449, abs=1e-3)
