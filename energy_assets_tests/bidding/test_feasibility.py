"""Infeasible input names the unit and the limit."""

import numpy as np
import pytest

from energy_assets.bidding import StartState, perfect_foresight, solve
from energy_assets.errors import InfeasibleError
from energy_assets.portfolio import Limits, LoadUnit
from energy_assets_tests.bidding.problems import battery, engine, problem

PRICES = np.full(4, 50.0)


@pytest.mark.parametrize(
    ("units", "changes", "message"),
    [
        (
            [battery(energy_mwh=10, end_energy_mwh=9)],
            {},
            "unit battery, end_energy_mwh: needs 9 MWh more, can charge 3.79",
        ),
        (
            [battery(energy_mwh=10, start_energy_mwh=9)],
            {},
            "unit battery, end_energy_mwh: has 9 MWh too many, can draw 4.21",
        ),
        (
            [battery(start_energy_mwh=2, max_cycles_per_day=0.5)],
            {},
            "unit battery, max_cycles_per_day: has to draw 2, may draw 1 MWh",
        ),
        (
            [engine(min_up_hours=4, ramp_up_mw_per_hour=0.2)],
            {"start_states": {"engine": StartState(on=True, hours_in_state=1, power_mw=0)}},
            "unit engine: .*first_ramp_up.* cannot be kept together",
        ),
        (
            [LoadUnit(name="load", peak_mw=15)],
            {
                "availability": {"load": [[10, 10, 14, 10]]},
                "limits": Limits(max_sale_mw=1, max_purchase_mw=10, max_imbalance_mw=2),
            },
            "unit load, limits.max_purchase_mw: load needs 14 MW in MTU 3",
        ),
    ],
)
def test_message_names_unit_and_limit(units, changes, message):
    bidding = problem([*units], PRICES, **changes)
    with pytest.raises(InfeasibleError, match=message):
        solve(bidding)


def test_hindsight_on_an_infeasible_battery_fails_in_the_same_words():
    bidding = problem([battery(energy_mwh=10, end_energy_mwh=9)], PRICES)
    with pytest.raises(InfeasibleError, match="unit battery, end_energy_mwh"):
        perfect_foresight(bidding, PRICES, {})


def test_a_soft_limit_is_paid_for_and_listed():
    prices = np.full((2, 4), 50.0)
    bidding = problem(
        [LoadUnit(name="load", peak_mw=15)],
        prices,
        availability={"load": [[5, 5, 5, 5], [9, 9, 9, 9]]},
        limits=Limits(max_sale_mw=0, max_purchase_mw=20, max_imbalance_mw=1),
    )
    solution = solve(bidding)
    assert {breach.mtu for breach in solution.soft_breaches} == {0, 1, 2, 3}
    assert "max_imbalance_mw exceeded by up to" in str(solution.soft_breaches[0])
