"""Kupiec and Christoffersen against scipy's likelihoods, and their size under the null."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2, chi2_contingency

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring


@given(st.integers(0, 1000), st.floats(0.05, 0.95), st.sampled_from(scoring.COVERAGES))
@settings(max_examples=40, deadline=None)
def test_kupiec_is_the_binomial_likelihood_ratio(seed, share, coverage):
    hits = (np.random.default_rng(seed).random(200) < share).astype(float)
    inside = hits.sum()
    ratio = 2 * (binom.logpmf(inside, 200, inside / 200) - binom.logpmf(inside, 200, coverage))
    assert scoring.kupiec(hits, coverage) == pytest.approx(chi2.sf(ratio, 1), abs=1e-9)


def test_kupiec_accepts_known_shares():
    """90 % coverage over 1000 days: 900 hits are exact, 870 too few, one missing day no matter."""
    hits = np.zeros((1001, 2))
    hits[:900, 0] = hits[:870, 1] = 1
    hits[-1] = np.nan
    exact, too_few = scoring.kupiec(hits, 0.9)
    assert exact == pytest.approx(1.0)
    assert too_few == pytest.approx(0.00233, abs=2e-4)
    assert scoring.hours_passing(np.array([exact, too_few, np.nan])) == 1


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_independence_is_the_g_test_of_the_transition_table(seed):
    hits = (np.random.default_rng(seed).random(150) < 0.7).astype(float)
    table = [[((hits[:-1] == was) & (hits[1:] == now)).sum() for now in (0, 1)] for was in (0, 1)]
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    assert scoring.christoffersen_independence(hits) == pytest.approx(expected, abs=1e-9)


def test_conditional_coverage_is_the_chain_against_the_nominal_share():
    hits = np.array([1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1.0])
    pairs = list(pairwise(hits))
    chain = nominal = 0.0
    for was, now in pairs:
        same = [after for before, after in pairs if before == was]
        share = np.mean([after == now for after in same])
        chain += np.log(share)
        nominal += np.log(0.8 if now else 0.2)
    expected = chi2.sf(2 * (chain - nominal), 2)
    assert scoring.christoffersen(hits, 0.8) == pytest.approx(expected)


def test_clustered_misses_pass_kupiec_and_fail_christoffersen():
    hits = np.ones(400)
    hits[100:140] = 0
    assert scoring.kupiec(hits, 0.9) == pytest.approx(1.0)
    assert scoring.christoffersen_independence(hits) < 1e-6
    assert scoring.christoffersen(hits, 0.9) < 1e-6


def test_a_missing_day_breaks_no_pair_but_its_own():
    hits = np.array([1, 0, 1, np.nan, 1, 1, 0, 0, 1.0])
    parts = [hits[:3], hits[4:]]
    table = np.array(
        [
            [sum(((p[:-1] == was) & (p[1:] == now)).sum() for p in parts) for now in (0, 1)]
            for was in (0, 1)
        ]
    )
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    assert scoring.christoffersen_independence(hits) == pytest.approx(expected)


def test_extremes_have_a_p_value():
    never = np.ones((300, 1))
    assert scoring.christoffersen_independence(never) == pytest.approx(1.0)
    assert scoring.kupiec(never, 0.5) < 1e-12
    unknown = np.full((5, 1), np.nan)
    assert np.isnan(scoring.kupiec(unknown, 0.9)).all()
    assert np.isnan(scoring.christoffersen(unknown, 0.9)).all()
    with pytest.raises(InputError, match="between 0 and 1"):
        scoring.kupiec(never, 1.0)


def test_size_under_the_null_is_about_five_percent():
    hits = (np.random.default_rng(4).random((728, 2000)) < 0.9).astype(float)
    for p_values in (
        scoring.kupiec(hits, 0.9),
        scoring.christoffersen_independence(hits),
        scoring.christoffersen(hits, 0.9),
    ):
        assert 0.03 < (p_values < 0.05).mean() < 0.075
