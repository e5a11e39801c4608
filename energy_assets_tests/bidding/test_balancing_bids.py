"""Energy bids that capacity awards oblige to, their prices and gates."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.bidding import solve
from energy_assets.bidding.balancing_bids import balancing_bids
from energy_assets.market import load_area
from energy_assets_tests.bidding.problems import multi_market_problem

RULES = load_area("DE_LU").balancing_energy.on(date(2026, 1, 15))


@pytest.fixture(scope="module")
def plan():
    base = multi_market_problem(3, 16, awarded=True)
    fcr, down = base.reserves
    awarded = down.model_copy(update={"awarded_mw": np.array([4.6, 0.0])})
    problem = multi_market_problem(
        3,
        16,
        awarded=True,
        reserves=(fcr, awarded),
        auction=False,
        blocks=(),
        earlier_position=np.full(16, 30.0),
    )
    return problem, solve(problem)


def test_an_award_is_offered_as_energy_in_every_open_quarter_of_its_block(plan):
    problem, solution = plan
    at = problem.start - timedelta(hours=1)
    bids = balancing_bids(problem, solution, RULES, at)
    # FCR is called by frequency; the second block has no award; 4.6 MW is cut to the tick.
    assert {bid.product for bid in bids} == {"afrr_down"}
    assert [bid.start for bid in bids] == problem.starts[:8]
    assert {(bid.volume_mw, bid.obliged_mw) for bid in bids} == {(4.0, 4.0)}


def test_the_price_is_what_the_cheapest_provider_saves(plan):
    problem, solution = plan
    bids = balancing_bids(problem, solution, RULES, problem.start - timedelta(hours=1))
    # Wind saves nothing when it is turned down.
    assert {bid.price for bid in bids} == {0.0}


def test_quarters_whose_gate_has_passed_are_left_out(plan):
    problem, solution = plan
    at = problem.starts[4] - timedelta(minutes=25)
    assert balancing_bids(problem, solution, RULES, at)[0].start == problem.starts[4]
    late = at + timedelta(seconds=1)
    assert balancing_bids(problem, solution, RULES, late)[0].start == problem.starts[5]


def test_free_room_comes_on_top_and_never_beyond_what_is_prequalified(plan):
    problem, solution = plan
    at = problem.start - timedelta(hours=1)
    bids = balancing_bids(problem, solution, RULES, at, with_free_room=True)
    most = sum(problem.reserves[1].providers.values())
    for bid in bids:
        assert bid.obliged_mw <= bid.volume_mw <= most + 1e-9
        assert bid.volume_mw == int(bid.volume_mw)
    assert any(bid.volume_mw > bid.obliged_mw for bid in bids)
