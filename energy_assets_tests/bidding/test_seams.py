"""Cutting a plan in two loses nothing: the seam carries the whole state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import schedule_for_prices
from energy_assets.bidding.later_part import later_part
from energy_assets.errors import InputError
from energy_assets.portfolio import LoadUnit, ThermalUnit, WindUnit
from energy_assets_tests.bidding.problems import battery, multi_market_problem, problem

PLANT = (
    battery(power_mw=2, energy_mwh=4, max_cycles_per_day=1.2, wear_cost=1, end_energy_mwh=1),
    ThermalUnit(
        name="engine",
        capacity_mw=5,
        min_power_mw=2,
        start_cost=40,
        cold_start_cost=90,
        cold_after_hours=3,
        part_load_efficiency=0.85,
        min_up_hours=3,
        min_down_hours=2,
        ramp_up_mw_per_hour=2.5,
        ramp_down_mw_per_hour=2.5,
        constant_cost=55,
        initially_on=True,
        hours_in_state=1,
        initial_power_mw=2,
    ),
    LoadUnit(
        name="store",
        peak_mw=3,
        flexibility={
            "lower_mw": 1,
            "raise_mw": 1.5,
            "energy_mwh": 2,
            "recovery_hours": 2,
            "shift_cost": 0.5,
        },
    ),
    WindUnit(name="wind", capacity_mw=3),
)


def day_problem(seed: int, minutes: int):
    rng = np.random.default_rng(seed)
    count = 12 * 60 // minutes
    prices = 55 + 30 * np.sin(np.arange(count) * minutes / 60) + rng.normal(0, 25, count)
    outputs = {
        "store": np.full((1, count), 2.0),
        "wind": rng.uniform(0, 3, (1, count)),
    }
    return problem(PLANT, prices, mtu_minutes=minutes, availability=outputs)


def cash(made, schedule, count: int) -> float:
    """Cash of the first MTUs of a schedule without imbalance, added up by hand."""
    hours, engine = made.hours_per_mtu, PLANT[1]
    power, on = schedule.power["engine"][:count], schedule.on["engine"]
    slope = 55 * (5 - 2 / 0.85) / (5 - 2)
    total = hours * float(made.prices[0, :count] @ schedule.position[:count])
    total -= hours * slope * float(power.sum())
    running, off = bool(engine.initially_on), 0.0
    for hour in range(count * made.mtu_minutes // 60):
        if on[hour]:
            total -= (55 - slope) * 5
            total -= 0 if running else (40 if off < 3 else 90)
        off = 0.0 if on[hour] else off + 1
        running = bool(on[hour])
    total -= hours * float(np.maximum(schedule.power["battery"][:count], 0).sum())
    return total - 0.5 * hours * float(np.maximum(schedule.power["store"][:count], 0).sum())


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), hour=st.integers(1, 11), minutes=st.sampled_from([15, 60]))
def test_what_follows_a_seam_is_the_rest_of_the_best_plan(seed, hour, minutes):
    whole = day_problem(seed, minutes)
    outputs = {name: paths[0] for name, paths in whole.availability.items()}
    best = schedule_for_prices(whole, whole.prices[0], outputs)
    first = hour * 60 // minutes
    rest = later_part(whole, first, best.states_after(whole, first))
    later = {name: path[first:] for name, path in outputs.items()}
    after = schedule_for_prices(rest, rest.prices[0], later)
    assert cash(whole, best, whole.mtu_count) == pytest.approx(best.value, abs=1e-4)
    assert cash(whole, best, first) + after.value == pytest.approx(best.value, abs=2e-3)


def test_a_state_that_forgets_the_cycles_earns_more_than_there_is():
    whole = day_problem(3, 60)
    outputs = {name: paths[0] for name, paths in whole.availability.items()}
    best = schedule_for_prices(whole, whole.prices[0], outputs)
    states = best.states_after(whole, 8)
    assert states["battery"].drawn_mwh > 1
    forgotten = states | {"battery": states["battery"].model_copy(update={"drawn_mwh": 0.0})}
    later = {name: path[8:] for name, path in outputs.items()}
    honest, lucky = (
        schedule_for_prices(later_part(whole, 8, each), whole.prices[0, 8:], later).value
        for each in (states, forgotten)
    )
    assert lucky >= honest


def test_products_blocks_and_ladder_are_cut_with_the_day():
    whole = multi_market_problem(3, 16, awarded=True)
    rest = later_part(whole, 8, {})
    assert rest.mtu_count == 8
    assert [market.block_count for market in rest.reserves] == [1, 1]
    np.testing.assert_array_equal(rest.reserves[0].awarded_mw, [5.0])
    np.testing.assert_array_equal(rest.intraday.prices, whole.intraday.prices[:, 8:])
    assert rest.blocks == ()
    assert rest.start == whole.starts[8]


@pytest.mark.parametrize("first", [0, 3, 16, 40])
def test_a_cut_within_an_hour_or_at_an_end_is_refused(first):
    with pytest.raises(InputError, match="whole hours within 16 MTUs"):
        later_part(multi_market_problem(2, 16), first, {})
