"""Boosting on pooled slots: features against pandas, what is learnt, gaps, leaks, bytes.

The robust linear fit under `boosting_residuals` is tested here too, against SciPy.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.forecasting import robust_ridge
from energy_assets.forecasting.members import boosting
from energy_assets.forecasting.members.base import Member, MemberUnavailableError
from energy_assets.forecasting.members.history import TargetHistory
from energy_assets.forecasting.members.period_features import (
    driver_series,
    period_features,
    reach_days,
)
from energy_assets.forecasting.members.registry import member

FIRST = date(2023, 1, 2)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Enough trees to show what is learnt."""
    monkeypatch.setattr(boosting, "SETTINGS", replace(boosting.SETTINGS, trees=80))


def market(days: int = 130, slots: int = 24, seed: int = 3, outcome_lag: int = 1) -> TargetHistory:
    """Prices that bend: steep at high residual load, flat below, on a wandering level."""
    rng = np.random.default_rng(seed)
    hour = np.arange(slots) * 24 / slots
    load = 50 + 10 * np.sin((hour - 6) / 24 * 2 * np.pi) + rng.normal(0, 2, (days, 1))
    wind = 15 + 8 * rng.standard_normal((days, 1)) + rng.normal(0, 1, (days, slots))
    residual = load - wind
    level = 40 + np.cumsum(rng.normal(0, 0.5, days))[:, None]
    price = level + 0.3 * residual + 4 * np.maximum(residual - 42, 0)
    outcome = price + rng.normal(0, 0.5, (days, slots))
    outcome[days - outcome_lag :] = np.nan
    return TargetHistory(
        "price",
        [FIRST + timedelta(days=n) for n in range(days)],
        outcome,
        drivers={"load_forecast_mw": load + 0 * wind, "wind_forecast_mw": wind},
        daily={"gas": 20 + np.cumsum(rng.normal(0, 0.2, days))},
        outcome_lag=outcome_lag,
    )


def whole(history: TargetHistory, seed: int = 0) -> TargetHistory:
    """The history with its unknown newest outcomes filled."""
    rng = np.random.default_rng(seed)
    filled = np.where(np.isnan(history.outcome), rng.normal(40, 5, history.outcome.shape), 0)
    return replace(history, outcome=np.nan_to_num(history.outcome) + filled)


def corrupted(history: TargetHistory, row: int) -> TargetHistory:
    """Nonsense in everything a decision for day `row` cannot know."""
    outcome = history.outcome.copy()
    outcome[row + 1 - history.outcome_lag :] = 1e6
    series = {
        group: {name: values.copy() for name, values in getattr(history, group).items()}
        for group in ("drivers", "daily")
    }
    for group in series.values():
        for values in group.values():
            values[row + 1 :] = -1e6
    return replace(history, outcome=outcome, **series)


def column(history: TargetHistory, name: str) -> np.ndarray:
    features = period_features(history)
    return features.values[..., features.names.index(name)]


@settings(max_examples=15, deadline=None)
@given(row=st.integers(45, 58), outcome_lag=st.integers(1, 9), slots=st.sampled_from([24, 48]))
def test_features_of_a_day_read_nothing_after_its_decision(row, outcome_lag, slots):
    history = whole(market(60, slots, outcome_lag=outcome_lag))
    plain, other = period_features(history), period_features(corrupted(history, row))
    np.testing.assert_array_equal(plain.values[: row + 1], other.values[: row + 1])
    np.testing.assert_array_equal(plain.level[: row + 1], other.level[: row + 1])
    cut = history.before(row)
    short = period_features(cut.newest(reach_days(cut)))
    np.testing.assert_array_equal(short.values[-1], plain.values[row])


def test_lags_and_means_equal_what_pandas_finds():
    history = whole(market(60))
    frame = pd.DataFrame(history.outcome)
    by_day = frame.mean(axis=1)
    level = by_day.rolling(7).mean().shift(1)
    expected = {
        "lag_1d": frame.shift(1),
        "lag_7d": frame.shift(7),
        "lag_1d-2h": frame.shift(1).shift(2, axis=1),
        "lag_1d+1h": frame.shift(1).shift(-1, axis=1),
        "slot_week_mean": frame.rolling(7).mean().shift(1),
        "slot_weekday_mean": sum(frame.shift(7 * week) for week in range(1, 5)) / 4,
    }
    for name, found in expected.items():
        np.testing.assert_allclose(column(history, name)[40:], found.sub(level, axis=0)[40:])
    daily = {
        "newest_min": frame.min(axis=1).shift(1),
        "newest_evening": frame.iloc[:, -4:].mean(axis=1).shift(1),
        "newest_last": frame[23].shift(1),
        "week_ago_mean": by_day.shift(7),
        "month_level": by_day.rolling(28).mean().shift(1),
    }
    for name, found in daily.items():
        np.testing.assert_allclose(column(history, name)[40:, 5], (found - level)[40:])
    load = pd.DataFrame(history.drivers["load_forecast_mw"])
    np.testing.assert_allclose(column(history, "load_forecast_mw+3h"), load.shift(-3, axis=1))
    np.testing.assert_allclose(column(history, "load_forecast_mw_change_7d"), load - load.shift(7))
    rank = (load.rank(axis=1) - 1) / 23
    np.testing.assert_allclose(column(history, "load_forecast_mw_day_rank"), rank)


