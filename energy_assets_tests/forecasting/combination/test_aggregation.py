"""Bernstein online aggregation: weights, smoothing, and a comparison with the best forecast."""

from __future__ import annotations

import numpy as np
import pytest

from energy_assets.forecasting.combination.aggregation import BernsteinAggregation, smoother
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import pinball99

NORMAL = np.sort(np.random.default_rng(0).normal(size=100_000))[(PERCENTILES * 100_000).astype(int)]


def season(days: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """One right forecast, one biased, one too wide; outcomes standard normal."""
    outcome = np.random.default_rng(3).normal(size=(days, 4))
    forecasts = np.stack([NORMAL, NORMAL + 2.0, NORMAL * 4], axis=-1)
    return np.broadcast_to(forecasts, (4, 99, 3)), outcome


def run(slot_width: float, level_width: float, half_life: float = 0.0):
    forecasts, outcome = season()
    learner = BernsteinAggregation((4, 99, 3), slot_width, level_width, half_life)
    combined = []
    for day in outcome:
        combined.append(learner.combine(forecasts))
        learner.learn(forecasts, day, np.ones(4))
    return learner, np.stack(combined), outcome


@pytest.mark.parametrize(("slots", "levels"), [(0.0, 0.0), (2.0, 5.0), (4.0, 99.0)])
def test_the_right_forecast_earns_the_weight_and_the_mean_is_beaten(slots, levels):
    learner, combined, outcome = run(slots, levels)
    forecasts, _ = season()
    np.testing.assert_allclose(learner.weights.sum(axis=-1), 1.0)
    assert learner.weights[..., 0].mean() > 0.6
    average = np.broadcast_to(forecasts.mean(axis=-1), combined.shape)
    best = np.broadcast_to(forecasts[..., 0], combined.shape)
    assert pinball99(combined, outcome) < pinball99(average, outcome)
    assert pinball99(combined, outcome) < pinball99(best, outcome) * 1.1
    assert (np.diff(combined, axis=-1) >= 0).all()


def test_full_smoothing_shares_one_set_of_weights():
    learner, _, _ = run(4.0, 99.0)
    np.testing.assert_allclose(learner.weights, learner.weights[:1, :1] * np.ones((4, 99, 1)))


def test_equal_forecasts_keep_equal_weights_and_unknown_outcomes_teach_nothing():
    learner = BernsteinAggregation((2, 99, 3), 0.0, 0.0, 0.0)
    forecasts = np.repeat(np.broadcast_to(NORMAL, (2, 99))[..., None], 3, axis=-1)
    learner.learn(forecasts, np.array([0.3, np.nan]), np.ones(2))
    np.testing.assert_allclose(learner.weights, 1 / 3)
    different = forecasts + np.arange(3.0)
    learner.learn(different, np.array([np.nan, 1.0]), np.ones(2))
    np.testing.assert_allclose(learner.weights[0], 1 / 3)
    assert (learner.weights[1, 0] != learner.weights[1, 0, 0]).any()


def test_weights_do_not_depend_on_the_unit():
    forecasts, outcome = season()
    learners = [BernsteinAggregation((4, 99, 3), 2.0, 5.0, 30.0) for _ in range(2)]
    for day in outcome[:50]:
        learners[0].learn(forecasts, day, np.ones(4))
        learners[1].learn(forecasts * 1000, day * 1000, np.full(4, 1000.0))
    np.testing.assert_allclose(learners[0].weights, learners[1].weights, rtol=1e-9)


def test_smoother_rows_sum_to_one():
    for width in (0.0, 1.5, 24.0):
        np.testing.assert_allclose(smoother(24, width).sum(axis=1), 1.0)
