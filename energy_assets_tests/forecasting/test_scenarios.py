"""Joint paths keep their marginals and the past's dependence; reduction keeps the distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.errors import InputError
from energy_assets.forecasting import scenarios

LEVELS = np.arange(1, 100) / 100


def normal_quantiles(variables: int) -> np.ndarray:
    return norm.ppf(LEVELS) * np.arange(1, variables + 1)[:, None] + 10


def correlated_ranks(days: int, correlation: np.ndarray, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return norm.cdf(rng.multivariate_normal(np.zeros(len(correlation)), correlation, days))


def test_pit_of_true_quantiles_is_uniform_and_interpolates():
    actual = np.random.default_rng(1).normal(size=(5000, 2))
    quantiles = np.broadcast_to(norm.ppf(LEVELS), (5000, 2, 99))
    ranks = scenarios.pit(quantiles, actual, LEVELS)
    inside = (ranks > 0.01) & (ranks < 0.99)
    np.testing.assert_allclose(ranks[inside], norm.cdf(actual)[inside], atol=2e-3)
    assert set(np.unique(ranks[~inside])) <= {0.005, 0.995}


def test_pit_at_ties_is_the_middle_and_missing_stays_missing():
    quantiles = np.zeros((3, 1, 99))
    quantiles[1, 0, 60:] = 5.0
    ranks = scenarios.pit(quantiles, np.array([[0.0], [0.0], [np.nan]]), LEVELS)
    assert ranks[0, 0] == pytest.approx(0.5)
    assert ranks[1, 0] == pytest.approx((0.01 + 0.60) / 2)
    assert np.isnan(ranks[2, 0])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_pit_equals_interpolation_inside(seed):
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.normal(size=(1, 4, 99)))
    actual = quantiles.min(-1) + rng.random((1, 4)) * np.ptp(quantiles, axis=-1)
    ranks = scenarios.pit(quantiles, actual, LEVELS)
    expected = [np.interp(actual[0, v], quantiles[0, v], LEVELS) for v in range(4)]
    np.testing.assert_allclose(ranks[0], expected, atol=1e-12)


def test_marginals_are_the_forecast_quantiles():
    ranks = correlated_ranks(300, np.array([[1.0, 0.8], [0.8, 1.0]]))
    paths = scenarios.joint_paths(ranks, normal_quantiles(2), LEVELS, 1000, seed=1)
    empirical = np.quantile(paths, LEVELS, axis=0).T
    np.testing.assert_allclose(empirical, normal_quantiles(2), atol=0.15)


def test_dependence_is_the_past_one_shrunk():
    wanted = np.array([[1.0, 0.8, -0.5], [0.8, 1.0, -0.2], [-0.5, -0.2, 1.0]])
    ranks = correlated_ranks(2000, wanted)
    paths = scenarios.joint_paths(ranks, normal_quantiles(3), LEVELS, 4000, seed=1, shrinkage=0.1)
    observed = np.corrcoef(paths.T)
    expected = 0.9 * wanted + 0.1 * np.eye(3)
    np.testing.assert_allclose(observed, expected, atol=0.05)


def test_more_variables_than_days_and_missing_history():
    ranks = np.random.default_rng(2).random((60, 400))
    ranks[:, 7] = np.nan
    ranks[5, 9] = np.nan
    paths = scenarios.joint_paths(ranks, normal_quantiles(400), LEVELS, 200, seed=5)
    assert paths.shape == (200, 400)
    assert np.isfinite(paths).all()
    assert abs(np.corrcoef(paths[:, 7], paths[:, 8])[0, 1]) < 0.3
    none = scenarios.joint_paths(np.empty((0, 3)), normal_quantiles(3), LEVELS, 500, seed=5)
    assert np.abs(np.corrcoef(none.T) - np.eye(3)).max() < 0.2


def test_equal_seed_equal_paths_and_other_seed_other_paths():
    ranks = correlated_ranks(100, np.eye(2))
    first, again, other = (
        scenarios.joint_paths(ranks, normal_quantiles(2), LEVELS, 50, seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_tails_go_beyond_the_outer_quantiles_but_not_beyond_bounds():
    ranks = correlated_ranks(100, np.eye(2))
    quantiles = normal_quantiles(2)
    paths = scenarios.joint_paths(ranks, quantiles, LEVELS, 2000, seed=1)
    assert (paths.min(axis=0) < quantiles[:, 0]).all()
    assert (paths.max(axis=0) > quantiles[:, -1]).all()
    assert paths[:, 0].max() < 10 + 6
    bounded = scenarios.joint_paths(
        ranks,
        quantiles,
        LEVELS,
        2000,
        seed=1,
        lower=np.array([8.0, -np.inf]),
        upper=np.array([np.inf, 13.0]),
    )
    assert bounded[:, 0].min() == 8.0
    assert bounded[:, 1].max() == 13.0


def test_solar_at_night_stays_zero():
    quantiles = np.vstack([np.zeros(99), norm.ppf(LEVELS)])
    ranks = scenarios.pit(np.broadcast_to(quantiles, (40, 2, 99)), np.zeros((40, 2)), LEVELS)
    paths = scenarios.joint_paths(ranks, quantiles, LEVELS, 100, seed=1)
    assert not paths[:, 0].any()


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="3 columns"):
        scenarios.joint_paths(np.zeros((5, 2)), normal_quantiles(3), LEVELS, 10, seed=1)
    with pytest.raises(InputError, match="shrinkage"):
        scenarios.joint_paths(
            np.zeros((5, 3)), normal_quantiles(3), LEVELS, 10, seed=1, shrinkage=2.0
        )
    with pytest.raises(InputError, match="1 to 4"):
        scenarios.reduce_scenarios(np.zeros((4, 2)), 5)


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 25))
@settings(max_examples=25, deadline=None)
def test_reduction_gives_probabilities_of_distinct_paths(seed, count, keep):
    keep = min(keep, count)
    paths = np.random.default_rng(seed).normal(size=(count, 3))
    indices, probabilities = scenarios.reduce_scenarios(paths, keep)
    assert len(set(indices.tolist())) == keep
    assert probabilities.sum() == pytest.approx(1.0)
    assert (probabilities >= 1 / count - 1e-12).all()


def test_reduction_finds_the_clusters_with_their_weights():
    rng = np.random.default_rng(1)
    centres = np.repeat([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]], [50, 30, 20], axis=0)
    indices, probabilities = scenarios.reduce_scenarios(centres + rng.normal(size=(100, 2)), 3)
    assert [0 <= i < 50 or None for i in indices].count(True) == 1
    assert sorted(probabilities) == pytest.approx([0.2, 0.3, 0.5])


def test_reduction_first_choice_is_the_best_single_path_and_all_is_all():
    paths = np.random.default_rng(8).normal(size=(30, 4))
    scaled = (paths - paths.mean(0)) / paths.std(0)
    total = np.linalg.norm(scaled[:, None] - scaled[None], axis=2).sum(axis=0)
    indices, _ = scenarios.reduce_scenarios(paths, 1)
    assert indices[0] == total.argmin()
    indices, probabilities = scenarios.reduce_scenarios(paths, 30)
    np.testing.assert_array_equal(indices, np.arange(30))
    np.testing.assert_allclose(probabilities, 1 / 30)
