"""Properties of the conditional value at risk, in the model and as a figure."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import solve
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets_tests.bidding.problems import battery, engine, problem

RNG = np.random.default_rng(11)
PRICES = 40 + 25 * RNG.normal(size=(10, 6))


def solved(weight, level=0.8, **changes):
    bidding = problem(
        [battery(), engine()],
        PRICES,
        risk_weight=weight,
        cvar_level=level,
        price_points=20,
        **changes,
    )
    return solve(bidding)


def test_no_risk_weight_maximises_the_mean_and_a_little_less_mean_buys_a_better_tail():
    weights = [0.0, 0.3, 0.6, 1.0]
    results = [solved(weight) for weight in weights]
    assert results[0].objective == pytest.approx(results[0].expected_value, rel=1e-6)
    means = [result.expected_value for result in results]
    tails = [result.cvar for result in results]
    assert all(a >= b - 1e-4 for a, b in pairwise(means))
    assert all(a <= b + 1e-4 for a, b in pairwise(tails))
    assert results[-1].objective == pytest.approx(tails[-1], abs=1e-4)


def test_full_weight_on_a_tail_of_one_scenario_is_the_worst_case():
    # Ten equal scenarios: from level 0.9 on the tail is the worst one.
    result = solved(1.0, level=0.95)
    assert result.objective == pytest.approx(result.profit.min(), abs=1e-4)
    assert result.cvar == pytest.approx(result.profit.min())


def test_objective_joins_mean_and_tail_of_the_reported_profits():
    result = solved(0.4)
    joined = 0.6 * result.expected_value + 0.4 * result.cvar
    assert result.objective == pytest.approx(joined, abs=1e-4)


def test_order_of_scenarios_changes_nothing():
    shuffle = np.random.default_rng(0).permutation(10)
    units = [battery(), engine()]
    first = solve(problem(units, PRICES, risk_weight=0.3))
    second = solve(problem(units, PRICES[shuffle], risk_weight=0.3))
    assert first.curves == second.curves
    np.testing.assert_array_equal(first.profit[shuffle], second.profit)


PROFITS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(PROFITS, st.floats(0.01, 0.99), st.floats(0.1, 10), st.floats(-100, 100))
def test_figure_is_coherent_and_at_most_the_mean(profits, level, scale, shift):
    profit = np.array(profits)
    weights = np.full(len(profit), 1 / len(profit))
    risk = conditional_value_at_risk(profit, weights, level)
    assert profit.min() - 1e-6 <= risk <= profit.mean() + 1e-6
    moved = conditional_value_at_risk(scale * profit + shift, weights, level)
    assert moved == pytest.approx(scale * risk + shift, abs=1e-5)


def test_figure_counts_the_scenario_at_the_border_in_part():
    # Worst 30 % of four equal profits: all of the first, a fifth of the second.
    figure = conditional_value_at_risk(np.array([4.0, 0.0, 10.0, 20.0]), np.full(4, 0.25), 0.7)
    assert figure == pytest.approx((0.25 * 0 + 0.05 * 4) / 0.3)
