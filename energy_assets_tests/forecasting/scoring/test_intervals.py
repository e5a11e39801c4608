"""Intervals: hits, width and interval score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring

PERCENTILES = np.arange(1, 100) / 100


def test_hits_include_the_bounds_and_leave_unknown_days_open():
    quantiles = np.tile(np.arange(1.0, 100.0), (5, 1))
    actual = np.array([5.0, 95.0, 4.9, np.nan, 96.0])
    hits = scoring.inside(quantiles, actual, PERCENTILES, 0.9)
    np.testing.assert_array_equal(hits, [1, 1, 0, np.nan, 0])
    assert scoring.interval_coverage(quantiles, actual, PERCENTILES, [0.9]) == {0.9: 0.5}


def test_width_is_that_of_the_normal():
    quantiles = np.tile(3 * norm.ppf(PERCENTILES), (4, 1))
    widths = scoring.interval_width(quantiles, PERCENTILES)
    for coverage, width in widths.items():
        assert width == pytest.approx(6 * norm.ppf((1 + coverage) / 2))


def test_interval_score_known_answer():
    quantiles = np.tile(np.arange(1.0, 100.0), (3, 1))
    actual = np.array([50.0, 3.0, 99.0])
    score = scoring.interval_score(quantiles, actual, PERCENTILES, [0.9])
    # 90 wide; two misses by 2 and 4 at 2 / 0.1 each.
    assert score[0.9] == pytest.approx(90 + (20 * 2 + 20 * 4) / 3)


@given(st.integers(0, 1000), st.sampled_from(scoring.COVERAGES))
@settings(max_examples=25, deadline=None)
def test_interval_score_is_the_pinball_loss_of_its_bounds(seed, coverage):
    """IS = (2 / alpha) * (pinball of the lower bound + pinball of the upper), Bracher 2021."""
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.normal(size=(20, 99)), axis=1)
    actual = rng.normal(size=20)
    loss = scoring.pinball(quantiles, actual, PERCENTILES)
    low = round(100 * (1 - coverage) / 2) - 1
    expected = 2 / (1 - coverage) * (loss[low] + loss[98 - low])
    score = scoring.interval_score(quantiles, actual, PERCENTILES, [coverage])
    assert score[coverage] == pytest.approx(expected)


def test_pinball_cells_average_to_the_score_and_keep_gaps():
    rng = np.random.default_rng(3)
    quantiles = np.sort(rng.normal(size=(6, 4, 99)), axis=-1)
    actual = rng.normal(size=(6, 4))
    actual[2, 1] = np.nan
    cells = scoring.pinball_cells(quantiles, actual, PERCENTILES)
    assert np.isnan(cells).sum() == 1
    assert np.nanmean(cells) == pytest.approx(scoring.pinball99(quantiles, actual))


def test_a_series_without_outcomes_scores_nan_without_a_warning(recwarn):
    quantiles, actual = np.zeros((4, 99)), np.full(4, np.nan)
    assert np.isnan(scoring.pinball99(quantiles, actual))
    assert np.isnan(scoring.interval_score(quantiles, actual, PERCENTILES)[0.5])
    assert np.isnan(scoring.interval_coverage(quantiles, actual, PERCENTILES)[0.5])
    assert np.isnan(scoring.rmae_weekly(np.ones((9, 1)), np.ones((9, 1))))
    assert not recwarn.list


def test_a_bound_that_is_no_level_is_refused():
    with pytest.raises(InputError, match="levels"):
        scoring.interval_width(np.zeros((4, 9)), np.arange(1, 10) / 10, [0.9])
