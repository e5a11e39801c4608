"""Energy and variogram score: definitions, known answers and propriety."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from energy_assets.errors import InputError
from energy_assets.forecasting import scoring


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_energy_score_of_one_variable_is_the_crps(seed):
    rng = np.random.default_rng(seed)
    paths, outcome = rng.normal(size=(9, 1)), rng.normal(size=1)
    grid = np.linspace(-6, 6, 60_001)
    below = (paths <= grid).mean(axis=0)
    expected = trapezoid((below - (outcome <= grid)) ** 2, grid)
    assert scoring.energy_score(paths, outcome) == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 1000), st.floats(0.3, 2.0))
@settings(max_examples=15, deadline=None)
def test_scores_are_their_definitions(seed, order):
    rng = np.random.default_rng(seed)
    paths, outcome = rng.normal(size=(7, 4)), rng.normal(size=4)
    weights = rng.dirichlet(np.ones(7))
    spread = sum(
        weights[i] * weights[j] * np.linalg.norm(paths[i] - paths[j])
        for i in range(7)
        for j in range(7)
    )
    miss = sum(weights[i] * np.linalg.norm(paths[i] - outcome) for i in range(7))
    energy = scoring.energy_score(paths, outcome, weights)
    assert energy == pytest.approx(miss - spread / 2)
    variogram = sum(
        (
            abs(outcome[i] - outcome[j]) ** order
            - sum(weights[s] * abs(paths[s, i] - paths[s, j]) ** order for s in range(7))
        )
        ** 2
        for i in range(4)
        for j in range(4)
    )
    assert scoring.variogram_score(paths, outcome, weights, order) == pytest.approx(variogram)


def test_a_certain_and_right_forecast_scores_zero():
    outcome = np.array([1.0, 4.0, -2.0])
    paths = np.tile(outcome, (5, 1))
    assert scoring.energy_score(paths, outcome) == pytest.approx(0.0)
    assert scoring.variogram_score(paths, outcome) == pytest.approx(0.0)


def test_equal_probabilities_are_the_default_and_a_doubled_path_is_its_weight():
    rng = np.random.default_rng(1)
    paths, outcome = rng.normal(size=(4, 3)), rng.normal(size=3)
    doubled = paths[[0, 0, 1, 2, 3]]
    weights = np.array([0.4, 0.2, 0.2, 0.2])
    for score in (scoring.energy_score, scoring.variogram_score):
        assert score(paths, outcome) == pytest.approx(score(paths, outcome, np.full(4, 0.25)))
        assert score(doubled, outcome) == pytest.approx(score(paths, outcome, weights))


def test_the_true_dependence_scores_best():
    rng = np.random.default_rng(5)

    def draw(count, correlation):
        covariance = correlation + (1 - correlation) * np.eye(8)
        return rng.multivariate_normal(np.zeros(8), covariance, count)

    outcomes = draw(120, 0.8)
    candidates = {correlation: draw(250, correlation) for correlation in (0.0, 0.8, 0.99)}
    for score in (scoring.energy_score, scoring.variogram_score):
        means = {c: np.mean([score(p, y) for y in outcomes]) for c, p in candidates.items()}
        assert min(means, key=means.get) == 0.8


def test_an_unknown_outcome_has_no_score_and_wrong_shapes_are_refused():
    paths = np.zeros((3, 2))
    assert np.isnan(scoring.energy_score(paths, np.array([1.0, np.nan])))
    assert np.isnan(scoring.variogram_score(paths, np.array([1.0, np.nan])))
    with pytest.raises(InputError, match="paths"):
        scoring.energy_score(paths, np.zeros(3))
    with pytest.raises(InputError, match="probabilities"):
        scoring.energy_score(paths, np.zeros(2), np.array([0.5, 0.5]))
