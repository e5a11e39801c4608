"""The battery against oracles: a dynamic program and an independent mixed-integer program."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from energy_assets.bidding import perfect_foresight, redispatch, solve
from energy_assets.bidding.model_data import model_data
from energy_assets.bidding.stochastic import Seconds, solve_data
from energy_assets_tests.bidding.problems import battery, problem

PRICES = st.lists(st.integers(-60, 120), min_size=3, max_size=8)


def best_by_dynamic_program(prices, power=1, energy=2):
    """Value of a lossless battery that starts and ends empty; whole-power moves are optimal."""
    value = {0: 0.0}
    for price in prices:
        following = {}
        for level, so_far in value.items():
            for move in (-power, 0, power):
                after = level - move
                if 0 <= after <= energy:
                    best = following.get(after, -np.inf)
                    following[after] = max(best, so_far + price * move)
        value = following
    return value[0]


def best_by_mixed_integer_program(prices, unit):
    """Value with losses and a mode binary in every hour, written row by row without Pyomo."""
    count, power = len(prices), unit.power_mw
    eye, zero = sparse.identity(count), sparse.csr_matrix((count, count))
    total = sparse.csr_matrix(np.tril(np.ones((count, count))))
    stored = sparse.hstack(
        [total * unit.charge_efficiency, -total / unit.discharge_efficiency, zero]
    )
    full = np.full(count, unit.energy_mwh)
    full[-1] = 0.0
    rows = [
        LinearConstraint(stored, 0, full),
        LinearConstraint(sparse.hstack([eye, zero, -power * eye]), -np.inf, 0),
        LinearConstraint(sparse.hstack([zero, eye, power * eye]), -np.inf, power),
    ]
    result = milp(
        np.concatenate([prices, -np.array(prices), np.zeros(count)]),
        constraints=rows,
        bounds=Bounds(0, np.concatenate([np.full(2 * count, power), np.ones(count)])),
        integrality=np.repeat([0, 0, 1], count),
        options={"mip_rel_gap": 0},
    )
    return -result.fun


@settings(max_examples=15, deadline=None)
@given(PRICES)
def test_lossless_battery_equals_dynamic_program(prices):
    unit = battery(charge_efficiency=1, discharge_efficiency=1)
    found = perfect_foresight(problem([unit], prices), prices, {})
    assert found.value == pytest.approx(best_by_dynamic_program(prices), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(PRICES)
def test_battery_with_losses_equals_mixed_integer_program(prices):
    unit = battery(charge_efficiency=0.8, discharge_efficiency=0.9)
    found = perfect_foresight(problem([unit], prices), prices, {})
    assert found.value == pytest.approx(best_by_mixed_integer_program(prices, unit), abs=1e-5)


def test_negative_prices_do_not_make_it_burn_energy():
    # The relaxed program would charge and discharge at once to be paid for the losses.
    prices = [-40.0, -40.0, -40.0, -40.0]
    unit = battery(charge_efficiency=0.7, discharge_efficiency=0.7)
    found = perfect_foresight(problem([unit], prices), prices, {})
    assert found.value == pytest.approx(best_by_mixed_integer_program(prices, unit), abs=1e-6)
    stored = np.where(found.power["battery"] < 0, -0.7, -1 / 0.7) * found.power["battery"]
    np.testing.assert_allclose(np.cumsum(stored), found.energy["battery"], atol=1e-6)


def test_scenarios_with_negative_prices_never_charge_and_discharge_at_once():
    rng = np.random.default_rng(3)
    prices = rng.normal(0, 30, (12, 8))
    unit = battery(charge_efficiency=0.7, discharge_efficiency=0.8)
    bidding = problem([unit], prices)
    solved, _, _ = solve_data(model_data(bidding), bidding.solver, Seconds())
    operation = solved.operation
    both = np.minimum(operation.charge["battery"], operation.discharge["battery"])
    assert both.max() < 1e-5
    assert solved.result.value <= solved.bound + 1e-6


def test_cycle_limit_and_wear_hold_energy_back():
    prices = [10.0, 60.0] * 6
    free = perfect_foresight(problem([battery()], prices), prices, {})
    limited = perfect_foresight(problem([battery(max_cycles_per_day=1)], prices), prices, {})
    drawn = np.clip(limited.power["battery"], 0, None).sum() / 0.9**0.5
    assert drawn == pytest.approx(2.0, abs=1e-6)
    assert limited.value < free.value
    worn = perfect_foresight(problem([battery(wear_cost=60)], prices), prices, {})
    assert np.abs(worn.power["battery"]).max() < 1e-6


def test_free_end_is_worth_its_terminal_value():
    unit = battery(end_energy_mwh=None, terminal_value=50, start_energy_mwh=1)
    found = perfect_foresight(problem([unit], [20.0, 20.0]), [20.0, 20.0], {})
    assert found.energy["battery"][-1] == pytest.approx(2.0, abs=1e-6)
    assert found.value == pytest.approx(50 * 2 - 20 / 0.9**0.5, abs=1e-6)


def test_outage_lowers_power_for_its_mtus():
    prices = [0.0, 0.0, 100.0, 100.0]
    bidding = problem([battery()], prices, power_limits={"battery": [1, 1, 0, 0.5]})
    power = perfect_foresight(bidding, prices, {}).power["battery"]
    np.testing.assert_allclose(power[2:], [0.0, 0.5], atol=1e-6)


def test_end_state_of_a_day_starts_the_next():
    prices = [10.0, 80.0]
    unit = battery(end_energy_mwh=None, terminal_value=40)
    bidding = problem([unit], prices)
    plan = redispatch(bidding, [-1.0, 0.0], {}, prices)
    states = plan.end_states(bidding)
    following = problem([unit], prices, start_states=states)
    assert following.start_state(unit).energy_mwh == pytest.approx(0.9**0.5)


def test_bid_on_certain_prices_earns_perfect_foresight():
    prices = np.array([30.0, 10.0, 25.0, 60.0, 40.0])
    bidding = problem([battery()], np.tile(prices, (3, 1)))
    ideal = perfect_foresight(bidding, prices, {})
    assert solve(bidding).expected_value == pytest.approx(ideal.value, abs=1e-5)
