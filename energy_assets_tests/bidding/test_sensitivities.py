"""What one change does to value and orders."""

import numpy as np
import pytest

from energy_assets.bidding.sensitivities import Shifts, sensitivities
from energy_assets.portfolio import FuelUse, ThermalUnit, WindUnit
from energy_assets_tests.bidding.problems import (
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

NONE = Shifts(0, 0, 0, 0, 0, outages=False)


def rows(table):
    return {row.name: row for row in table.rows}


def gas_engine():
    fuel = FuelUse(
        product="gas",
        price_basis="lower",
        efficiency_lhv=0.5,
        emission_factor=0.2,
        emission_factor_basis="lower",
        co2_product="eua",
    )
    return ThermalUnit(name="gas", capacity_mw=10, fuel=fuel)


def test_effects_by_hand_largest_first():
    base = problem(
        [gas_engine(), WindUnit(name="wind", capacity_mw=8)],
        [[50.0, 50.0]],
        availability={"wind": [[4.0, 6.0]]},
        marginal_costs={"gas": 40.0},
        solver={"gap": 1e-7},
    )
    table = sensitivities(
        base, Shifts(price=2, output_percent=50, fuel_price=1, co2_price=10, generation_cost=3)
    )
    assert table.value == pytest.approx(2 * 10 * 10 + 10 * 50)
    found = rows(table)
    expected = {
        "wind out": -500,
        "gas out": -200,
        "wind +50 %": 50 * (2 + 2),  # capacity ends the second hour at 8 MW
        "wind -50 %": -250,
        "price +2": 2 * 30,
        "price -2": -2 * 30,
        "fuel price +1": -2 * 20,  # 2 MWh of gas per MWh
        "CO2 price +10": -10 * 0.4 * 20,
        "generation cost -3": 3 * 20,
    }
    for name, value in expected.items():
        assert found[name].value_change == pytest.approx(value), name
    effects = [abs(row.value_change) for row in table.rows]
    assert effects == sorted(effects, reverse=True)
    np.testing.assert_allclose(found["wind out"].award_change, [-4, -6], atol=1e-6)
    assert found["gas out"].orders_changed_mwh == pytest.approx(20)


def test_free_commitment_switches_on_what_now_pays():
    base = problem([engine(min_power_mw=2)], [[30.0]], solver={"gap": 1e-7})
    moved = Shifts(price=10, output_percent=0, generation_cost=0, outages=False)
    fixed = rows(sensitivities(base, moved))["price +10"]
    free = rows(sensitivities(base, moved, commitment="free"))["price +10"]
    assert fixed.value_change == pytest.approx(0, abs=1e-6)
    # 2 MW at 40 less 32.
    assert free.value_change == pytest.approx(16)
    np.testing.assert_allclose(free.award_change, [2], atol=1e-6)


@pytest.mark.parametrize("make", [mixed_problem, multi_market_problem])
def test_effects_do_not_depend_on_the_cases_solved_before(make):
    base = make(3, 8, solver={"gap": 1e-6})
    all_cases = rows(sensitivities(base))
    for name, moved in (
        ("price +10", Shifts(10, 0, 0, 0, 0, outages=False)),
        ("battery out", Shifts(0, 0, 0, 0, 0)),
    ):
        alone = rows(sensitivities(base, moved))[name]
        assert all_cases[name].value_change == pytest.approx(alone.value_change, abs=1e-2)
    names = {"wind out", "solar out", "battery out", "turbine out"}
    assert names <= set(all_cases)


def test_an_outaged_battery_keeps_what_it_holds():
    unit = battery(start_energy_mwh=1.0, end_energy_mwh=0.0)
    base = problem([unit], [[10.0, 50.0]], solver={"gap": 1e-7})
    found = rows(sensitivities(base, Shifts(0, 0, 0, 0, 0)))["battery out"]
    assert found.value_change == pytest.approx(-sensitivities(base, NONE).value)


def test_no_shifts_no_rows():
    assert sensitivities(mixed_problem(2, 8), NONE).rows == ()


@pytest.mark.parametrize("mtus", [92, 100])
def test_effects_by_mtu_on_days_of_23_and_25_hours(mtus):
    moved = Shifts(5, 0, 0, 0, 0, outages=False)
    table = sensitivities(mixed_problem(2, mtus), moved)
    assert table.award.shape == (mtus,)
    assert all(row.award_change.shape == (mtus,) for row in table.rows)
