"""What a gate decides on: draws of other markets, nodes, earlier awards, late units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from energy_assets.bidding.market_outlook import MarketOutlook, market_outlook
from energy_assets.bidding.session_problem import (
    EarlierAwards,
    last_rung_of,
    nodes_of,
    session_problem,
)
from energy_assets.curation.desk_view import desk_view
from energy_assets.market import load_area
from energy_assets_tests.bidding.known_rows import (
    AUTUMN,
    DAY,
    SPRING,
    add,
    add_series,
    day_of,
    desk_of,
    lake_at,
)
from energy_assets_tests.bidding.problems import mixed_problem

AREA = load_area("SIM_DE_LU")
MARKETS = {
    "reserves": {
        "fcr": {"providers": {"battery": 10, "gas_turbine": 15}},
        "afrr_up": {"providers": {"gas_turbine": 30}},
        "afrr_down": {"providers": {"battery": 5}},
    },
    "blocks": [{"from_hour": 8, "to_hour": 20, "limit_price": 70, "max_volume_mw": 20}],
    "intraday": {"auctions": ["ida1", "ida3"], "nodes": 3},
    "history_days": 10,
}
DESK = desk_of("gas_turbine", "battery", markets=MARKETS)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def outlook_of(day, scenarios=4, products=("fcr", "afrr_up", "afrr_down")):
    rng = np.random.default_rng(0)
    shape = (scenarios, day.mtu_count)
    return MarketOutlook(
        capacity={name: rng.uniform(5, 20, (scenarios, 6)) for name in products},
        called={name: rng.uniform(0, 0.3, shape) for name in products},
        energy_spread={"up": np.full(shape, 30.0), "down": np.full(shape, -20.0)},
        intraday_spread={
            "continuous": rng.normal(0, 5, shape),
            "ida1": rng.normal(0, 4, shape),
            "ida3": rng.normal(0, 3, shape),
        },
        days=(),
        notes=(),
    )


def base_of(day, scenarios=4):
    problem = mixed_problem(scenarios, day.mtu_count, start=day.start, minutes=day.mtu_minutes)
    kept = [unit for unit in problem.units if unit.name != "turbine"]
    units = (*kept, DESK.unit("gas_turbine"))
    document = {name: getattr(problem, name) for name in type(problem).model_fields}
    return type(problem).model_validate(
        document | {"units": units, "marginal_costs": {"gas_turbine": 62.0}}
    )


def problem_at(session, day, earlier=None, outlook=None):
    return session_problem(
        base_of(day),
        DESK,
        day,
        session,
        outlook or outlook_of(day),
        earlier or EarlierAwards(),
        LONG_AGO if session == "intraday" else DESK.decision_time(day.label, session),
    )


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_reserve_blocks_are_those_of_the_wall_clock(label):
    day = day_of(label)
    problem = problem_at("fcr", day)
    assert {market.name for market in problem.reserves} == {"fcr", "afrr_up", "afrr_down"}
    per_hour = 60 // day.mtu_minutes
    hours = np.bincount(problem.reserves[0].block_of) / per_hour
    assert hours.tolist() == [day.hours - 20, 4, 4, 4, 4, 4]
    assert problem.reserves[0].pricing == "pay_as_cleared"
    assert all(market.awarded_mw is None for market in problem.reserves)


def test_an_award_is_fixed_and_an_auction_lost_is_owed_nothing():
    day = day_of()
    awarded = np.array([0, 0, 5.0, 5, 0, 0])
    problem = problem_at("day_ahead", day, EarlierAwards(reserves={"fcr": awarded}))
    assert [market.name for market in problem.reserves] == ["fcr"]
    np.testing.assert_array_equal(problem.reserves[0].awarded_mw, awarded)
    afrr = problem_at("afrr", day, EarlierAwards(reserves={"fcr": 0 * awarded}))
    assert [market.name for market in afrr.reserves] == ["afrr_up", "afrr_down"]


def test_a_product_without_known_prices_is_not_offered():
    day = day_of()
    problem = problem_at("fcr", day, outlook=outlook_of(day, products=("afrr_up",)))
    assert [market.name for market in problem.reserves] == ["afrr_up"]


def test_energy_called_up_and_down_is_priced_by_its_direction():
    day = day_of()
    up, down = problem_at("afrr", day, EarlierAwards(reserves={"fcr": np.zeros(6)})).reserves
    base = base_of(day)
    np.testing.assert_allclose(up.energy_prices, base.prices + 30)
    np.testing.assert_allclose(down.energy_prices, base.prices - 20)


def test_intraday_auctions_are_bid_at_their_own_prices_around_known_ones():
    day = day_of()
    known = np.linspace(40, 90, day.mtu_count)
    position = np.full(day.mtu_count, 12.0)
    earlier = EarlierAwards(position=position, prices=known)
    problem = problem_at("ida1", day, earlier)
    spread = outlook_of(day).intraday_spread["ida1"]
    np.testing.assert_allclose(problem.prices, known + spread)
    np.testing.assert_array_equal(problem.earlier_position, position)
    base = base_of(day)
    # Imbalance and continuous trading are expected around the auction's own price: no difference
    # between two markets is money by itself.
    np.testing.assert_allclose(
        problem.long_prices - problem.prices, base.long_prices - base.prices, atol=1e-9
    )
    market = problem.intraday
    for node in set(market.node_of):
        inside = [s for s, n in enumerate(market.node_of) if n == node]
        gap = (market.prices - problem.prices)[inside]
        np.testing.assert_allclose(gap.mean(axis=0), 0, atol=1e-9)
    assert problem.rules == AREA.session("ida1").curve_rules(day.label)
    assert problem.blocks == ()


def test_a_second_auction_starts_from_the_first_ones_prices():
    day = day_of()
    known = np.linspace(40, 90, day.mtu_count)
    earlier = EarlierAwards(position=0 * known, prices=known, priced_by="ida1")
    spreads = outlook_of(day).intraday_spread
    problem = problem_at("ida3", day, earlier)
    np.testing.assert_allclose(problem.prices, known + spreads["ida3"] - spreads["ida1"])


def test_continuous_trading_has_no_auction_and_one_node():
    problem = problem_at("intraday", day_of())
    assert not problem.auction
    assert problem.intraday is not None
    assert problem.intraday.node_of is None


def test_the_last_rung_of_an_intraday_session_offers_nothing():
    problem = base_of(day_of())
    earlier = EarlierAwards(position=np.ones(problem.mtu_count))
    assert not last_rung_of(problem, "ida1", earlier).auction
    assert last_rung_of(problem, "day_ahead", earlier).auction


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_a_block_covers_its_hours_on_the_wall_clock(label):
    day = day_of(label)
    (block,) = problem_at("day_ahead", day).blocks
    labels = day.local_labels()
    assert labels[block.first_mtu][:5] == "08:00"
    assert block.mtu_count == 12 * 60 // day.mtu_minutes


def test_no_node_expects_to_earn_on_the_intraday_price():
    day = day_of()
    problem = problem_at("day_ahead", day)
    market = problem.intraday
    for node in set(market.node_of):
        inside = [s for s, n in enumerate(market.node_of) if n == node]
        gap = (market.prices - problem.prices)[inside]
        np.testing.assert_allclose(gap.mean(axis=0), 0, atol=1e-9)


def test_nodes_put_scenarios_with_the_path_they_are_nearest_to():
    rng = np.random.default_rng(1)
    levels = np.repeat([0.0, 100.0, 200.0], 5)
    nodes = nodes_of(levels[:, None] + rng.normal(0, 1, (15, 8)), 3)
    assert [len(set(nodes[i : i + 5])) for i in (0, 5, 10)] == [1, 1, 1]
    assert sorted(set(nodes)) == [0, 1, 2]
    assert nodes_of(levels[:2, None], 9) == (0, 1)
    assert set(nodes_of(np.zeros((6, 4)), 3)) == {0}


def test_a_unit_that_starts_within_the_time_left_is_committed_late():
    turbine = DESK.unit("gas_turbine").model_copy(update={"notice_hours": 2.0})
    quick = DESK.model_copy(update={"units": (turbine, DESK.unit("battery"))})
    day = day_of()
    made = session_problem(
        base_of(day), quick, day, "day_ahead", outlook_of(day), EarlierAwards(), LONG_AGO
    )
    assert made.commit_late == ("gas_turbine",)
    assert problem_at("day_ahead", day).commit_late == ()


OFFSETS = {"balancing_up": 40, "balancing_down": -30, "intraday_index": 2}


def with_history(lake, days, *, gap=None):
    for number in range(1, days + 1):
        day = day_of(DAY - timedelta(days=number))
        at = day.start - timedelta(hours=12)
        add_series(lake, DESK.area, day, "day_ahead", [50.0 + number] * day.mtu_count, at)
        quarters = day.grid(15)
        for series, offset in (
            ("balancing_up", 40),
            ("balancing_down", -30),
            ("intraday_index", 2),
        ):
            missing = gap == (series, number)
            count = len(quarters) - missing
            add(
                lake,
                "raw.market_prices",
                DESK.area,
                day.end,
                series=[series] * count,
                period_start=quarters[:count],
                resolution_min=[15] * count,
                price=[50.0 + number + offset] * count,
                currency=["EUR"] * count,
            )
        for product in ("fcr", "afrr_up", "afrr_down"):
            blocks = AREA.reserve(product).blocks(day.label)
            add(
                lake,
                "raw.auction_results",
                DESK.area,
                at,
                product=[product] * 6,
                component=["capacity"] * 6,
                statistic=["marginal"] * 6,
                period_start=[start for start, _ in blocks],
                resolution_min=[240] * 6,
                price=[4.0 * number] * 6,
                unit=["currency/MW"] * 6,
                volume_mw=[100.0] * 6,
                currency=["EUR"] * 6,
            )
            add(
                lake,
                "raw.called_reserves",
                DESK.area,
                day.end,
                product=[product] * len(quarters),
                period_start=quarters,
                resolution_min=[15] * len(quarters),
                called_share=[0.01 * number] * len(quarters),
            )


def test_every_scenario_is_given_one_whole_past_day(tmp_path):
    lake = lake_at(tmp_path)
    with_history(lake, 9, gap=("intraday_index", 4))
    day = day_of()
    known = desk_view(lake, DESK, DESK.decision_time(DAY, "fcr"))
    found = market_outlook(known, DESK, day, 40, seed=3)
    numbers = [(DAY - label).days for label in found.days]
    # The day before delivery is not over, day 4 has a gap.
    assert set(numbers) == {2, 3, 5, 6, 7, 8, 9}
    for scenario, number in enumerate(numbers):
        np.testing.assert_allclose(found.capacity["fcr"][scenario], number)
        np.testing.assert_allclose(found.called["afrr_down"][scenario], 0.01 * number)
        np.testing.assert_allclose(found.energy_spread["up"][scenario], 40)
        np.testing.assert_allclose(found.intraday_spread["continuous"][scenario], 2)
    assert "ida1" not in found.intraday_spread
    assert any("intraday ida1" in note for note in found.notes)
    again = market_outlook(known, DESK, day, 40, seed=3)
    assert again.days == found.days


def test_too_short_a_past_leaves_the_markets_out(tmp_path):
    lake = lake_at(tmp_path)
    with_history(lake, 4)
    known = desk_view(lake, DESK, DESK.decision_time(DAY, "fcr"))
    found = market_outlook(known, DESK, day_of(), 5, seed=3)
    assert not found.capacity
    assert len(found.notes) >= 3
    problem = problem_at("fcr", day_of(), outlook=found)
    assert problem.reserves == ()
    assert problem.intraday is None
