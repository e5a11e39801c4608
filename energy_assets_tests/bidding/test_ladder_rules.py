"""Rungs without a solver: commitment by dynamic programming, battery thresholds, merit curves."""

from datetime import date
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding.ladder.battery_rule import energy_path, threshold_path
from energy_assets.bidding.ladder.commitment_path import best_commitment
from energy_assets.bidding.ladder.failure import RungFailedError
from energy_assets.bidding.ladder.last_accepted import EarlierOrders, last_accepted
from energy_assets.bidding.ladder.marginal_cost import marginal_cost
from energy_assets.bidding.model_data import BatteryData, model_data
from energy_assets.bidding.problem import StartState
from energy_assets.errors import InfeasibleError
from energy_assets.market import CurveOrder, OrderSet, load_area
from energy_assets.portfolio import LoadUnit, WindUnit
from energy_assets_tests.bidding.problems import (
    LINEAR,
    STEP,
    battery,
    engine,
    mixed_problem,
    problem,
)

HOURS = 6


def thermal_of(bidding):
    return model_data(bidding).thermals[0]


@st.composite
def units_with_gains(draw):
    unit = engine(
        min_up_hours=draw(st.integers(1, 3)),
        min_down_hours=draw(st.integers(1, 3)),
        must_run=draw(st.booleans()),
    )
    on = draw(st.booleans())
    state = StartState(on=on, hours_in_state=draw(st.integers(1, 4)), power_mw=1.0 * on)
    limit = draw(st.lists(st.sampled_from([2.0, 2.0, 0.0]), min_size=HOURS, max_size=HOURS))
    gain = draw(st.lists(st.integers(-5, 5), min_size=HOURS, max_size=HOURS))
    bidding = problem(
        [unit],
        np.full(HOURS, 40.0),
        start_states={"engine": state},
        power_limits={"engine": limit},
    )
    return bidding, np.array(gain, dtype=float)


def allowed(thermal, path):
    """Whether a unit without ramps may run so, said anew: run lengths, outages, start state."""
    unit = thermal.unit
    if any(on and not limit for on, limit in zip(path, thermal.power_limit, strict=True)):
        return False
    states = [thermal.on, *path]
    switches = [h for h in range(len(path)) if states[h] != states[h + 1]]
    for first, then in pairwise(switches):
        least = unit.min_up_hours if path[first] else unit.min_down_hours
        if then - first < least:
            return False
    # A unit that is off stays off for what is left; one that is on may be tripped by an outage.
    left = unit.min_down_hours - thermal.hours_in_state
    return thermal.on or not any(path[: max(0, int(left))])


def kept_hours(thermal, path):
    """Hours that should be on and are: must-run, or what is left of the minimum up time."""
    unit, wanted, runs = thermal.unit, 0, thermal.on
    for h, on in enumerate(path):
        runs = runs and thermal.power_limit[h] > 0
        left = runs and h < unit.min_up_hours - thermal.hours_in_state
        resting = not thermal.on and h < unit.min_down_hours - thermal.hours_in_state
        # Tripped by an outage, it cannot be back within its minimum down time.
        tripped = any(
            not thermal.power_limit[first] and (first == 0 or thermal.power_limit[first - 1])
            for first in range(max(0, h - unit.min_down_hours + 1), h + 1)
        )
        must = unit.must_run and thermal.power_limit[h] > 0 and not resting and not tripped
        wanted += on and (left or must)
    return wanted


@settings(max_examples=60, deadline=None)
@given(units_with_gains())
def test_commitment_is_the_best_of_all_a_unit_may_run(case):
    bidding, gain = case
    thermal = thermal_of(bidding)
    found = best_commitment(thermal, gain, 1.0, start_cost=2.0)
    path = [bool(on) for on in found]
    assert allowed(thermal, path)

    def score(each):
        before = [thermal.on, *each]
        starts = sum(later and not now for now, later in zip(before, each, strict=False))
        return kept_hours(thermal, each), float(gain @ np.array(each)) - 2.0 * starts

    every = (each for each in product([False, True], repeat=HOURS) if allowed(thermal, each))
    assert score(path) == pytest.approx(max(score(each) for each in every))


def test_a_unit_running_high_comes_down_its_ramp_before_it_stops():
    unit = engine(capacity_mw=10, min_power_mw=2, ramp_down_mw_per_hour=3)
    state = StartState(on=True, hours_in_state=9, power_mw=10)
    bidding = problem([unit], np.zeros(6), start_states={"engine": state})
    on = best_commitment(thermal_of(bidding), np.full(6, -1.0), 1.0)
    # 10, 7, 4: only from 4 MW or less may it stop within one MTU's ramp of 3.
    assert on.tolist() == [1, 1, 1, 0, 0, 0]


