from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from energy_assets.forecasting.analogues import analogue_quantiles, analogue_ranks


@pytest.fixture
def past() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    predictors = rng.uniform(0, 10, (400, 2))
    return predictors, 20 + 0.5 * predictors[:, 0] + rng.normal(0, 2, 400)


def test_quantiles_are_those_of_the_nearest_by_brute_force(
    past: tuple[np.ndarray, np.ndarray],
) -> None:
    predictors, outcome = past
    query = np.random.default_rng(4).uniform(0, 10, (20, 2))
    found = analogue_quantiles(predictors, outcome, query, neighbours=25)
    nearest = np.argsort(cdist(query, predictors), axis=1)[:, :25]
    expected = np.quantile(outcome[nearest], np.arange(1, 100) / 100, axis=1).T
    np.testing.assert_allclose(found, expected)
    assert (np.diff(found, axis=1) >= 0).all()
    assert found.min() >= outcome.min()
    assert found.max() <= outcome.max()


def test_fewer_past_periods_than_neighbours_all_count(
    past: tuple[np.ndarray, np.ndarray],
) -> None:
    predictors, outcome = past[0][:10], past[1][:10]
    found = analogue_quantiles(predictors, outcome, predictors[:1], neighbours=150)
    np.testing.assert_allclose(found[0], np.quantile(outcome, np.arange(1, 100) / 100))


def test_ranks_are_uniform_and_ties_stand_in_the_middle(
    past: tuple[np.ndarray, np.ndarray],
) -> None:
    predictors, outcome = past
    ranks = analogue_ranks(predictors, outcome, np.arange(400) // 10, neighbours=15)
    assert ranks.mean() == pytest.approx(0.5, abs=0.05)
    assert ranks.std() == pytest.approx(12**-0.5, abs=0.07)
    night = analogue_ranks(predictors, np.zeros(400), np.arange(400) // 10)
    assert (night == 0.5).all()


def test_a_days_own_periods_do_not_rank_it() -> None:
    predictors = np.zeros((6, 1))
    outcome = np.array([100.0, 100.0, 100.0, 1.0, 2.0, 3.0])
    ranks = analogue_ranks(predictors, outcome, np.array([0, 0, 0, 1, 1, 1]), neighbours=3)
    np.testing.assert_array_equal(ranks, [1, 1, 1, 0, 0, 0])
