from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from energy_assets.errors import InputError
from energy_assets.quality.plausibility import (
    RULES,
    Finding,
    Signal,
    blended,
    calibrated,
    context_days,
    findings,
    thresholds_of,
)
from energy_assets.quality.plausibility import thresholds as module
from energy_assets.quality.plausibility.level_shift import cusum
from energy_assets.quality.plausibility.trailing import moved
from energy_assets_tests.quality.signals import load

ATTACK = 120


def attacked(signal: Signal, factor: np.ndarray) -> Signal:
    values = signal.values.copy()
    values[ATTACK : ATTACK + len(factor)] *= factor[:, None]
    return signal.scaled(values)


def only(signal: Signal, rule: str) -> Finding | None:
    found = findings(signal, (rule,))
    assert len(found) <= 1
    return found[0] if found else None


def days_of(found: Finding, signal: Signal) -> list[int]:
    return sorted(set(np.flatnonzero(found.flagged) // signal.slots))


@pytest.mark.parametrize("bias", [-0.1, 0.1])
def test_a_bias_is_found_within_days_and_from_its_first_day(bias: float) -> None:
    signal = attacked(load(), np.full(8, 1 + bias))
    found = only(signal, "level_shift")
    assert found is not None
    assert set(range(ATTACK, ATTACK + 8)) <= set(days_of(found, signal))
    first = ATTACK * 24
    assert found.evidence[first] < (ATTACK + 4) * 24
    assert np.sign(found.score[first]) == np.sign(bias)


def test_a_slow_drift_is_found_before_it_is_large() -> None:
    signal = attacked(load(), 1 + np.linspace(0, 0.2, 28))
    found = only(signal, "level_shift")
    assert found is not None
    alarm = found.evidence[found.flagged].min() // 24
    assert alarm < ATTACK + 16


def test_a_wild_day_and_a_missing_forecast_are_no_shift() -> None:
    wild = np.ones(3)
    wild[1] = 3.0
    assert only(attacked(load(), wild), "level_shift") is None
    assert only(replace(load(), expected=None), "level_shift") is None


def test_without_enough_history_nothing_is_said_about_the_level() -> None:
    signal = load(39)
    values = signal.values.copy()
    values[25:] *= 1.3
    assert only(signal.scaled(values), "level_shift") is None


def test_a_cusum_is_the_largest_sum_of_the_last_days() -> None:
    z = np.random.default_rng(1).normal(0, 1, 60)
    statistic, length = cusum(z, 0.5, 10)
    for day in range(60):
        sums = [(z[day - n + 1 : day + 1] - 0.5).sum() for n in range(1, min(day + 1, 10) + 1)]
        assert statistic[day] == pytest.approx(max(max(sums), statistic[day] if day < 9 else -99))
        if day >= 9:
            assert sums[length[day] - 1] == pytest.approx(statistic[day])


@pytest.mark.parametrize("hours", [-2, 1, 3])
@pytest.mark.parametrize("minutes", [15, 60])
def test_a_skewed_clock_is_found_with_its_lag(hours: int, minutes: int) -> None:
    signal = load(minutes=minutes)
    values = signal.values.copy()
    late = moved(values, hours * 60 // minutes)
    values[ATTACK : ATTACK + 6] = late[ATTACK : ATTACK + 6]
    found = only(signal.scaled(values), "skew")
    assert found is not None
    assert set(range(ATTACK, ATTACK + 6)) <= set(days_of(found, signal))
    assert abs(np.median(found.score[found.flagged]) - hours * 60) <= 60


def test_a_signal_that_always_lags_is_not_skewed() -> None:
    signal = load()
    assert only(signal.scaled(moved(signal.values, 2)), "skew") is None


def test_a_driver_explains_the_signal_without_seeing_the_day() -> None:
    rng = np.random.default_rng(2)
    speed = rng.uniform(0, 15, (100, 24))
    power = np.clip((speed / 12) ** 3, 0, 1)
    expected = calibrated(speed, power)
    assert np.isnan(expected[:4]).all()
    assert np.abs(expected[30:] - power[30:]).mean() < 0.02
    later = power.copy()
    later[70:] = 0.0
    assert np.array_equal(calibrated(speed, later)[:70], expected[:70], equal_nan=True)


def test_calibration_in_calendar_blocks_does_not_depend_on_where_it_starts() -> None:
    rng = np.random.default_rng(3)
    speed = rng.uniform(0, 15, (150, 24))
    power = np.clip((speed / 12) ** 3, 0, 1) * rng.uniform(0.9, 1.1, speed.shape)
    whole = calibrated(speed, power, first_day=1000)
    part = calibrated(speed[40:], power[40:], first_day=1040)
    assert np.array_equal(whole[110:], part[70:])


def test_several_drivers_explain_more_than_one() -> None:
    rng = np.random.default_rng(4)
    truth = rng.uniform(0, 1, (120, 24))
    siblings = [truth + rng.normal(0, 0.2, truth.shape) for _ in range(4)]
    one, all_of_them = blended(siblings[:1], truth), blended(siblings, truth)
    error = [np.nanmean(np.abs(each[60:] - truth[60:])) for each in (one, all_of_them)]
    assert error[1] < 0.75 * error[0]


def test_thresholds_differ_by_kind() -> None:
    assert thresholds_of("price").residual != thresholds_of("load").residual
    assert thresholds_of("load").limits.tolerance == 0.02
    assert thresholds_of("price").agreement.tolerance == 0.01


def test_a_figure_no_check_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {**module._document(), "kinds": {"close": {"ramp": {"slack": 1}}}}
    monkeypatch.setattr(module, "_document", lambda: broken)
    thresholds_of.cache_clear()
    expected = r"thresholds\.yaml: ramp: expected margin, found 'margin, slack'"
    with pytest.raises(InputError, match=expected):
        thresholds_of("close")
    thresholds_of.cache_clear()


def test_a_unit_year_of_quarter_hours_is_judged_in_well_under_a_second() -> None:
    signal = load(365, minutes=15)
    rules = [rule for rule in RULES if rule != "jump"]
    used = time.process_time()
    findings(signal, rules)
    assert time.process_time() - used < 1.0
    assert context_days(rules) < 140