def test_an_outage_that_a_running_unit_cannot_come_down_for_has_no_commitment():
    unit = engine(capacity_mw=10, min_power_mw=2, ramp_down_mw_per_hour=4)
    state = StartState(on=True, hours_in_state=1, power_mw=10)
    limit = [10.0, 10, 0, 0] + [10.0] * 4
    bidding = problem(
        [unit],
        np.full(8, 50.0),
        mtu_minutes=15,
        start_states={"engine": state},
        power_limits={"engine": limit},
    )
    with pytest.raises(InfeasibleError, match="unit engine: its start state, outages"):
        best_commitment(thermal_of(bidding), np.ones(2), 0.25)


@settings(max_examples=80, deadline=None)
@given(
    prices=st.lists(st.integers(-50, 100), min_size=8, max_size=8),
    start=st.floats(0, 2),
    end=st.none() | st.floats(0, 2),
    cycles=st.none() | st.floats(0.2, 2),
    limit=st.lists(st.sampled_from([1.0, 0.5, 0.0]), min_size=8, max_size=8),
)
def test_battery_thresholds_keep_every_limit(prices, start, end, cycles, limit):
    unit = battery(end_energy_mwh=end, max_cycles_per_day=cycles, wear_cost=2)
    data = BatteryData(unit, np.array(limit), start)
    flow = threshold_path(data, np.array(prices, dtype=float), 1.0)
    energy = energy_path(data, flow, 1.0)
    assert (np.abs(flow) <= data.power_limit + 1e-9).all()
    assert energy.min() > -1e-9
    assert energy.max() < 2 + 1e-9
    drawn = np.maximum(flow, 0).sum() / unit.discharge_efficiency
    most = np.inf if cycles is None else 2 * cycles
    assert drawn <= most + 1e-9
    if end is None:
        return
    reach = np.array(limit).sum()
    low = start - min(reach / unit.discharge_efficiency, most)
    assert energy[-1] == pytest.approx(min(max(end, low), start + reach * unit.charge_efficiency))


def test_battery_buys_low_and_sells_high_only_if_wear_and_losses_are_paid():
    prices = np.array([20.0, 20, 60, 60])
    data = BatteryData(battery(start_energy_mwh=0), np.ones(4), 0.0)
    flow = threshold_path(data, prices, 1.0)
    assert flow[:2].tolist() == [-1, -1]
    np.testing.assert_allclose(flow[2:].sum(), 2 * 0.9)
    worn = BatteryData(battery(start_energy_mwh=0, wear_cost=60), np.ones(4), 0.0)
    assert not threshold_path(worn, prices, 1.0).any()


def points_of(rules, **changes):
    wind = WindUnit(name="wind", capacity_mw=10, variable_cost=5)
    load = LoadUnit(name="load", peak_mw=4)
    fields = {
        "availability": {"wind": [[3.0], [5.0]], "load": [[1.0], [1.0]]},
        "rules": rules,
    }
    prices = [[80.0], [90.0]]
    made = marginal_cost(problem([wind, engine(), load], prices, **(fields | changes)))
    return made.curves[0].points


def test_merit_curve_rises_at_each_units_cost():
    # Load -1, engine's minimum 0.8; wind 4 from 5; the rest of the engine, 1.2, from 32.
    low, high = LINEAR.price_min_ticks, LINEAR.price_max_ticks
    assert points_of(STEP) == ((low, -2), (500, 38), (3200, 50), (high, 50))
    assert points_of(LINEAR) == (
        (low, -2),
        (499, -2),
        (500, 38),
        (3199, 38),
        (3200, 50),
        (high, 50),
    )


def test_merit_curve_takes_off_what_is_sold_and_keeps_within_limits():
    sold = points_of(STEP, earlier_position=[2.0])
    assert [volume for _, volume in sold] == [-22, 18, 30, 30]
    few = points_of(STEP, limits={"max_sale_mw": 3, "max_purchase_mw": 1, "max_imbalance_mw": 9})
    assert [volume for _, volume in few] == [-2, 30, 30]


def test_a_unit_that_does_not_pay_stays_off_and_one_that_cannot_follow_sells_one_path():
    prices = np.full(4, 20.0)
    assert not any(
        v for c in marginal_cost(problem([engine()], prices)).curves for _, v in c.points
    )
    slow = engine(capacity_mw=4, ramp_up_mw_per_hour=1, ramp_down_mw_per_hour=1)
    made = marginal_cost(problem([slow], np.full(4, 60.0)))
    volumes = [{volume for _, volume in curve.points} for curve in made.curves]
    assert volumes == [{10}, {20}, {30}, {40}]
    np.testing.assert_allclose(made.imbalance.mean, 0, atol=1e-9)


