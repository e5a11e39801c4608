"""Strategies on days with known best answers, what they may know, and profit by unit."""

from datetime import date, timedelta

import numpy as np
import pytest

from energy_assets.backtesting.one_day import actual_output
from energy_assets.backtesting.strategies import (
    DO_NOTHING,
    STRATEGIES,
    do_nothing,
    perfect,
    shape_28d,
    stochastic,
    yesterday,
)
from energy_assets.bidding import StartState
from energy_assets.errors import InputError
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.portfolio import Desk
from energy_assets_tests.backtesting.market_days import (
    BATTERY,
    BEST_POSITION,
    BEST_PROFIT,
    DAY,
    MIXED,
    SHAPE,
    add_history,
    add_prices,
    context_of,
    earned,
)
from energy_assets_tests.bidding.known_rows import (
    AUTUMN,
    SPRING,
    add_readings,
    add_series,
    desk_of,
    lake_at,
)
from energy_assets_tests.bidding.known_rows import day_of as quarter_hours


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def position_of(offer):
    """MW of flat orders."""
    assert all(len({volume for _, volume in curve.points}) == 1 for curve in offer.curves)
    return np.array([curve.points[0][1] for curve in offer.curves]) / 10


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_every_strategy_finds_the_best_answer_where_nothing_is_uncertain(lake, strategy):
    add_history(lake, DAY, 28, SHAPE)
    outcome = earned(lake, context_of(lake, BATTERY, DAY, SHAPE), strategy)
    assert outcome.profit == pytest.approx(BEST_PROFIT)
    assert outcome.awarded_mwh == pytest.approx(3.8)
    assert outcome.imbalance_mwh == pytest.approx(0, abs=1e-6)
    assert outcome.by_unit == {"battery": outcome.profit}
    assert outcome.end_states["battery"].energy_mwh == pytest.approx(0, abs=1e-6)


def test_doing_nothing_earns_nothing(lake):
    outcome = earned(lake, context_of(lake, BATTERY, DAY, SHAPE), do_nothing)
    assert (outcome.profit, outcome.awarded_mwh, outcome.imbalance_mwh) == (0, 0, 0)


def test_yesterday_bids_yesterdays_shape_and_is_paid_todays_prices(lake):
    late = np.roll(SHAPE, 2)
    add_prices(lake, DAY - timedelta(days=1), late)
    context = context_of(lake, BATTERY, DAY, SHAPE)
    np.testing.assert_allclose(position_of(yesterday(context, {})), np.roll(BEST_POSITION, 2))
    assert earned(lake, context, yesterday).profit == pytest.approx(1.8 * 47 - 2 * 47)


def test_shape_is_the_mean_of_28_days_and_not_of_29(lake):
    """Cheap hours 2 and 3 on 27 days outweigh one day; the day before them would upset them."""
    add_history(lake, DAY - timedelta(days=1), 27, SHAPE)
    add_prices(lake, DAY - timedelta(days=1), np.roll(SHAPE, 2))
    outlier = np.full(24, 0.0)
    outlier[[2, 3]] = 2900
    add_prices(lake, DAY - timedelta(days=29), outlier)
    context = context_of(lake, BATTERY, DAY, SHAPE)
    np.testing.assert_allclose(position_of(shape_28d(context, {})), BEST_POSITION)
    assert (position_of(yesterday(context, {})) != BEST_POSITION).any()


@pytest.mark.parametrize("strategy", [yesterday, shape_28d])
def test_flat_strategies_use_only_prices_known_at_the_decision(lake, strategy):
    add_history(lake, DAY, 28, SHAPE)
    before = strategy(context_of(lake, BATTERY, DAY, SHAPE), {})
    # Known a second too late: today's prices, and corrections of the past.
    decided = BATTERY.decision_time(DAY)
    for back in range(3):
        add_prices(
            lake,
            DAY - timedelta(days=back),
            np.roll(SHAPE, 9),
            known=decided + timedelta(seconds=1),
        )
    after = strategy(context_of(lake, BATTERY, DAY, np.roll(SHAPE, 5)), {})
    assert after.curves == before.curves
    add_prices(lake, DAY - timedelta(days=1), np.roll(SHAPE, 4) * 30, known=decided)
    assert strategy(context_of(lake, BATTERY, DAY, SHAPE), {}).curves != before.curves


def test_a_flat_strategy_without_prices_says_so(lake):
    with pytest.raises(InputError, match="1 days to 2016-03-02: expected 24 periods, found '24"):
        yesterday(context_of(lake, BATTERY, DAY, SHAPE), {})


def test_no_strategy_beats_perfect_foresight_on_any_day(lake):
    rng = np.random.default_rng(11)
    for _ in range(4):
        actual = np.round(35 + 15 * rng.normal(size=24), 2)
        add_prices(lake, DAY - timedelta(days=1), np.round(35 + 15 * rng.normal(size=24), 2))
        context = context_of(lake, BATTERY, DAY, actual, forecast=actual + 10 * rng.normal(size=24))
        best = earned(lake, context, perfect).profit
        # Flat bids are rounded to the volume tick: a tenth of a MW for an hour or two.
        assert earned(lake, context, yesterday).profit <= best + 0.5
        assert earned(lake, context, stochastic).profit <= best + 0.5
        assert best >= -1e-9


