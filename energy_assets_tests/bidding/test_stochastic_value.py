"""VSS and EVPI: known on a case by hand, and in their order always."""

import numpy as np
import pytest

from energy_assets.bidding.stochastic_value import expected_value_problem, stochastic_value
from energy_assets_tests.bidding.problems import (
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)

EXACT = {"gap": 1e-7, "reduced_scenarios": 100}


def test_commitment_by_hand():
    # 2 MW at 32, on at full output or off, in one hour at 12 or 72: the mean price, 42, says run.
    unit = engine(min_power_mw=2)
    base = problem(
        [unit],
        [[12.0], [72.0]],
        auction=False,
        long_prices=[[12.0], [72.0]],
        short_prices=[[12.0], [72.0]],
        solver=EXACT,
    )
    found = stochastic_value(base)
    assert found.expected_value_problem == pytest.approx(2 * 10)
    np.testing.assert_allclose(found.mean_decision.profit, [-40, 80], atol=1e-6)
    assert found.stochastic.objective == pytest.approx(20)
    np.testing.assert_allclose(found.wait_and_see.profit, [0, 80], atol=1e-6)
    assert found.value_of_stochastic_solution == pytest.approx(0, abs=1e-6)
    assert found.value_of_perfect_information == pytest.approx(20)


def test_curve_by_hand():
    # The curve sells at 72 and not at 12; the mean decision sells 2 MW at either price.
    base = problem([engine(min_power_mw=0)], [[12.0], [72.0]], solver=EXACT)
    found = stochastic_value(base)
    np.testing.assert_allclose(found.mean_decision.profit, [-40, 80], atol=1e-6)
    np.testing.assert_allclose(found.stochastic.profit, [0, 80], atol=1e-6)
    assert found.value_of_stochastic_solution == pytest.approx(20)
    assert found.value_of_perfect_information == pytest.approx(0, abs=1e-6)


def test_one_scenario_leaves_nothing_to_gain():
    found = stochastic_value(mixed_problem(1, 8, solver=EXACT))
    assert found.value_of_stochastic_solution == pytest.approx(0, abs=1e-3)
    assert found.value_of_perfect_information == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("risk_weight", [0.0, 0.6])
@pytest.mark.parametrize(
    ("make", "seed"),
    [(mixed_problem, 0), (mixed_problem, 1), (mixed_problem, 2), (multi_market_problem, 0)],
)
def test_knowing_more_is_never_worth_less(make, seed, risk_weight):
    base = make(3, 8, seed=seed, risk_weight=risk_weight, solver=EXACT)
    found = stochastic_value(base)
    slack = 1e-6 * abs(found.wait_and_see.objective) + 1e-4
    assert found.value_of_perfect_information >= -slack
    assert found.value_of_stochastic_solution >= -slack
    # Seen alone, no scenario earns less.
    assert (found.wait_and_see.profit >= found.stochastic.profit - slack).all()


def test_late_commitment_and_late_trades_are_free_in_the_mean_decision():
    base = multi_market_problem(3, 8, nodes=3, commit_late=["turbine"], solver=EXACT)
    found = stochastic_value(base)
    assert found.value_of_stochastic_solution >= -1e-3
    assert np.isfinite(found.mean_decision.objective)


def test_every_uncertain_figure_is_at_its_mean():
    base = multi_market_problem(3, 8, probabilities=[0.5, 0.25, 0.25])
    mean = expected_value_problem(base)
    weights = np.array([0.5, 0.25, 0.25])
    np.testing.assert_allclose(mean.prices[0], weights @ base.prices)
    np.testing.assert_allclose(mean.availability["wind"][0], weights @ base.availability["wind"])
    np.testing.assert_allclose(
        mean.reserves[0].activation[0], weights @ base.reserves[0].activation
    )
    np.testing.assert_allclose(mean.intraday.prices[0], weights @ base.intraday.prices)
