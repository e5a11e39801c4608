"""Error scale: known answers, and nothing from the day itself or later."""

from __future__ import annotations

import numpy as np

from energy_assets.forecasting.combination import error_scale


def test_recent_mean_is_the_exponentially_weighted_mean_of_known_days():
    values = np.array([[2.0], [np.nan], [8.0], [100.0]])
    found = error_scale.recent_mean(values, memory_days=2.0, lag=1)
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1:, 0], [2.0, 2.0, (8.0 + 0.25 * 2.0) / 1.25])


def test_longer_lag_sees_older_days_only():
    values = np.arange(6.0)[:, None]
    np.testing.assert_array_equal(
        error_scale.recent_mean(values, 2.0, lag=2)[2:],
        error_scale.recent_mean(values, 2.0, lag=1)[1:-1],
    )


def test_scale_finds_the_indicator_that_drives_errors():
    rng = np.random.default_rng(1)
    days, slots = 200, 24
    spread = np.exp(rng.normal(1, 1, (days, slots, 1)))
    mean = 50 + rng.normal(0, 1, (days, slots))
    outcome = mean + spread[..., 0] * rng.laplace(size=(days, slots))
    signals, _ = error_scale.indicators(mean, spread, outcome, lag=1)
    train = np.isfinite(signals).all(axis=-1)
    weights = error_scale.scale_weights(signals, np.abs(outcome - mean), train)
    assert (weights >= 0).all()
    scale = error_scale.scale_of(signals, weights)[train]
    assert np.corrcoef(np.log(scale), np.log(spread[..., 0][train]))[0, 1] > 0.8
    long_memory = signals[..., 0][train]
    assert abs(np.corrcoef(np.log(long_memory), np.log(spread[..., 0][train]))[0, 1]) < 0.2
