"""Duals are what one more unit of a limit is worth: by hand, and by finite differences."""

from dataclasses import replace

import numpy as np
import pytest

from energy_assets.bidding.fixed_commitment import FixedCommitment
from energy_assets.bidding.marginal_values import marginal_values, marginal_values_at
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.stochastic import Seconds, solve_data
from energy_assets.portfolio import LoadUnit
from energy_assets_tests.bidding.problems import (
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

STEP_MW = 1e-4


def test_engine_and_battery_by_hand():
    units = [
        battery(charge_efficiency=1, discharge_efficiency=1, energy_mwh=1, power_mw=5),
        engine(min_power_mw=0, initially_on=True),
    ]
    found = marginal_values(problem(units, [[10.0, 50.0]]))
    # The engine runs at 50 only, and earns 18 with one more MW there.
    np.testing.assert_allclose(found.capacity["engine"], [0, 18], atol=1e-6)
    # One more MWh of store buys at 10 and sells at 50; power is no limit.
    assert found.storage["battery"] == pytest.approx(40)
    np.testing.assert_allclose(found.capacity["battery"], [0, 0], atol=1e-6)
    # Bought at 10 in hour 1 already: more in store saves that, in hour 2 it sells at 50.
    np.testing.assert_allclose(found.stored_energy["battery"], [10, 50], atol=1e-6)


def test_position_limits_by_hand():
    base = problem(
        [engine(capacity_mw=10, min_power_mw=0)],
        [[50.0, 20.0]],
        limits={"max_sale_mw": 4, "max_purchase_mw": 0, "max_imbalance_mw": 0},
    )
    found = marginal_values(base)
    np.testing.assert_allclose(found.sale_limit, [18, 0], atol=1e-6)
    np.testing.assert_allclose(found.purchase_limit, [0, 0], atol=1e-6)


def test_sale_limit_binds_all_sessions_together():
    base = problem(
        [engine(capacity_mw=10, min_power_mw=0)],
        [[50.0]],
        limits={"max_sale_mw": 4, "max_purchase_mw": 0, "max_imbalance_mw": 0},
        intraday={"prices": [[60.0]], "depth_mw": [1.0], "impact": [0.0]},
    )
    # One MW goes intraday at 60, the others at 50: one more earns 50 - 32.
    np.testing.assert_allclose(marginal_values(base).sale_limit, [18], atol=1e-6)


def test_purchase_and_imbalance_limits_of_a_load():
    base = problem(
        [LoadUnit(name="load", peak_mw=5)],
        [[20.0]],
        availability={"load": [[5.0]]},
        limits={"max_sale_mw": 0, "max_purchase_mw": 2, "max_imbalance_mw": 9},
    )
    found = marginal_values(base)
    # What cannot be bought at 20 is short at 120.
    np.testing.assert_allclose(found.purchase_limit, [100], atol=1e-6)
    np.testing.assert_allclose(found.sale_limit, [0], atol=1e-6)
    np.testing.assert_allclose(found.imbalance_limit, [0], atol=1e-6)


def test_keeping_reserve_costs_what_the_power_would_have_earned():
    award = {
        "name": "up",
        "direction": "up",
        "pricing": "pay_as_bid",
        "block_of": [0, 0],
        "capacity_prices": [[0.0]],
        "awarded_mw": [0.5],
        "providers": {"engine": 2.0},
    }
    base = problem([engine(min_power_mw=0, initially_on=True)], [[42.0, 52.0]], reserves=[award])
    found = marginal_values(base)
    np.testing.assert_allclose(found.reserve["up"], [-(10 + 20)], atol=1e-6)


def with_thermal(data, mtu):
    thermal = data.thermals[0]
    limit = thermal.power_limit + STEP_MW * (np.arange(data.mtu_count) == mtu)
    return replace(data, thermals=(replace(thermal, power_limit=limit),))


def with_power(data, mtu):
    unit = data.batteries[0]
    limit = unit.power_limit + STEP_MW * (np.arange(data.mtu_count) == mtu)
    return replace(data, batteries=(replace(unit, power_limit=limit),))


def with_wind(data, mtu):
    wind = data.renewables[0]
    available = wind.available + STEP_MW * (np.arange(data.mtu_count) == mtu)
    return replace(data, renewables=(replace(wind, available=available),))


def with_solar(data, mtu):
    return replace(data, forced=data.forced + STEP_MW * (np.arange(data.mtu_count) == mtu))


def with_store(data):
    unit = data.batteries[0]
    larger = unit.unit.model_copy(update={"energy_mwh": unit.unit.energy_mwh + STEP_MW})
    return replace(data, batteries=(replace(unit, unit=larger),))


def with_award(data):
    fcr = data.reserves[0]
    return replace(data, reserves=(replace(fcr, awarded=fcr.awarded + STEP_MW), *data.reserves[1:]))


@pytest.mark.parametrize("make", [mixed_problem, multi_market_problem])
def test_duals_are_finite_differences(make):
    base = make(4, 24, risk_weight=0.3, solver={"gap": 1e-6})
    # Prices at which the turbine runs and the battery is full.
    document = {name: getattr(base, name) for name in type(base).model_fields}
    document |= {
        "prices": base.prices + 30,
        "long_prices": base.long_prices + 25,
        "short_prices": base.short_prices + 35,
    }
    base = type(base).model_validate(document)
    data = model_data(base)
    on = solve_data(data, base.solver, Seconds())[0].operation.on
    assert on["turbine"].any()
    found = marginal_values_at(data, on, base)
    program = FixedCommitment(base.solver)
    value = program.solve(data, on).result.value

    def gain(changed):
        return (program.solve(changed, on).result.value - value) / STEP_MW

    for mtu in (2, 11, 23):
        for unit, with_more in (
            ("turbine", with_thermal),
            ("battery", with_power),
            ("wind", with_wind),
            ("solar", with_solar),
        ):
            expected = pytest.approx(gain(with_more(data, mtu)), abs=1e-3)
            assert found.capacity[unit][mtu] == expected, unit
    assert found.storage["battery"] == pytest.approx(gain(with_store(data)), abs=1e-3)
    wider = replace(data, max_imbalance=data.max_imbalance + STEP_MW)
    assert found.imbalance_limit.sum() == pytest.approx(gain(wider), abs=1e-3)


def test_award_without_calls_has_the_cost_of_keeping_it():
    base = multi_market_problem(3, 8, awarded=True, solver={"gap": 1e-6})
    quiet = base.reserves[0].model_copy(update={"activation": None})
    base = base.model_copy(update={"reserves": (quiet, *base.reserves[1:])})
    data = model_data(base)
    on = solve_data(data, base.solver, Seconds())[0].operation.on
    found = marginal_values_at(data, on, base)
    program = FixedCommitment(base.solver)
    value = program.solve(data, on).result.value
    gain = (program.solve(with_award(data), on).result.value - value) / STEP_MW
    assert found.reserve["fcr"].sum() == pytest.approx(gain, abs=1e-3)
    assert gain < 0


@pytest.mark.parametrize("mtus", [92, 100])
def test_shapes_on_days_of_23_and_25_hours(mtus):
    found = marginal_values(mixed_problem(2, mtus))
    assert set(found.capacity) == {"wind", "solar", "battery", "turbine"}
    assert all(values.shape == (mtus,) for values in found.capacity.values())
    assert found.stored_energy["battery"].shape == (mtus,)
