"""A policy's value in fresh scenarios: awards as the market makes them, then dispatch."""

import numpy as np
import pytest

from energy_assets.bidding import make_problem, price_independent, redispatch, solve
from energy_assets.bidding.curves import awarded, flat_orders
from energy_assets.bidding.policy import (
    BidPolicy,
    ByOutcome,
    ReserveOffers,
    policy_of,
    solve_policy,
)
from energy_assets.bidding.replay import ReplayOptions, replay, value_at_risk
from energy_assets.errors import InfeasibleError, InputError
from energy_assets_tests.bidding.problems import (
    STEP,
    battery,
    engine,
    mixed_problem,
    multi_market_problem,
    problem,
)


def changed(base, **changes):
    document = {name: getattr(base, name) for name in type(base).model_fields}
    return make_problem("problem", **(document | changes))


def flat_policy(base, position, **decisions):
    anywhere = np.zeros((1, base.mtu_count))
    commitment = {
        name: ByOutcome(anywhere, np.array([hours], dtype=float))
        for name, hours in decisions.pop("on", {}).items()
    }
    return BidPolicy(flat_orders(base, np.array(position)), commitment, **decisions)


def test_sale_without_plant_settles_at_the_penalty_in_every_scenario():
    fresh = problem([battery(energy_mwh=1e-3)], [[50.0, 50.0], [20.0, -10.0]])
    result = replay(flat_policy(fresh, [1.0, 0.0]), fresh)
    # One MWh sold at the price and bought back at the price + 100.
    np.testing.assert_allclose(result.profit, [-100.0, -100.0], atol=0.5)
    assert result.imbalance_mwh == pytest.approx(1.0, abs=2e-3)
    assert not result.clairvoyant


def test_curve_is_awarded_at_the_price_of_each_scenario():
    base = problem(
        [engine()],
        [[20.0, 60.0], [60.0, 20.0]],
        limits={"max_sale_mw": 2, "max_purchase_mw": 0, "max_imbalance_mw": 2},
    )
    policy = policy_of(base, solve(base))
    prices = np.array([[25.0, 61.5], [31.99, 32.0], [100.0, 10.0]])
    fresh = changed(base, prices=prices)
    result = replay(policy, fresh)
    expected = [awarded(policy.curves, path, base.rules) for path in prices]
    np.testing.assert_allclose(result.position, expected)


@pytest.mark.parametrize("rules", [mixed_problem(1, 4).rules, STEP])
def test_in_sample_replay_is_the_solution_up_to_the_volume_tick(rules):
    base = mixed_problem(4, 8, rules=rules, solver={"gap": 1e-6})
    solution = solve(base)
    found = replay(policy_of(base, solution), base)
    # Half a tick in each of 8 quarter-hours, worth at most 250 currency/MWh.
    np.testing.assert_allclose(found.profit, solution.profit, atol=0.05 * 8 * 0.25 * 250)
    assert found.mean.value == pytest.approx(solution.expected_value, rel=2e-3)


def test_replay_of_one_scenario_is_its_redispatch():
    base = mixed_problem(3, 8, imbalance={"aversion": 0}, solver={"gap": 1e-6})
    policy = solve_policy(base)
    fresh = mixed_problem(5, 8, seed=4, imbalance={"aversion": 0})
    result = replay(policy, fresh)
    for s in range(5):
        plan = redispatch(
            fresh,
            result.position[s],
            {name: paths[s] for name, paths in fresh.availability.items()},
            fresh.prices[s],
            commitment={"turbine": policy.commitment["turbine"].decisions[0]},
            long_prices=fresh.long_prices[s],
            short_prices=fresh.short_prices[s],
        )
        assert result.profit[s] == pytest.approx(plan.value, abs=1e-4)
        np.testing.assert_allclose(result.imbalance[s].sum(), plan.imbalance.sum(), atol=5)