def test_profit_by_unit_adds_up_to_the_portfolio_less_imbalance(lake):
    """The engine (32, one start at 30) runs the dear half of the day, the battery cycles."""
    prices = SHAPE.copy()
    prices[:12] = 20.0
    prices[[2, 3]] = 10.0
    outcome = earned(lake, context_of(lake, MIXED, DAY, prices), stochastic)
    assert list(outcome.by_unit) == ["battery", "engine"]
    assert outcome.by_unit["engine"] == pytest.approx(2 * (prices[12:] - 32).sum() - 30)
    # What deviations cost against the day-ahead price belongs to no unit.
    deviations = 100 * outcome.imbalance_mwh
    assert sum(outcome.by_unit.values()) == pytest.approx(outcome.profit + deviations, abs=0.1)


def test_a_load_costs_what_its_energy_costs_and_is_no_flexibility(lake):
    desk = desk_of("wind", "load", imbalance={"deviation_penalty": 100.0})
    flat = np.ones(96)
    expected = {"wind": 20 * flat, "load": 10 * flat}
    output = {"wind": 25 * flat, "load": 12 * flat}
    prices = np.full(96, 60.0)
    label = date(2026, 2, 12)
    context = context_of(lake, desk, label, prices, expected=expected, output=output)
    outcomes = {
        name: earned(lake, context, strategy)
        for name, strategy in ((DO_NOTHING, do_nothing), ("s", stochastic), ("p", perfect))
    }
    for outcome in outcomes.values():
        assert outcome.by_unit["load"] == pytest.approx(-12 * 24 * 60)
        assert outcome.by_unit["wind"] == pytest.approx(25 * 24 * 60)
    # Foresight sells what the meters will say; the others are 3 MW long at 60 - 100.
    assert outcomes["p"].profit == pytest.approx(13 * 24 * 60)
    for name in (DO_NOTHING, "s"):
        assert outcomes[name].profit == pytest.approx(10 * 24 * 60 - 3 * 24 * 40)


def test_doing_nothing_leaves_the_store_alone_even_where_imbalance_would_pay(lake):
    """Single imbalance prices near the day-ahead price: cycling into imbalance would earn."""
    desk = desk_of("wind", "battery", area="NL", imbalance={"aversion": 0.0})
    prices = np.where(np.arange(96) < 48, 10.0, 250.0)
    label = date(2026, 2, 12)
    day = quarter_hours(label)
    add_series(lake, "NL", day, "imbalance", prices.tolist(), day.end)
    expected = {"wind": np.full(96, 20.0)}
    context = context_of(lake, desk, label, prices, expected=expected)
    nothing = earned(lake, context, do_nothing)
    assert nothing.imbalance_mwh == 0
    assert nothing.by_unit["battery"] == 0
    assert nothing.end_states["battery"] == StartState(energy_mwh=20)


def test_perfect_foresight_schedules_for_the_output_that_came_true(lake):
    desk = desk_of("wind", "battery", imbalance={"deviation_penalty": 100.0})
    prices = np.round(80 + 30 * np.sin(np.arange(96) / 96 * 4 * np.pi), 2)
    expected = {"wind": np.full(96, 20.0)}
    output = {"wind": np.full(96, 35.0)}
    output["wind"][0] = 50.2  # a meter may read a little above the rating, or below nothing
    output["wind"][1] = -0.1
    context = context_of(lake, desk, date(2026, 2, 12), prices, expected=expected, output=output)
    outcome = earned(lake, context, perfect)
    # Rounding to the volume tick, and the two readings outside the rating.
    assert outcome.imbalance_mwh < 0.5
    assert outcome.profit > earned(lake, context, stochastic).profit


@pytest.mark.parametrize("label", [SPRING, AUTUMN, date(2026, 2, 12)])
def test_output_that_came_true_is_the_meter_mtu_by_mtu(lake, label):
    """Both hours of the autumn night count as they are, not as their mean."""
    desk = desk_of("wind")
    day = quarter_hours(label)
    power = np.arange(day.mtu_count) % 40 + 1.0
    add_readings(lake, desk, day, "wind", power.tolist(), 15)
    known = PointInTime(lake, day.end + timedelta(days=3))
    np.testing.assert_allclose(actual_output(known, desk, day, "wind"), power)


def test_a_missing_reading_names_the_unit_and_the_mtu(lake):
    desk, day = desk_of("wind"), quarter_hours(date(2026, 2, 12))
    with pytest.raises(InputError, match="meter_readings of reference: wind on 2026-02-12"):
        actual_output(PointInTime(lake, day.end), desk, day, "wind")


def test_a_strategys_plant_state_is_carried_and_saves_a_second_start(lake):
    engine = MIXED.unit("engine").model_dump()
    desk = Desk.model_validate(MIXED.model_dump() | {"units": [engine]})
    prices = np.full(24, 60.0)
    first = earned(lake, context_of(lake, desk, DAY, prices), perfect)
    assert first.profit == pytest.approx(24 * 2 * (60 - 32) - 30)
    state = first.end_states["engine"]
    assert (state.on, state.hours_in_state, state.power_mw) == (True, 24, 2)
    tomorrow = context_of(lake, desk, DAY + timedelta(days=1), prices)
    assert earned(lake, tomorrow, perfect, first.end_states).profit == pytest.approx(
        first.profit + 30
    )
