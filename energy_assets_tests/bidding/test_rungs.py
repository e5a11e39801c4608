"""The ladder: the last rung always holds, the best one that does is taken."""

from datetime import date

import numpy as np
import pytest

from energy_assets.bidding import Rung, StartState, best_bid, price_independent
from energy_assets.lakehouse.current import rungs
from energy_assets.market.areas import load_area
from energy_assets.market.orders import OrderSet, check_order_set
from energy_assets_tests.bidding.problems import battery, engine, mixed_problem, problem


@pytest.mark.parametrize(
    ("label", "mtus"), [("2026-03-29", 92), ("2026-01-15", 96), ("2025-10-26", 100)]
)
def test_last_rung_is_valid_and_covers_obligations_within_a_tick(label, mtus):
    session = load_area("DE_LU").session()
    day = session.delivery_day(date.fromisoformat(label))
    rules = session.curve_rules(day.label)
    bidding = mixed_problem(5, mtus, rules=rules, start=day.start)
    solution = price_independent(bidding)
    orders = OrderSet("DE_LU", "day_ahead", day.label, "EUR", rules, solution.curves, "P", "F", "B")
    assert check_order_set(orders, day, rules) == []
    mean = bidding.expected_availability()
    net = mean["wind"] + mean["solar"] - mean["load"]
    offered = np.array([curve.points[0][1] for curve in solution.curves]) * 0.1
    assert all(len({volume for _, volume in curve.points}) == 1 for curve in solution.curves)
    np.testing.assert_allclose(offered, net, atol=0.0501)
    assert np.abs(solution.plan("battery").power.mean).max() == 0
    assert not any(solution.plan("turbine").on)


def test_last_rung_keeps_a_unit_on_that_has_to_stay_and_moves_a_battery_to_its_end():
    unit = engine(min_up_hours=4, ramp_down_mw_per_hour=1)
    store = battery(end_energy_mwh=2)
    state = StartState(on=True, hours_in_state=2, power_mw=2)
    bidding = problem([unit, store], np.full(6, 40.0), start_states={"engine": state})
    solution = price_independent(bidding)
    plan = solution.plan("engine")
    assert plan.on == (True, True, False, False, False, False)
    np.testing.assert_allclose(plan.power.mean, [1, 0.8, 0, 0, 0, 0])
    assert solution.plan("battery").energy.mean[-1] == pytest.approx(2.0)


def test_must_run_unit_is_sold_at_its_minimum():
    solution = price_independent(problem([engine(must_run=True)], np.full(3, 10.0)))
    assert [curve.points[0][1] for curve in solution.curves] == [8, 8, 8]


def test_best_bid_takes_the_stochastic_rung_and_never_earns_less():
    bidding = mixed_problem(4, 24, minutes=60, risk_weight=0.0)
    best, last = best_bid(bidding), price_independent(bidding)
    assert best.rung is Rung.STOCHASTIC
    assert best.expected_value > last.expected_value


def test_best_bid_steps_down_with_every_reason():
    """The end energy is out of reach: no plan exists, orders that come as near as they can do."""
    bidding = problem([battery(energy_mwh=10, end_energy_mwh=9)], np.full(4, 50.0))
    bid = best_bid(bidding)
    assert bid.rung is Rung.MARGINAL_COST
    assert [part.split(":")[0] for part in bid.reason.split("; ")] == [
        "stochastic",
        "reduced_scenarios",
        "lp_with_repair",
    ]
    assert "end_energy_mwh" in bid.reason
    assert [curve.points[0][1] for curve in bid.curves] == [-10] * 4


def test_time_limit_changes_the_rung():
    bidding = mixed_problem(12, 96, solver={"time_limit_seconds": 1e-3, "build": "twin"})
    bid = best_bid(bidding)
    assert bid.rung is Rung.MARGINAL_COST
    assert bid.reason.count("solver stopped: Time limit reached") == 3


def test_without_an_auction_the_last_rung_follows_the_solvers():
    bidding = mixed_problem(2, 8, auction=False, solver={"time_limit_seconds": 1e-9})
    bid = best_bid(bidding)
    assert bid.rung is Rung.PRICE_INDEPENDENT
    assert bid.reason.endswith("marginal_cost: the session takes no curve")


def test_the_names_of_the_rungs_are_those_of_the_tables_best_first():
    assert rungs() == tuple(Rung)


def test_node_limit_keeps_the_rung_and_states_the_gap():
    bidding = mixed_problem(4, 24, minutes=60, solver={"node_limit": 1, "gap": 0.0})
    bid = best_bid(bidding)
    assert bid.rung is Rung.STOCHASTIC
    assert bid.gap >= 0
