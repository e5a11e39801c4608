"""Dispatch after the auction and in hindsight."""

import numpy as np
import pytest

from energy_assets.bidding import perfect_foresight, redispatch, schedule_for_prices, solve
from energy_assets_tests.bidding.problems import battery, engine, mixed_problem, problem


def test_plant_follows_its_award_when_it_can():
    prices = np.array([20.0, 30.0, 80.0, 60.0])
    bidding = problem([battery(), engine()], prices)
    plan = schedule_for_prices(bidding, prices, {})
    after = redispatch(bidding, plan.position, {}, prices)
    np.testing.assert_allclose(after.imbalance, 0, atol=1e-6)
    assert after.value == pytest.approx(plan.value, abs=1e-5)


def test_unavoidable_deviation_settles_at_the_penalty():
    prices = np.array([50.0, 50.0])
    plan = redispatch(problem([battery()], prices), [1.0, 0.0], {}, prices)
    # Empty battery, 1 MW sold: bought back at 50 + 100.
    assert plan.value == pytest.approx(50 - 150)
    np.testing.assert_allclose(plan.imbalance, [-1.0, 0.0], atol=1e-6)


def test_given_imbalance_prices_and_commitment_are_used():
    prices = np.array([50.0, 50.0])
    bidding = problem([engine(start_cost=5)], prices)
    plan = redispatch(
        bidding,
        [0.0, 0.0],
        {},
        prices,
        commitment={"engine": [0, 1]},
        long_prices=[90.0, 40.0],
        short_prices=[90.0, 40.0],
    )
    assert plan.on["engine"].tolist() == [False, True]
    # On in hour 2 only: 2 MW settle at 40 and cost 32, one start.
    assert plan.value == pytest.approx(2 * 8 - 5)


def test_hindsight_beats_every_flat_plan_on_the_real_prices():
    rng = np.random.default_rng(2)
    guess, real = 40 + 20 * rng.normal(size=(2, 24))
    bidding = problem([battery(), engine(start_cost=10)], guess)
    flat = redispatch(bidding, schedule_for_prices(bidding, guess, {}).position, {}, real)
    assert perfect_foresight(bidding, real, {}).value >= flat.value - 1e-6


def test_expected_value_is_the_mean_of_redispatch_over_the_scenarios():
    bidding = mixed_problem(3, 24, minutes=60, risk_weight=0.0, imbalance={"aversion": 0})
    solution = solve(bidding)
    on = {"turbine": solution.plan("turbine").on}
    values = [
        redispatch(
            bidding,
            solution.position[s],
            {name: paths[s] for name, paths in bidding.availability.items()},
            bidding.prices[s],
            commitment=on,
            long_prices=bidding.long_prices[s],
            short_prices=bidding.short_prices[s],
        ).value
        for s in range(3)
    ]
    np.testing.assert_allclose(values, solution.profit, atol=1e-4)


@pytest.mark.parametrize("mtus", [92, 96, 100])
def test_quarter_hour_days_of_every_length(mtus):
    bidding = mixed_problem(1, mtus)
    paths = {name: rows[0] for name, rows in bidding.availability.items()}
    plan = perfect_foresight(bidding, bidding.prices[0], paths)
    assert plan.position.shape == (mtus,)
    np.testing.assert_allclose(plan.imbalance, 0, atol=1e-6)
    assert plan.energy["battery"][-1] == pytest.approx(0, abs=1e-6)
