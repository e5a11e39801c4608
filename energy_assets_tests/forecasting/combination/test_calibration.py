"""Online coverage: reached from wrong forecasts, bounded steps, nothing learnt at a bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.forecasting.combination.calibration import CoverageTracking, spread_of
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import interval_coverage

FREE = (-np.inf, np.inf)
NORMAL = np.sort(np.random.default_rng(0).normal(size=100_000))[(PERCENTILES * 100_000).astype(int)]


@pytest.mark.parametrize("width_only", [False, True])
def test_too_narrow_forecasts_reach_their_coverage(width_only):
    outcome = np.random.default_rng(1).normal(size=(1500, 24))
    narrow = np.broadcast_to(NORMAL * 0.6, (24, 99))
    tracking = CoverageTracking(24, rate=0.1, half_life=0.0, slot_width=24.0, width_only=width_only)
    calibrated = []
    for day in outcome:
        calibrated.append(tracking.apply(narrow, FREE))
        tracking.learn(calibrated[-1], day)
    late = slice(500, None)
    found = interval_coverage(np.stack(calibrated)[late], outcome[late], PERCENTILES)
    for nominal, observed in found.items():
        assert abs(observed - nominal) < 0.01
    raw = interval_coverage(np.broadcast_to(narrow, (1500, 24, 99)), outcome, PERCENTILES)
    assert raw[0.9] < 0.75
    if width_only:
        np.testing.assert_array_equal(np.stack(calibrated)[..., 49], NORMAL[49] * 0.6)
        np.testing.assert_allclose(tracking.shifts, -tracking.shifts[:, ::-1], atol=1e-12)


@given(st.integers(0, 1000), st.floats(0.001, 1.0))
@settings(max_examples=20, deadline=None)
def test_steps_are_bounded_and_quantiles_never_cross_or_leave_the_bounds(seed, rate):
    rng = np.random.default_rng(seed)
    tracking = CoverageTracking(6, rate, half_life=30.0, slot_width=1.0)
    for _ in range(20):
        forecast = np.sort(rng.standard_t(2, (6, 99)) * 10, axis=-1)
        calibrated = tracking.apply(forecast, (-20.0, 20.0))
        assert (np.diff(calibrated, axis=-1) >= 0).all()
        assert np.abs(calibrated).max() <= 20.0
        before = tracking.shifts.copy()
        tracking.learn(calibrated, rng.standard_t(2, 6) * 50)
        assert np.abs(tracking.shifts - before * 0.5 ** (1 / 30)).max() <= rate + 1e-12


def test_nothing_is_learnt_at_a_bound_or_from_unknown_outcomes():
    tracking = CoverageTracking(2, 0.5, 0.0, 0.0)
    night = np.zeros((2, 99))
    tracking.learn(tracking.apply(night, (0.0, 10.0)), np.array([0.0, np.nan]))
    assert not tracking.shifts.any()


def test_spread_is_the_deviation_of_a_normal_forecast():
    np.testing.assert_allclose(spread_of(NORMAL * 3), 3.0, rtol=0.02)