def alone(base, s):
    """The problem with one of its scenarios."""
    rows = ("capacity_prices", "activation", "energy_prices")
    markets = [
        market.model_copy(
            update={
                name: getattr(market, name)[[s]]
                for name in rows
                if getattr(market, name) is not None
            }
        )
        for market in base.reserves
    ]
    ladder = base.intraday.model_copy(update={"prices": base.intraday.prices[[s]], "node_of": None})
    return changed(
        base,
        prices=base.prices[[s]],
        long_prices=base.long_prices[[s]],
        short_prices=base.short_prices[[s]],
        availability={name: paths[[s]] for name, paths in base.availability.items()},
        reserves=markets,
        intraday=ladder,
    )


@pytest.mark.parametrize("clairvoyant", [False, True])
def test_warm_started_scenarios_earn_what_they_earn_alone(clairvoyant):
    policy = solve_policy(multi_market_problem(3, 8))
    fresh = multi_market_problem(5, 8, seed=5)
    together = replay(policy, fresh, clairvoyant=clairvoyant)
    for s in range(5):
        one = replay(policy, alone(fresh, s), clairvoyant=clairvoyant)
        assert together.profit[s] == pytest.approx(one.profit[0], abs=1e-3)


def test_scenarios_may_come_in_any_order():
    base = mixed_problem(3, 8)
    policy = solve_policy(base)
    fresh = mixed_problem(6, 8, seed=4)
    order = np.array([3, 0, 5, 1, 4, 2])
    shuffled = changed(
        fresh,
        prices=fresh.prices[order],
        long_prices=fresh.long_prices[order],
        short_prices=fresh.short_prices[order],
        availability={name: paths[order] for name, paths in fresh.availability.items()},
    )
    one, other = replay(policy, fresh), replay(policy, shuffled)
    np.testing.assert_allclose(other.profit, one.profit[order], atol=1e-6)
    assert other.mean == one.mean


def test_everything_sold_is_accounted_for_and_knowing_the_path_is_worth_more():
    base = multi_market_problem(4, 8, nodes=4, solver={"gap": 1e-6})
    policy = solve_policy(base)
    fresh = multi_market_problem(6, 8, seed=5)
    result = replay(policy, fresh)
    bound = replay(policy, fresh, clairvoyant=True)
    assert (result.clairvoyant, bound.clairvoyant) == (False, True)
    assert (bound.profit >= result.profit - 1e-6).all()
    assert bound.mean.value > result.mean.value
    depth = fresh.intraday.depth_mw.sum()
    assert np.abs(result.intraday).max() <= depth + 1e-9
    np.testing.assert_allclose(result.position, bound.position)


def test_policy_of_a_solution_is_the_solved_policy():
    base = multi_market_problem(3, 8, solver={"gap": 1e-6})
    fresh = multi_market_problem(3, 8, seed=6)
    one, other = solve_policy(base), policy_of(base, solve(base))
    np.testing.assert_allclose(replay(one, fresh).profit, replay(other, fresh).profit, atol=1e-4)


def intraday(prices, **changes):
    figures = {"prices": prices, "half_spread": 1.0, "depth_mw": [1.0, 2.0], "impact": [0.0, 3.0]}
    return figures | changes


def test_intraday_position_is_that_of_the_nearest_price_path_cut_to_the_ladder():
    fresh = problem(
        [battery(energy_mwh=1e-3)],
        [[10.0, 10.0], [90.0, 90.0]],
        intraday=intraday([[10.0, 10.0], [90.0, 90.0]], first_mtu=1),
    )
    nodes = ByOutcome(np.array([[20.0, 20.0], [80.0, 80.0]]), np.array([[-1.0, -9.0], [1.0, 2.0]]))
    result = replay(flat_policy(fresh, [0.0, 0.0], intraday=nodes), fresh)
    # MTU 1 is closed; the ladder holds 3 MW a side.
    np.testing.assert_allclose(result.intraday, [[0.0, -3.0], [0.0, 2.0]])
    # Bought 3 at 10: 1 at 11 and 2 at 14, settled long at 10 - 100. Sold 2 at 90: 1 at 89 and 1 at
    # 86, settled short at 90 + 100.
    np.testing.assert_allclose(result.profit, [-11 - 28 - 3 * 90, 89 + 86 - 2 * 190], atol=0.5)


