"""Gaussian copula and Schaake shuffle: same marginals, the past's ranks, each its own virtue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from energy_assets.errors import InputError
from energy_assets.forecasting import scenarios

LEVELS = np.arange(1, 100) / 100
DEPENDENCES = ("gaussian", "schaake")
WANTED = np.array([[1.0, 0.8, -0.5], [0.8, 1.0, -0.2], [-0.5, -0.2, 1.0]])


def quantiles_of(variables: int) -> np.ndarray:
    """Skewed, on unlike scales, one of them with an atom at zero."""
    spread = np.exp(norm.ppf(LEVELS)) * 10.0 ** np.arange(variables)[:, None]
    spread[0] = np.maximum(spread[0] - 0.5, 0.0)
    return spread


def past_ranks(days: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return norm.cdf(rng.multivariate_normal(np.zeros(3), WANTED, days))


@pytest.mark.parametrize("dependence", DEPENDENCES)
@given(seed=st.integers(0, 10_000), days=st.integers(0, 60), count=st.integers(100, 250))
@settings(max_examples=15, deadline=None)
def test_marginals_are_the_forecast_whatever_the_past(dependence, seed, days, count):
    """Stratified: of S paths the share below any quantile is its level to within one path."""
    ranks = np.random.default_rng(seed).random((days, 3))
    quantiles = quantiles_of(3)
    paths = scenarios.joint_paths(ranks, quantiles, LEVELS, count, seed, dependence=dependence)
    for variable in range(1, 3):
        below = (paths[:, [variable]] <= quantiles[variable]).mean(axis=0)
        assert np.abs(below - LEVELS).max() <= 1 / count + 1e-12


@pytest.mark.parametrize(
    ("dependence", "count", "tolerance"),
    # The copula draws its days anew, so few paths miss the correlation by chance.
    [("gaussian", 200, 0.2), ("gaussian", 3000, 0.04), ("schaake", 200, 0.06)],
)
def test_rank_correlation_is_the_past_one(dependence, count, tolerance):
    ranks = past_ranks(400)
    paths = scenarios.joint_paths(
        ranks, quantiles_of(3), LEVELS, count, seed=1, dependence=dependence, shrinkage=0.0
    )
    # The first variable has an atom, which ties a part of its paths.
    observed, expected = (spearmanr(values).statistic[1, 2] for values in (paths, ranks))
    assert observed == pytest.approx(expected, abs=tolerance)
    tied = spearmanr(paths).statistic[0, 1]
    assert tied == pytest.approx(spearmanr(ranks).statistic[0, 1], abs=0.15)


def test_a_shuffle_of_as_many_paths_as_days_has_the_order_of_the_days():
    ranks = past_ranks(150)
    quantiles = np.tile(norm.ppf(LEVELS), (3, 1))
    paths = scenarios.joint_paths(ranks, quantiles, LEVELS, 150, seed=4, dependence="schaake")
    day_of_path = ranks[:, 0].argsort()[paths[:, 0].argsort().argsort()]
    for variable in range(3):
        np.testing.assert_array_equal(
            paths[:, variable].argsort(), ranks[day_of_path, variable].argsort()
        )


def test_the_shuffle_keeps_a_dependence_that_correlation_does_not_see():
    """Second variable extreme where the first is extreme, on either side: correlation 0."""
    rng = np.random.default_rng(6)
    first = rng.random(500)
    second = np.where(rng.random(500) < 0.5, first, 1 - first)
    ranks = np.column_stack([first, second])
    distance = {}
    for dependence in DEPENDENCES:
        paths = scenarios.joint_paths(
            ranks, np.tile(LEVELS, (2, 1)), LEVELS, 500, seed=2, dependence=dependence
        )
        distance[dependence] = np.abs(np.abs(paths - 0.5) @ [1, -1]).mean()
    assert distance["schaake"] < 0.04
    assert distance["gaussian"] > 0.1


def test_more_paths_than_days_and_gaps_still_fill_the_marginals():
    ranks = past_ranks(40)
    ranks[:, 1] = np.nan
    ranks[:5, 2] = np.nan
    ranks[7] = np.nan
    quantiles = np.tile(norm.ppf(LEVELS), (3, 1))
    paths = scenarios.joint_paths(ranks, quantiles, LEVELS, 390, seed=5, dependence="schaake")
    assert np.isfinite(paths).all()
    correlation = spearmanr(paths).statistic
    known = spearmanr(ranks, nan_policy="omit").statistic[0, 2]
    assert correlation[0, 2] == pytest.approx(known, abs=0.15)
    assert abs(correlation[0, 1]) < 0.15


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_without_a_past_variables_are_independent(dependence):
    paths = scenarios.joint_paths(
        np.empty((0, 3)), quantiles_of(3), LEVELS, 600, seed=5, dependence=dependence
    )
    assert np.abs(spearmanr(paths).statistic - np.eye(3)).max() < 0.15


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_equal_seed_equal_paths_and_other_seed_other_paths(dependence):
    first, again, other = (
        scenarios.joint_paths(
            past_ranks(90), quantiles_of(3), LEVELS, 50, seed=seed, dependence=dependence
        )
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_solar_at_night_ties_do_not_follow_the_order_of_days():
    """All ranks of a variable tied: its order among paths must not copy any other variable's."""
    ranks = np.column_stack([np.linspace(0.01, 0.99, 200), np.full(200, 0.5)])
    paths = scenarios.joint_paths(
        ranks, np.tile(LEVELS, (2, 1)), LEVELS, 200, seed=1, dependence="schaake"
    )
    assert abs(spearmanr(paths).statistic) < 0.2


def test_an_unknown_dependence_is_refused():
    with pytest.raises(InputError, match="gaussian or schaake"):
        scenarios.joint_paths(past_ranks(5), quantiles_of(3), LEVELS, 10, seed=1, dependence="vine")
