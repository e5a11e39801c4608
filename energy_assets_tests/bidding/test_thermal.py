"""Commitment: known answers, and every commitment tried one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import StartState, perfect_foresight, solve
from energy_assets_tests.bidding.problems import engine, problem


def allowed(on, unit, initially_on, hours_in_state):
    """Whether minimum up and down times hold, by the length of every run."""
    runs = [[bool(initially_on), hours_in_state, True]]
    for state in on:
        if state == runs[-1][0]:
            runs[-1][1] += 1
        else:
            runs.append([state, 1, False])
    closed = runs[:-1]
    return all(
        length >= (unit.min_up_hours if state else unit.min_down_hours)
        for state, length, _ in closed
    )


def best_by_enumeration(prices, unit, initially_on=False, hours_in_state=24):
    best = -np.inf
    for on in itertools.product((False, True), repeat=len(prices)):
        if not allowed(on, unit, initially_on, hours_in_state):
            continue
        margin = np.array(prices) - unit.constant_cost
        power = np.where(margin > 0, unit.capacity_mw, unit.min_power_mw) * np.array(on)
        starts = sum(
            now and not before for before, now in zip((initially_on, *on), on, strict=False)
        )
        best = max(best, float(power @ margin) - starts * unit.start_cost)
    return best


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(10, 60), min_size=6, max_size=6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.booleans(),
    st.integers(1, 4),
)
def test_commitment_equals_enumeration(prices, min_up, min_down, on, hours):
    unit = engine(start_cost=15, min_up_hours=min_up, min_down_hours=min_down)
    state = StartState(on=on, hours_in_state=hours, power_mw=0.8 if on else 0.0)
    bidding = problem([unit], prices, start_states={"engine": state})
    expected = best_by_enumeration(prices, unit, on, hours)
    assert perfect_foresight(bidding, prices, {}).value == pytest.approx(expected, abs=1e-5)


def test_one_good_hour_pays_for_the_minimum_up_time():
    unit = engine(start_cost=10, min_up_hours=3)
    prices = [20.0, 20.0, 90.0, 20.0, 20.0]
    plan = perfect_foresight(problem([unit], prices), prices, {})
    # 2 MW x 58 in hour 3, two hours at minimum power losing 0.8 x 12 each, one start.
    assert plan.value == pytest.approx(116 - 19.2 - 10)
    assert plan.on["engine"].sum() == 3
    assert plan.on["engine"][2]


def test_ramps_bind_between_quarter_hours_and_allow_a_start_at_minimum_power():
    unit = engine(capacity_mw=100, min_power_mw=20, ramp_up_mw_per_hour=80, constant_cost=30)
    prices = np.full(8, 100.0)
    plan = perfect_foresight(problem([unit], prices, mtu_minutes=15), prices, {})
    expected = [20, 40, 60, 80, 100, 100, 100, 100]
    np.testing.assert_allclose(plan.power["engine"], expected, atol=1e-6)


def test_ramp_down_from_a_known_start_power():
    unit = engine(capacity_mw=100, min_power_mw=20, ramp_down_mw_per_hour=120, constant_cost=30)
    state = StartState(on=True, hours_in_state=5, power_mw=100)
    prices = np.zeros(8)
    bidding = problem([unit], prices, mtu_minutes=15, start_states={"engine": state})
    power = perfect_foresight(bidding, prices, {}).power["engine"]
    np.testing.assert_allclose(power, [70, 40, 20, 20, 0, 0, 0, 0], atol=1e-6)


def test_commitment_is_hourly_and_the_same_for_every_scenario():
    rng = np.random.default_rng(5)
    prices = 32 + 20 * rng.normal(size=(6, 16))
    solution = solve(problem([engine(start_cost=5)], prices, mtu_minutes=15))
    on = solution.plan("engine").on
    assert len(on) == 4
    off = ~np.repeat(on, 4)
    assert np.abs(solution.plan("engine").power.p95[off]).max(initial=0.0) < 1e-6


def test_end_state_counts_hours_across_the_day():
    unit = engine(min_up_hours=2)
    state = StartState(on=True, hours_in_state=5, power_mw=2)
    prices = np.full(3, 80.0)
    bidding = problem([unit], prices, start_states={"engine": state})
    after = perfect_foresight(bidding, prices, {}).end_states(bidding)["engine"]
    assert (after.on, after.hours_in_state, after.power_mw) == (True, 8, pytest.approx(2))


def test_outage_below_minimum_power_switches_off():
    prices = np.full(4, 90.0)
    bidding = problem([engine()], prices, power_limits={"engine": [2, 0.5, 2, 1]})
    plan = perfect_foresight(bidding, prices, {})
    np.testing.assert_allclose(plan.power["engine"], [2, 0, 2, 1], atol=1e-6)


def test_outage_trips_a_running_unit_faster_than_its_ramp_and_minimum_up_time():
    unit = engine(capacity_mw=100, min_power_mw=40, ramp_down_mw_per_hour=20, min_up_hours=6)
    state = StartState(on=True, hours_in_state=1, power_mw=100)
    prices = np.full(4, 90.0)
    limits = {"engine": [100, 0, 0, 100]}
    bidding = problem([unit], prices, start_states={"engine": state}, power_limits=limits)
    plan = perfect_foresight(bidding, prices, {})
    np.testing.assert_allclose(plan.power["engine"][:3], [100, 0, 0], atol=1e-6)


def test_a_must_run_unit_comes_back_after_a_short_outage_when_it_can():
    unit = engine(must_run=True, min_down_hours=3, initially_on=True, initial_power_mw=1)
    limit = np.full(8, 2.0)
    limit[3] = 0.0
    solution = solve(problem([unit], np.full(8, 30.0), power_limits={"engine": limit}))
    assert solution.plan("engine").on == (True, True, True, False, False, False, True, True)
