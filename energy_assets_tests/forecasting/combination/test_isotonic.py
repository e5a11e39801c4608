"""Isotonic distributional regression against one scikit-learn isotonic fit per threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from energy_assets.errors import InputError
from energy_assets.forecasting.combination import isotonic


def sample(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    covariate = np.round(rng.normal(40, 10, rows))
    return covariate, covariate + rng.normal(0, 1 + np.abs(covariate) / 10)


@given(st.integers(0, 1000), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_probabilities_are_those_of_isotonic_regression_at_every_threshold(seed, rows):
    covariate, outcome = sample(seed, rows)
    fitted = isotonic.fit(covariate, outcome)
    np.testing.assert_array_equal(fitted.knots, np.unique(covariate))
    for t, threshold in enumerate(fitted.thresholds):
        oracle = IsotonicRegression(increasing=False).fit(covariate, outcome <= threshold)
        expected = oracle.predict(fitted.knots)
        np.testing.assert_allclose(fitted.probabilities[:, t], expected, atol=1e-7)


@given(st.integers(0, 1000), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_quantiles_rise_with_level_and_covariate(seed, rows):
    covariate, outcome = sample(seed, rows)
    grid = np.linspace(covariate.min() - 5, covariate.max() + 5, 40)
    quantiles = isotonic.fit(covariate, outcome).quantiles(grid)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (np.diff(quantiles, axis=0) >= 0).all()
    assert quantiles.min() >= outcome.min()
    assert quantiles.max() <= outcome.max()


def test_one_covariate_value_gives_the_empirical_quantiles():
    outcome = np.arange(1.0, 101.0)
    quantiles = isotonic.fit(np.full(100, 7.0), outcome).quantiles(np.array([7.0]))
    np.testing.assert_array_equal(quantiles[0], outcome[:99])


def test_gaps_are_left_out_and_nothing_left_is_refused():
    covariate, outcome = sample(1, 30)
    holes = outcome.copy()
    holes[3] = np.nan
    kept = np.delete(np.arange(30), 3)
    found = isotonic.fit(covariate, holes).quantiles(np.array([40.0, np.nan]))
    expected = isotonic.fit(covariate[kept], outcome[kept]).quantiles(np.array([40.0]))
    np.testing.assert_array_equal(found[:1], expected)
    assert np.isnan(found[1]).all()
    with pytest.raises(InputError, match="without NaN"):
        isotonic.fit(covariate, np.full(30, np.nan))
