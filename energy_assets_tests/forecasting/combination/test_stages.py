"""Isotonic stages: coverage of outer levels, tails, single biased members, plain units."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.forecasting.combination import MemberForecasts, Recipe, stages
from energy_assets.forecasting.combination.inputs import Cut, cut
from energy_assets.forecasting.combination.recipe import StageName
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import interval_coverage, mae

SLOTS, TRAINED, SERVED = 6, 364, 400
# The isotonic fit is narrow by 4, 2.5 and 1 points here; the rest is four deviations over seeds.
TOLERANCES = (0.08, 0.065, 0.035)
ISOTONIC: tuple[StageName, ...] = ("isotonic", "isotonic_unscaled")


def market(seed: int, tail: float = 4.0, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Cut:
    """Errors grow with the forecast and have heavy tails; the second member is biased.

    Days served after the last day of training: the outcome of a day is not known to others.
    """
    rng = np.random.default_rng(seed)
    rows = TRAINED + SERVED
    centre = 50 + rng.normal(0, 10, (rows, SLOTS))
    size = 2 + 0.2 * np.abs(centre - 30)
    first = centre + 0.3 * size * rng.normal(size=centre.shape)
    second = 20 + 0.5 * (centre + 0.3 * size * rng.normal(size=centre.shape))
    outcome = np.clip(centre + size * rng.standard_t(tail, centre.shape), *bounds)
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(rows + 1)]
    pad = np.full((1, SLOTS), 50.0)
    points = {"a": np.concatenate([first, pad]), "b": np.concatenate([second, pad])}
    outcome = np.concatenate([outcome, np.full((1, SLOTS), np.nan)])
    past = MemberForecasts(days, points, {}, outcome, bounds)
    return cut(past, ("a", "b"), TRAINED, TRAINED, SERVED)


def recipe(**change: object) -> Recipe:
    settled = {"stages": ISOTONIC, "windows_days": (182,), "isotonic_windows_days": (91, 182)}
    return Recipe(**{**settled, "error_scale": "none", "reference": "zero", **change})


@given(st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_outer_levels_are_reached_with_a_year_of_days(seed):
    given_days = market(seed)
    outcome = given_days.outcome[-SERVED:]
    fitted = stages.fit(
        given_days, recipe(windows_days=(TRAINED,), isotonic_windows_days=(TRAINED,))
    )
    without_tails = replace(fitted, tails=None).serve(given_days)
    for name, quantiles in fitted.serve(given_days).items():
        assert (np.diff(quantiles, axis=-1) >= 0).all()
        found = interval_coverage(quantiles, outcome, PERCENTILES, (0.8, 0.9, 0.98))
        for (nominal, observed), tolerance in zip(found.items(), TOLERANCES, strict=True):
            assert abs(observed - nominal) < tolerance
        bare = interval_coverage(without_tails[name], outcome, PERCENTILES, (0.98,))
        assert found[0.98] > bare[0.98] + 0.01
        np.testing.assert_array_equal(quantiles[..., 9:90], without_tails[name][..., 9:90])


def test_width_follows_the_forecast():
    given_days = market(3)
    quantiles = stages.fit(given_days, recipe()).serve(given_days)["isotonic"]
    level = given_days.points[-SERVED:, :, 0]
    width = quantiles[..., 94] - quantiles[..., 4]
    assert width[level > 60].mean() > 1.5 * width[level < 45].mean()


def test_each_member_is_put_right_by_itself():
    given_days = market(5)
    outcome = given_days.outcome[-SERVED:]
    quantiles = stages.fit(given_days, recipe()).serve(given_days)["isotonic"]
    mean = given_days.points[-SERVED:].mean(axis=-1)
    assert mae(quantiles[..., 49], outcome) < 0.97 * mae(mean, outcome)


def test_plain_units_without_scale_and_reference_are_the_same_stage():
    given_days = market(7)
    found = stages.fit(given_days, recipe()).serve(given_days)
    np.testing.assert_array_equal(found["isotonic"], found["isotonic_unscaled"])


@pytest.mark.parametrize("reference", ["zero", "level"])
def test_errors_that_are_mostly_zero_give_no_endless_tails(reference):
    """A bound reached on nearly all days, as solar at dusk."""
    given_days = market(9, bounds=(69.0, 1e6))
    found = stages.fit(given_days, recipe(reference=reference)).serve(given_days)
    largest = np.nanmax(given_days.outcome)
    for quantiles in found.values():
        assert quantiles.max() < 10 * largest
