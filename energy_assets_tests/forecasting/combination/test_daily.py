"""The daily combination: purity, point in time, missing members, short histories, calibration."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.forecasting import quantile_regression
from energy_assets.forecasting.combination import (
    BlockCache,
    MemberForecasts,
    Recipe,
    combine,
    walk_forward_combination,
)
from energy_assets.forecasting.quantile_regression import PERCENTILES
from energy_assets.forecasting.scoring import interval_coverage, pinball99

RECIPE = Recipe(
    windows_days=(35, 70), isotonic_windows_days=(50, 70), fold_days=35, aggregation="bernstein"
)
FIRST = date(2024, 1, 3)
SLOTS = 4


def market(rows: int = 130, seed: int = 1, lag: int = 1, quantile_member: bool = False):
    rng = np.random.default_rng(seed)
    truth = 50 + np.cumsum(rng.normal(0, 2, (rows, 1)), axis=0) + rng.normal(0, 5, (rows, SLOTS))
    size = np.where(np.arange(rows) % 40 < 20, 2.0, 8.0)[:, None]
    points = {
        name: truth + size * rng.normal(0, w, truth.shape)
        for name, w in (("a", 0.6), ("b", 1.0), ("c", 2.0))
    }
    outcome = truth + size * rng.normal(0, 0.5, truth.shape)
    quantiles = {}
    if quantile_member:
        shape = np.linspace(-2, 2, 99)
        quantiles["d"] = truth[..., None] + size[..., None] * shape
    days = [FIRST + timedelta(days=i) for i in range(rows)]
    return MemberForecasts(days, points, quantiles, outcome, (-500.0, 4000.0), lag)


def same(first, second) -> None:
    np.testing.assert_array_equal(first.quantiles, second.quantiles)
    np.testing.assert_array_equal(first.shifts, second.shifts)
    for name, values in first.stages.items():
        np.testing.assert_array_equal(values, second.stages[name])


@pytest.mark.parametrize("quantile_member", [False, True])
def test_result_is_whole_non_decreasing_within_bounds_and_recorded(quantile_member):
    stages = (*RECIPE.stages, "quantile_members")
    past = replace(market(quantile_member=quantile_member), bounds=(40.0, 60.0))
    found = combine(past, replace(RECIPE, stages=stages))
    assert found.quantiles.shape == (SLOTS, 99)
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    assert found.quantiles.min() >= 40.0
    assert found.quantiles.max() <= 60.0
    assert ("quantile_members" in found.stages) is quantile_member
    assert set(found.stages) == {*found.stage_weights, "combined"}
    np.testing.assert_allclose(sum(found.stage_weights.values()), 1.0)
    assert found.ranks.shape == (129, SLOTS)
    served = np.isfinite(found.ranks).all(axis=1)
    assert 28 <= served[-35:].sum() <= 35
    assert not served[:-35].any()
    assert found.used == (("a", "b", "c", "d") if quantile_member else ("a", "b", "c"))


def test_depends_on_the_stated_days_only_and_not_on_order_or_cache():
    past = market()
    cache = BlockCache()
    expected = {}
    for row in (120, 129, 124, 122, 123):
        expected[row] = combine(past.until(row, 1000), RECIPE, cache)
    for row, found in expected.items():
        same(combine(past.until(row, RECIPE.days_before), RECIPE), found)
    corrupted = past.until(129, 1000)
    for values in (*corrupted.points.values(), corrupted.outcome):
        values[: 129 - RECIPE.days_before] = 1e6
    same(combine(corrupted, RECIPE), expected[129])


@pytest.mark.parametrize("lag", [1, 2])
def test_nothing_known_after_the_decision_changes_a_bit(lag):
    past = market(lag=lag)
    row = 118
    expected = combine(past.until(row, RECIPE.days_before), RECIPE)
    for values in past.points.values():
        values[row + 1 :] = 9e9
    past.outcome[row + 1 - lag :] = -9e9
    same(combine(past.until(row, RECIPE.days_before), RECIPE), expected)
    cache = BlockCache()
    walk_forward_combination(past, RECIPE, past.days[row - 1], past.days[-1], cache=cache)
    same(combine(past.until(row, RECIPE.days_before), RECIPE, cache), expected)


def test_ranks_before_a_past_day_do_not_know_its_outcome():
    found = combine(market(), RECIPE).ranks
    moved = market()
    moved.outcome[109] += 1000.0
    changed = combine(moved, RECIPE).ranks
    np.testing.assert_array_equal(changed[:109], found[:109])
    assert (changed[109] > 0.99).all()
    assert (changed[110:] != found[110:]).any()


def test_walk_forward_is_the_daily_result_of_every_day():
    past = market()
    quantiles, stages = walk_forward_combination(past, RECIPE, past.days[110], past.days[125])
    for row in (110, 117, 125):
        found = combine(past.until(row, RECIPE.days_before), RECIPE)
        np.testing.assert_array_equal(quantiles[row - 110], found.quantiles)
        np.testing.assert_array_equal(stages["isotonic"][row - 110], found.stages["isotonic"])


def test_missing_members_are_left_out_with_the_reason():
    past = market()
    past.points["a"][-1] = np.nan
    past.points["b"][:-20] = np.nan
    found = combine(past, RECIPE)
    assert found.used == ("c",)
    assert "no forecast for" in found.left_out["a"]
    assert "fewer than half" in found.left_out["b"]
    alone = market()
    same(combine(replace(alone, points={"c": alone.points["c"]}), RECIPE), found)
    gaps = market()
    gaps.points["a"][60:70] = np.nan
    gaps.points["c"][100, 2] = np.nan
    gaps.outcome[90] = np.nan
    found = combine(gaps, RECIPE)
    assert found.used == ("a", "b", "c")
    assert np.isfinite(found.quantiles).all()
    past.points["c"][-1] = np.nan
    with pytest.raises(InputError, match="usable member"):
        combine(past, RECIPE)


def test_short_history_falls_to_historical_simulation_then_is_refused():
    past = market()
    short = past.until(30, 30)
    found = combine(short, RECIPE)
    assert found.recipe.stages == ("historical_simulation",)
    mean = np.mean(list(short.points.values()), axis=0)
    expected = quantile_regression.historical_simulation((short.outcome - mean)[:-1], mean[-1])
    np.testing.assert_allclose(found.quantiles, expected)
    assert np.isfinite(found.ranks).all()
    with pytest.raises(InputError, match="28 past days"):
        combine(past.until(27, 27), RECIPE)


def test_local_scale_follows_calm_and_wild_weeks():
    """The same forecasts with a constant scale lose: the point of measuring errors locally."""
    past = market(rows=200, seed=5)
    scores = {}
    for scale in ("none", "local"):
        recipe = Recipe(
            stages=("historical_simulation",),
            windows_days=(100,),
            fold_days=0,
            error_scale=scale,
            reference="mean",
        )
        quantiles, _ = walk_forward_combination(past, recipe, past.days[130], past.days[-1])
        scores[scale] = pinball99(quantiles, past.outcome[130:])
    assert scores["local"] < 0.97 * scores["none"]


def test_coverage_holds_on_out_of_sample_days():
    past = market(rows=220, seed=7)
    quantiles, _ = walk_forward_combination(past, RECIPE, past.days[130], past.days[-1])
    found = interval_coverage(quantiles, past.outcome[130:], PERCENTILES)
    assert found[0.8] == pytest.approx(0.8, abs=0.06)
    assert found[0.9] == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": ()}, "recipe stages"),
        ({"stages": ("magic",)}, "recipe stages"),
        ({"windows_days": (10,)}, "windows_days"),
        ({"isotonic_windows_days": ()}, "isotonic_windows_days"),
        ({"fold_days": -1}, "fold_days"),
    ],
)
def test_senseless_recipes_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(RECIPE, **change)


def test_isotonic_windows_do_not_lengthen_what_a_forecast_depends_on():
    short = replace(RECIPE, windows_days=(60,), isotonic_windows_days=(50, 91, 182))
    assert short.isotonic_windows == (50, 60)
    assert short.days_before == 60 + RECIPE.fold_days


def test_shapes_that_do_not_fit_are_refused():
    past = market()
    with pytest.raises(InputError, match="forecasts of a"):
        replace(past, points={"a": past.points["a"][:, :2]})
    with pytest.raises(InputError, match="distinct names"):
        replace(past, days=past.days[1:])