def test_intraday_trades_keep_the_position_limits():
    fresh = problem(
        [battery(energy_mwh=1e-3)],
        [[50.0, 50.0]],
        intraday=intraday([[50.0, 50.0]]),
        earlier_position=[1.0, 0.0],
        limits={"max_sale_mw": 2.5, "max_purchase_mw": 1.0, "max_imbalance_mw": 9},
    )
    nodes = ByOutcome(np.zeros((1, 2)), np.array([[3.0, -3.0]]))
    result = replay(flat_policy(fresh, [0.5, -0.5], intraday=nodes), fresh)
    np.testing.assert_allclose(result.intraday, [[1.0, -0.5]])


def reserve(**changes):
    figures = {
        "name": "up",
        "direction": "up",
        "pricing": "pay_as_bid",
        "block_of": [0, 0],
        "capacity_prices": [[4.0], [8.0], [12.0]],
        "duration_hours": 0.001,
        "providers": {"battery": 1.0},
    }
    return figures | changes


@pytest.mark.parametrize(
    ("pricing", "income"),
    [
        ("pay_as_bid", [0.0, 2 * 0.3 * 6, 2 * (0.3 * 6 + 0.2 * 10)]),
        ("pay_as_cleared", [0.0, 2 * 0.3 * 8, 2 * 0.5 * 12]),
    ],
)
def test_reserve_offers_are_accepted_up_to_the_marginal_price(pricing, income):
    fresh = problem(
        [battery(start_energy_mwh=1, end_energy_mwh=1)],
        np.full((3, 2), 50.0),
        reserves=[reserve(pricing=pricing)],
    )
    offers = ReserveOffers(np.array([[6.0, 10.0]]), np.array([[0.3, 0.2]]))
    result = replay(flat_policy(fresh, [0.0, 0.0], reserve_offers={"up": offers}), fresh)
    np.testing.assert_allclose(result.profit, income, atol=1e-6)
    assert result.missing_reserve_mw == 0


def test_an_award_the_plant_cannot_cover_is_listed():
    fresh = problem(
        [battery(start_energy_mwh=1, end_energy_mwh=1)],
        np.full((3, 2), 50.0),
        power_limits={"battery": [0.25, 1.0]},
        reserves=[reserve()],
    )
    offers = ReserveOffers(np.array([[5.0]]), np.array([[1.0]]))
    result = replay(flat_policy(fresh, [0.0, 0.0], reserve_offers={"up": offers}), fresh)
    # In MTU 1 it can go from charging 0.25 MW to discharging 0.25 MW.
    assert result.missing_reserve_mw == pytest.approx(0.5)


def test_activation_differs_by_scenario():
    fresh = problem(
        [battery(start_energy_mwh=2, end_energy_mwh=None, discharge_efficiency=1.0)],
        np.full((2, 2), 50.0),
        reserves=[
            reserve(
                capacity_prices=[[9.0], [9.0]],
                activation=[[0.5, 0.0], [1.0, 1.0]],
                energy_prices=np.full((2, 2), 70.0),
            )
        ],
    )
    offers = ReserveOffers(np.array([[5.0]]), np.array([[0.8]]))
    result = replay(flat_policy(fresh, [0.0, 0.0], reserve_offers={"up": offers}), fresh)
    # 0.8 MW kept for 2 h at 5; called 0.4 and 1.6 MWh at 70, delivered from store.
    np.testing.assert_allclose(result.profit, [8 + 0.4 * 70, 8 + 1.6 * 70], atol=1e-6)