def test_few_points_allowed_merge_the_cheapest_steps():
    rules = STEP.__class__(**(vars(STEP) | {"max_points": 3}))
    assert [volume for _, volume in points_of(rules)] == [-2, 50, 50]


AREA = load_area("DE_LU")
FLEET = (battery(power_mw=20, energy_mwh=40), engine(capacity_mw=30, min_power_mw=10))


def orders_of(day, volumes, rules):
    """A curve per MTU that rises at 40 EUR/MWh from -V to V MW."""
    ends = rules.price_min_ticks, rules.price_max_ticks
    curves = tuple(
        CurveOrder(mtu.start, mtu.minutes, ((ends[0], -v), (3999, -v), (4000, v), (ends[1], v)))
        for mtu, v in zip(day.mtus, volumes, strict=True)
    )
    orders = OrderSet("DE_LU", "day_ahead", day.label, "EUR", rules, curves, "P", "F", "B")
    return EarlierOrders(orders, day)


def today(day, **changes):
    prices = np.full((2, day.mtu_count), 50.0)
    rules = AREA.session().curve_rules(day.label)
    return problem(
        FLEET, prices, start=day.start, mtu_minutes=day.mtu_minutes, rules=rules, **changes
    )


def earlier_of(label, volumes=None):
    day = AREA.session().delivery_day(label)
    ticks = range(1, day.mtu_count + 1) if volumes is None else volumes
    return orders_of(day, ticks, AREA.session().curve_rules(label))


@pytest.mark.parametrize(
    ("earlier", "label", "at", "expected"),
    [
        # A day of 24 hours before each change of clocks, and each changed day as the earlier one.
        (date(2026, 3, 28), date(2026, 3, 29), (7, 8, 91), (8, 13, 96)),
        (date(2026, 3, 29), date(2026, 3, 30), (7, 8, 12, 95), (8, 8, 9, 92)),
        (date(2026, 10, 24), date(2026, 10, 25), (11, 12, 15, 16), (12, 9, 12, 13)),
        (date(2026, 10, 25), date(2026, 10, 26), (8, 11, 12), (9, 12, 17)),
    ],
)
def test_earlier_curves_are_taken_by_local_time_over_a_change_of_clocks(
    earlier, label, at, expected
):
    made = last_accepted(today(AREA.session().delivery_day(label)), lambda: earlier_of(earlier))
    volumes = [curve.points[-1][1] for curve in made.curves]
    assert [volumes[position] for position in at] == list(expected)
    assert made.status == f"orders of {earlier} re-validated"


def test_earlier_curves_are_cut_to_outages_limits_and_what_is_sold():
    day = AREA.session().delivery_day(date(2026, 2, 12))
    limit = np.full(96, 30.0)
    limit[48:] = 0.0
    bidding = today(
        day,
        power_limits={"engine": limit},
        earlier_position=np.full(96, 5.0),
        limits={"max_sale_mw": 40, "max_purchase_mw": 12, "max_imbalance_mw": 99},
    )
    volumes = [900] * 96
    made = last_accepted(bidding, lambda: earlier_of(date(2026, 2, 11), volumes))
    ends = [(curve.points[0][1], curve.points[-1][1]) for curve in made.curves]
    assert ends[:48] == [(-120, 400)] * 48
    assert ends[48:] == [(-120, 150)] * 48


def test_must_run_is_sold_by_earlier_curves_too():
    day = AREA.session().delivery_day(date(2026, 2, 12))
    rules = AREA.session().curve_rules(day.label)
    unit = engine(capacity_mw=30, min_power_mw=10, must_run=True)
    bidding = problem([unit], np.full(96, 5.0), start=day.start, mtu_minutes=15, rules=rules)
    made = last_accepted(bidding, lambda: earlier_of(date(2026, 2, 11), [900] * 96))
    assert {curve.points[0][1] for curve in made.curves} == {100}


def test_orders_of_another_grid_are_refused():
    before = earlier_of(date(2025, 9, 30))
    assert before.orders.resolution_min == 60
    with pytest.raises(RungFailedError, match=r"orders of 2025-09-30 are 60 min \w+, not 15 min"):
        last_accepted(today(AREA.session().delivery_day(date(2025, 10, 1))), lambda: before)


def test_a_session_without_a_curve_is_refused():
    bidding = mixed_problem(2, 8, auction=False)
    with pytest.raises(RungFailedError, match="takes no curve"):
        marginal_cost(bidding)
    with pytest.raises(RungFailedError, match="takes no curve"):
        last_accepted(bidding, pytest.fail)
