"""Diebold-Mariano and Giacomini-White against statsmodels, and their size under the null."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring


def test_daily_losses_leave_out_unknown_hours_and_keep_unknown_days():
    actual = np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(scoring.daily_loss(np.zeros((3, 2)), actual), [1.5, 3.0, np.nan])
    np.testing.assert_array_equal(
        scoring.daily_loss(np.zeros((3, 2)), actual, 2), [2.5, 9.0, np.nan]
    )


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_diebold_mariano_is_the_robust_t_test_of_the_mean(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.gamma(2, 1, 100), rng.gamma(2, 0.95, 100)
    fit = sm.OLS(first - second, np.ones(100)).fit(cov_type="HC0")
    two_sided = float(fit.pvalues[0])
    expected = two_sided / 2 if fit.params[0] > 0 else 1 - two_sided / 2
    assert scoring.diebold_mariano(first, second) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_giacomini_white_is_n_times_the_uncentred_r_squared(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.gamma(2, 1.1, 120), rng.gamma(2, 1, 120)
    difference = first - second
    products = np.column_stack([difference[1:], difference[:-1] * difference[1:]])
    ones = np.ones(len(products))
    residuals = sm.OLS(ones, products).fit().resid
    statistic = len(ones) * (1 - (residuals**2).mean())
    better = difference[1:].mean() > 0
    expected = chi2.sf(statistic, 2) if better else 1.0
    assert scoring.giacomini_white(first, second) == pytest.approx(expected, abs=1e-9)


def test_swapped_models_swap_the_verdict():
    rng = np.random.default_rng(2)
    first, second = rng.gamma(2, 1.3, 300), rng.gamma(2, 1, 300)
    assert scoring.diebold_mariano(first, second) < 1e-4
    assert scoring.diebold_mariano(first, second) == pytest.approx(
        1 - scoring.diebold_mariano(second, first)
    )
    assert scoring.giacomini_white(first, second) < 1e-3
    assert scoring.giacomini_white(second, first) == 1.0


def test_giacomini_white_sees_what_yesterday_tells():
    """Equal on average; but which model wins tomorrow follows from today."""
    rng = np.random.default_rng(1)
    sign = np.where(np.arange(400) % 2, 1.0, -1.0)
    difference = sign + 0.3 * rng.normal(size=400) + 0.05
    assert scoring.diebold_mariano(difference, np.zeros(400)) > 0.1
    assert scoring.giacomini_white(difference, np.zeros(400)) < 1e-6


def test_hours_are_tested_each_alone_and_unknown_days_left_out():
    rng = np.random.default_rng(3)
    first, second = rng.gamma(2, 1.1, (200, 3)), rng.gamma(2, 1, (200, 3))
    first[7, 1] = second[9, 1] = np.nan
    known = np.isfinite(first[:, 1] - second[:, 1])
    p_values = scoring.diebold_mariano(first, second)
    assert p_values.shape == (3,)
    assert p_values[0] == scoring.diebold_mariano(first[:, 0], second[:, 0])
    assert p_values[1] == pytest.approx(
        float(scoring.diebold_mariano(first[known, 1], second[known, 1]))
    )
    conditional = scoring.giacomini_white(first, second)
    assert conditional[2] == scoring.giacomini_white(first[:, 2], second[:, 2])
    assert np.isfinite(conditional[1])


@pytest.mark.parametrize("test", [scoring.diebold_mariano, scoring.giacomini_white])
def test_equal_or_too_few_losses_have_no_p_value(test):
    assert np.isnan(test(np.ones(50), np.ones(50)))
    assert np.isnan(test(np.ones(50), np.full(50, np.nan)))
    assert np.isnan(test(np.array([1.0]), np.array([2.0])))
    with pytest.raises(InputError, match="losses"):
        test(np.ones(5), np.ones(6))


def test_a_scale_of_millions_changes_no_p_value():
    rng = np.random.default_rng(5)
    first, second = rng.gamma(2, 1.1, 150), rng.gamma(2, 1, 150)
    for test in (scoring.diebold_mariano, scoring.giacomini_white):
        assert test(1e6 * first, 1e6 * second) == pytest.approx(float(test(first, second)))


def test_size_under_the_null_is_about_nominal():
    rng = np.random.default_rng(6)
    first, second = rng.gamma(2, 1, (2, 365, 1500))
    assert 0.03 < (scoring.diebold_mariano(first, second) < 0.05).mean() < 0.07
    # One-sided by sign: half of the two-sided size.
    assert 0.01 < (scoring.giacomini_white(first, second) < 0.05).mean() < 0.045


def test_matrix_row_is_the_first_model():
    rng = np.random.default_rng(8)
    losses = {"bad": rng.gamma(2, 2, 100), "good": rng.gamma(2, 1, 100)}
    matrix = scoring.p_value_matrix(losses)
    assert np.isnan(np.diag(matrix)).all()
    assert matrix[0, 1] < 0.01 < 0.99 < matrix[1, 0]
    assert matrix[0, 1] == scoring.diebold_mariano(losses["bad"], losses["good"])


def test_published_forecasts_rank_as_published(real_data):
    """Lago et al. (2021): in DE the DNN ensemble is significantly better than the LEAR one."""
    with gzip.open(real_data / "epf" / "forecasts_DE_dnn_lear.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    actual, dnn, lear = (
        np.array([float(row[name]) for row in rows]).reshape(-1, 24)
        for name in ("Real price", "DNN Ensemble", "LEAR Ensemble")
    )
    losses = [scoring.daily_loss(forecast, actual) for forecast in (lear, dnn)]
    for test in (scoring.diebold_mariano, scoring.giacomini_white):
        assert test(*losses) < 0.01
        assert test(*losses[::-1]) > 0.99