def test_blocks_are_awarded_by_their_mean_price():
    fresh = problem(
        [battery(energy_mwh=1e-3)],
        [[40.0, 62.0], [40.0, 58.0]],
        blocks=[
            {"first_mtu": 0, "mtu_count": 2, "side": "sale", "limit_price": 50, "max_volume_mw": 5}
        ],
    )
    policy = flat_policy(fresh, [0.0, -1.0], block_volumes=np.array([2.0]))
    np.testing.assert_allclose(replay(policy, fresh).position, [[2.0, 1.0], [0.0, -1.0]])


def test_late_commitment_follows_the_nearest_outcome():
    base = problem([engine(start_cost=1)], [[10.0, 10.0], [90.0, 90.0]], commit_late=["engine"])
    result = replay(solve_policy(base), changed(base, prices=[[80.0, 85.0], [12.0, 15.0]]))
    assert result.operation.on["engine"].tolist() == [[0, 0], [1, 1]]


def test_last_rung_can_be_replayed_too():
    base = mixed_problem(3, 8)
    result = replay(policy_of(base, price_independent(base)), mixed_problem(4, 8, seed=1))
    assert (np.ptp(result.position, axis=0) == 0).all()


def test_statistics_have_known_values_and_intervals_repeat():
    profit, equal = np.arange(10.0), np.full(10, 0.1)
    assert value_at_risk(profit, equal, 0.8) == 1.0
    assert value_at_risk(profit[::-1], equal, 0.95) == 0.0
    assert value_at_risk(profit, np.eye(10)[7], 0.95) == 7.0
    base = mixed_problem(20, 4)
    policy = solve_policy(base)
    one, other = (replay(policy, base, options=ReplayOptions(seed=s)) for s in (1, 1))
    assert one.mean == other.mean
    for figure in (one.mean, one.value_at_risk, one.conditional_value_at_risk):
        assert figure.low <= figure.value <= figure.high
    assert one.conditional_value_at_risk.value <= one.value_at_risk.value <= one.mean.value


@pytest.mark.parametrize("mtus", [92, 100])
def test_quarter_hour_days_of_23_and_25_hours(mtus):
    base = mixed_problem(2, mtus)
    result = replay(solve_policy(base), mixed_problem(2, mtus, seed=8))
    assert result.position.shape == (2, mtus)
    np.testing.assert_allclose(result.operation.energy["battery"][:, -1], 0, atol=1e-6)


def test_batteries_never_move_both_ways_where_prices_are_negative():
    fresh = problem(
        [battery(power_mw=2)],
        [[-80.0, -80.0, 20.0], [-10.0, -90.0, 5.0]],
        imbalance={"deviation_penalty": 1.0},
    )
    result = replay(flat_policy(fresh, [-2.0, -2.0, 0.0]), fresh)
    found = result.operation
    both = np.minimum(found.charge["battery"], found.discharge["battery"])
    np.testing.assert_allclose(both, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (BidPolicy(()), "policy.curves: expected 2 orders, found 0"),
        (flat_policy(problem([engine()], [[1.0, 1.0]]), [0, 0]), "hours of engine"),
        (
            flat_policy(problem([engine()], [[1.0, 1.0]]), [0, 0], block_volumes=np.ones(1)),
            "expected 0 volumes, found 1",
        ),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy, expected):
    with pytest.raises(InputError, match=expected):
        replay(policy, problem([engine()], [[1.0, 1.0]]))


def test_an_outage_under_the_commitment_is_an_infeasible_policy():
    fresh = problem([engine()], [[1.0, 1.0]], power_limits={"engine": [0.0, 2.0]})
    with pytest.raises(InfeasibleError):
        replay(flat_policy(fresh, [0, 0], on={"engine": [1, 1]}), fresh)


def test_a_solution_with_late_commitment_needs_the_solved_policy():
    base = problem([engine()], [[10.0], [90.0]], commit_late=["engine"])
    with pytest.raises(InputError, match="solve_policy"):
        policy_of(base, solve(base))
