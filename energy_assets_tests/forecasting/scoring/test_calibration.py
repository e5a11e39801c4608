"""PIT, reliability and their bands: known answers, and bands that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.forecasting import scoring

LEVELS = np.arange(1, 100) / 100


def normal_quantiles(*shape: int) -> np.ndarray:
    return np.broadcast_to(norm.ppf(LEVELS), (*shape, 99))


def correlated_outcomes(days: int, hours: int, correlation: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(days, 1))
    own = rng.normal(size=(days, hours))
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


def test_histogram_is_flat_when_calibrated_and_cup_shaped_when_too_narrow():
    actual = np.random.default_rng(1).normal(size=(5000, 4))
    flat = scoring.pit_histogram(normal_quantiles(5000, 4), actual, LEVELS)
    np.testing.assert_allclose(flat, 1.0, atol=0.12)
    narrow = scoring.pit_histogram(0.5 * normal_quantiles(5000, 4), actual, LEVELS)
    assert narrow[0] > 2
    assert narrow[-1] > 2
    assert narrow[8:12].max() < 1


@given(st.integers(0, 1000), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_histogram_has_mean_one_whatever_the_ties(seed, bins):
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.integers(0, 5, (30, 99)), axis=1).astype(float)
    density = scoring.pit_histogram(quantiles, rng.integers(-1, 6, 30) * 1.0, LEVELS, bins)
    assert density.mean() == pytest.approx(1.0)
    assert (density >= 0).all()


def test_ties_spread_over_their_levels():
    """A forecast certain of the outcome is calibrated at every level."""
    density = scoring.pit_histogram(np.zeros((10, 99)), np.zeros(10), LEVELS)
    np.testing.assert_allclose(density, 1.0)
    np.testing.assert_allclose(scoring.reliability(np.zeros((10, 99)), np.zeros(10), LEVELS), 0.5)


def test_reliability_known_answer_with_gaps():
    quantiles = np.array([[1.0, 2.0, 3.0]] * 4)
    actual = np.array([0.0, 2.0, 9.0, np.nan])
    observed = scoring.reliability(quantiles, actual, np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(observed, [1 / 3, 0.5, 2 / 3])
    assert np.isnan(scoring.reliability(quantiles, actual * np.nan, LEVELS[:3])).all()


def test_bands_of_independent_hours_are_binomial():
    actual = correlated_outcomes(2000, 4, 0.0, seed=2)
    bands = scoring.consistency_bands(normal_quantiles(2000, 4), actual, LEVELS)
    half = (bands.reliability[1] - bands.reliability[0])[49] / 2
    assert half == pytest.approx(norm.ppf(0.95) * np.sqrt(0.25 / 8000), rel=0.2)
    height = (bands.histogram[1] - bands.histogram[0]).mean() / 2
    assert height == pytest.approx(20 * norm.ppf(0.95) * np.sqrt(0.05 * 0.95 / 8000), rel=0.2)


def test_hours_that_err_together_widen_the_bands():
    def half_width(correlation):
        actual = correlated_outcomes(700, 24, correlation, seed=3)
        low, high = scoring.consistency_bands(
            normal_quantiles(700, 24), actual, LEVELS, resamples=200
        ).reliability
        return (high - low)[49] / 2

    # 24 hours that are one have the error of one.
    alone = norm.ppf(0.95) * np.sqrt(0.25 / 700)
    assert half_width(0.999) == pytest.approx(alone, rel=0.25)
    assert half_width(0.0) < 0.35 * alone


def test_a_calibrated_forecast_stays_within_its_bands_and_a_biased_one_does_not():
    within = []
    for seed in range(12):
        actual = correlated_outcomes(300, 6, 0.7, seed)
        quantiles = normal_quantiles(300, 6)
        low, high = scoring.consistency_bands(
            quantiles, actual, LEVELS, resamples=150, seed=seed
        ).reliability
        observed = scoring.reliability(quantiles, actual, LEVELS)
        within.append(((low <= observed) & (observed <= high)).mean())
        biased = scoring.reliability(quantiles + 0.3, actual, LEVELS)
        assert not ((low <= biased) & (biased <= high))[20:80].any()
    assert 0.75 < np.mean(within) <= 1.0


def test_bands_are_reproducible_and_cope_with_gaps_and_a_constant_hour():
    actual = correlated_outcomes(50, 3, 0.5, seed=1)
    actual[5] = np.nan
    actual[:, 2] = 0.0
    quantiles = np.array(normal_quantiles(50, 3))
    quantiles[:, 2] = 0.0
    first, again = (
        scoring.consistency_bands(quantiles, actual, LEVELS, resamples=20, seed=7) for _ in range(2)
    )
    np.testing.assert_array_equal(first.reliability, again.reliability)
    assert np.isfinite(first.reliability).all()
    assert np.isfinite(first.histogram).all()
