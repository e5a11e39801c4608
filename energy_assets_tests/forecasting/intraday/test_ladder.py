from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from energy_assets.forecasting.intraday.ladder import percentiles
from energy_assets.forecasting.quantile_regression import PERCENTILES

LEVELS = np.array([0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99])


def test_a_normal_distribution_comes_back_exactly() -> None:
    few = np.array([0.1, 0.5, 0.9])
    made = percentiles(norm.ppf(few, 3.0, 2.0)[None], few)
    np.testing.assert_allclose(made[0], norm.ppf(PERCENTILES, 3.0, 2.0), atol=1e-9)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3), min_size=len(LEVELS), max_size=len(LEVELS)))
def test_percentiles_never_fall_and_hold_the_fitted_levels(values: list[float]) -> None:
    made = percentiles(np.array([values]), LEVELS)[0]
    assert (np.diff(made) >= 0).all()
    at = np.round(LEVELS * 100).astype(int) - 1
    np.testing.assert_allclose(made[at], np.sort(values), atol=1e-9)