@pytest.mark.parametrize("per_hour", [2, 4])
def test_a_finer_day_of_equal_quarters_has_the_features_of_its_hours(per_hour):
    hourly = whole(market(50))
    finer = replace(
        hourly,
        outcome=np.repeat(hourly.outcome, per_hour, axis=1),
        drivers={name: np.repeat(v, per_hour, axis=1) for name, v in hourly.drivers.items()},
    )
    coarse, fine = period_features(hourly), period_features(finer)
    assert coarse.names == fine.names
    # The hour differs by slot, and a rank counts slots.
    same = [k for k, n in enumerate(coarse.names) if n != "hour" and not n.endswith("_rank")]
    np.testing.assert_allclose(
        fine.values[:, ::per_hour][..., same], coarse.values[..., same], atol=1e-9
    )


def test_residual_load_goes_by_names_and_difference_stands_in():
    a, b, c = (np.full((1, 24), value) for value in (50.0, 8.0, 5.0))
    named = driver_series({"wind_mw": b, "zonal_load_mw": a, "pv_mw": c})
    assert named["residual_load"][0, 0] == 37.0
    assert driver_series({"generation": a, "system_load": b})["difference"][0, 0] == 42.0
    assert list(driver_series({"load_mw": a})) == ["load_mw"]
    given = {"residual_load": a, "wind_mw": b}
    assert driver_series(given) == given


@pytest.mark.parametrize("family", ["boosting", "boosting_residuals"])
@pytest.mark.parametrize("slots", [24, 48, 96])
def test_bending_prices_are_learnt_at_every_resolution(slots, family):
    history = whole(market(150, slots))
    model = member(f"{family}_364").fit(history.before(140))
    rows = range(140, 149)
    forecast = np.stack([model.predict(history.before(row)) for row in rows])
    error = np.abs(forecast - history.outcome[140:149]).mean()
    naive = np.abs(history.outcome[133:142] - history.outcome[140:149]).mean()
    assert forecast.shape == (9, slots)
    assert error < 0.45 * naive


@pytest.mark.parametrize("name", ["boosting", "boosting_residuals_364"])
def test_same_history_same_bits_and_a_dump_reads_back(name):
    history, made = market(), member(name)
    assert isinstance(made, Member)
    first, again = made.fit(history), made.fit(history)
    assert first.dump() == again.dump()
    read = made.load(first.dump())
    np.testing.assert_array_equal(read.predict(history), first.predict(history))
    assert read.trained_until == first.trained_until == history.days[-2]
    for broken in (b"", b"no model", first.dump()[:200]):
        with pytest.raises(MemberUnavailableError):
            made.load(broken)


@pytest.mark.parametrize("name", ["boosting_84", "boosting_residuals"])
@pytest.mark.parametrize("outcome_lag", [1, 2])
def test_nothing_after_the_decision_changes_a_forecast(outcome_lag, name):
    history, made = whole(market(outcome_lag=outcome_lag)), member(name)
    other = corrupted(history, 120)
    model, shadow = made.fit(history.before(118)), made.fit(other.before(118))
    assert model.dump() == shadow.dump()
    np.testing.assert_array_equal(
        model.predict(history.before(120)), shadow.predict(other.before(120))
    )


def test_the_window_alone_is_trained_on():
    history, made = market(), member("boosting_residuals_84")
    outcome = history.outcome.copy()
    outcome[: -1 - 84 - reach_days(history)] = 1e6
    assert made.fit(replace(history, outcome=outcome)).dump() == made.fit(history).dump()


def test_a_shift_of_all_prices_shifts_the_forecast():
    history = market()
    raised = replace(history, outcome=history.outcome + 500)
    plain, high = (member("boosting_364").fit(h).predict(h) for h in (history, raised))
    np.testing.assert_allclose(high - 500, plain, atol=0.5)


def test_forecasts_keep_to_the_bounds():
    history = replace(market(), bounds=(0.0, 55.0))
    path = member("boosting_364").fit(history).predict(history)
    assert path.max() == 55.0


@pytest.mark.parametrize("name", ["boosting_364", "boosting_residuals_364"])
def test_gaps_are_left_out_of_training_and_taken_as_they_are_in_forecasting(name):
    history = market()
    gaps = history.outcome.copy()
    gaps[20:24], gaps[60, 5:9], gaps[-2] = np.nan, np.nan, np.nan
    wind = history.drivers["wind_forecast_mw"].copy()
    wind[70, 3:6], wind[-1, 10] = np.nan, np.nan
    patchy = replace(history, outcome=gaps, drivers={**history.drivers, "wind_forecast_mw": wind})
    made = member(name)
    path = made.fit(patchy).predict(patchy)
    usual = made.fit(history).predict(history)
    assert np.isfinite(path).all()
    assert np.abs(path - usual).mean() < 0.5 * np.nanstd(history.outcome)


def test_what_it_cannot_do_without_is_said():
    history, made = market(), member("boosting_364")
    model = made.fit(history)
    blind = {**history.drivers, "wind_forecast_mw": np.full(history.outcome.shape, np.nan)}
    with pytest.raises(MemberUnavailableError, match="wind_forecast_mw"):
        model.predict(replace(history, drivers=blind))
    with pytest.raises(MemberUnavailableError, match="other inputs"):
        model.predict(replace(history, daily={}))
    silent = history.outcome.copy()
    silent[-9:] = np.nan
    with pytest.raises(MemberUnavailableError, match="week"):
        model.predict(replace(history, outcome=silent))
    with pytest.raises(MemberUnavailableError, match="of 56"):
        made.fit(history.newest(55))


def test_a_slot_never_known_stops_the_linear_fit_only():
    history = market()
    outcome = history.outcome.copy()
    outcome[:, 3] = np.nan
    holed = replace(history, outcome=outcome)
    assert np.isfinite(member("boosting_364").fit(holed).predict(holed)).all()
    with pytest.raises(MemberUnavailableError, match="slot"):
        member("boosting_residuals_364").fit(holed)


def test_thinning_keeps_every_day_and_slot(monkeypatch):
    monkeypatch.setattr(boosting, "_MOST_ROWS", 2_000)
    day, slot = boosting._thinned(np.ones((128, 96), dtype=bool), FIRST)
    assert 1_500 < len(day) <= 2_100
    assert np.bincount(slot, minlength=96).min() > 0
    assert len(np.unique(day)) == 128


def linear_rows(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(5, 2, (200, 2, 6))
    noise = rng.standard_t(2, (200, 2))
    return features, features @ rng.normal(0, 1, 6) + 3 + noise


def test_ridge_minimises_hubers_loss_as_scipy_does():
    optimize = pytest.importorskip("scipy.optimize")
    features, outcome = linear_rows()
    model = robust_ridge.fit(features, outcome, 1e-6)
    fitted = model.predict(features)
    for slot in range(2):
        errors = np.abs(outcome[:, slot] - fitted[:, slot])
        design = np.column_stack([features[:, slot], np.ones(200)])
        best = optimize.least_squares(
            lambda b, x=design, y=outcome[:, slot]: x @ b - y,
            np.zeros(7),
            loss="huber",
            f_scale=float(np.median(errors)),
        )
        np.testing.assert_allclose(fitted[:, slot], design @ best.x, atol=0.15)
        assert np.abs(errors).mean() < 1.01 * np.abs(design @ best.x - outcome[:, slot]).mean()


def test_ridge_bears_gaps_constants_and_far_values():
    features, outcome = linear_rows()
    clean = robust_ridge.fit(features, outcome, 10.0).predict(features)
    features[:5, :, 1], outcome[7:9, 0] = np.nan, np.nan
    extra = np.concatenate([features, np.ones((200, 2, 1)), np.full((200, 2, 1), np.nan)], axis=2)
    model = robust_ridge.fit(extra, outcome, 10.0)
    assert np.abs(model.predict(extra) - clean)[10:].max() < 0.5
    far = model.predict(np.where(np.arange(8) == 2, 1e9, extra[50:51]))
    assert np.abs(far - clean[50]).max() < 100


def test_ridge_of_infinite_pull_is_a_robust_mean():
    features, outcome = linear_rows()
    fitted = robust_ridge.fit(features, outcome, 1e12).predict(features)
    assert np.ptp(fitted, axis=0).max() < 1e-6
    assert np.abs(fitted[0] - np.median(outcome, axis=0)).max() < 0.5
