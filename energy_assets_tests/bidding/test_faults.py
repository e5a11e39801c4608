"""Faults at real seams: always a valid order set or a clear refusal, and the rung on the record."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from energy_assets.bidding import Rung, StartState, price_independent, runs
from energy_assets.bidding.ladder.budgets import WRITE_RESERVE_SECONDS, Budgets
from energy_assets.bidding.ladder.few_scenarios import lp_with_repair, reduced_scenarios
from energy_assets.bidding.ladder.marginal_cost import marginal_cost
from energy_assets.bidding.problem import checked
from energy_assets.bidding.rungs import LADDER, LadderRung, best_bid
from energy_assets.bidding.runs import orders_in_force, run_bids, run_last_rung
from energy_assets.bidding.stochastic import solve
from energy_assets.errors import InputError, LakeError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenario_rows
from energy_assets.forecasting.targets import IMBALANCE_SPREAD, PRICE
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import check_order_set, load_area
from energy_assets.portfolio import load_desk
from energy_assets_tests.bidding.failing_rungs import (
    exits,
    killed_while_solving,
    never_ends,
    raises_by_mistake,
)
from energy_assets_tests.bidding.known_rows import (
    AUTUMN,
    DAY,
    SPRING,
    add_close,
    add_outage,
    day_of,
    desk_of,
    lake_at,
)
from energy_assets_tests.bidding.problems import battery, engine, mixed_problem, problem
from energy_assets_tests.bidding.test_ladder import breaches
from energy_assets_tests.lakehouse.frames import SteppingClock

DESKS = Path(__file__).resolve().parents[2] / "data" / "desks"
BATTERY = desk_of("battery", imbalance={"deviation_penalty": 100.0}, price_points=4)
SMALL = problem([battery()], [[20.0, 60.0], [30.0, 50.0]], solver={"build": "twin"})
FEW = {"reduced_scenarios": 2, "build": "twin", "gap": 0.02}
MAKERS = (solve, reduced_scenarios, lp_with_repair, marginal_cost, price_independent)


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path)


def stamp_of(label=DAY, mode="replay", desk=BATTERY):
    return RunStamp("day_ahead", label, desk.decision_time(label), "run", mode)


def with_scenarios(lake, label=DAY, mode="replay", price=None):
    day = day_of(label)
    hour = np.arange(day.mtu_count) / 4
    path = 60 + 40 * np.sin((hour - 6) / 24 * 4 * np.pi) if price is None else price
    paths = np.stack([path, path + 10])
    frame = scenario_rows(Scenarios(day, np.array([0.5, 0.5]), {PRICE: paths}))
    stamp = stamp_of(label, mode)
    lake.append("forecasts.scenarios", stamp.on(frame, "forecasts.scenarios"), scope=BATTERY.name)
    return stamp


def recorded(lake, label=DAY):
    """Rungs on the record of a day with their notes."""
    rows = lake.read("bids.bid_runs", scope=BATTERY.name, where={"delivery_day": label})
    return dict(rows.select("rung", "note").iter_rows())


def assert_valid_in_force(lake, stamp, rung):
    orders, found = orders_in_force(lake, BATTERY, stamp)
    session = load_area(BATTERY.area).session()
    day, rules = session.delivery_day(stamp.delivery_day), session.curve_rules(stamp.delivery_day)
    assert check_order_set(orders, day, rules) == []
    assert found == rung
    assert rung in recorded(lake, stamp.delivery_day)
    return orders


# --- the solver's process ---


@pytest.mark.parametrize(
    ("make", "seconds", "reason"),
    [
        (killed_while_solving, 60, "stochastic: the solver's process was killed by SIGKILL"),
        (exits, 60, "stochastic: the solver's process ended with exit code 7"),
        (never_ends, 0.2, "stochastic: killed at its budget of 0.2 s"),
        (raises_by_mistake, 60, "stochastic: ValueError: operands could not be broadcast together"),
        (solve, 0, "stochastic: no time left before the gate"),
    ],
)
def test_a_rung_whose_process_fails_steps_down_with_one_reason(make, seconds, reason):
    ladder = (LadderRung(Rung.STOCHASTIC, make, needs_solver=True), LADDER[-1])
    bid = best_bid(SMALL, budgets=Budgets({Rung.STOCHASTIC: seconds}), ladder=ladder)
    assert (bid.rung, bid.reason) == (Rung.MARGINAL_COST, reason)
    assert not breaches(SMALL, bid.curves)


def test_a_child_gives_the_same_solution_as_this_process():
    here, there = best_bid(SMALL), best_bid(SMALL, budgets=Budgets.sharing(300))
    assert there.rung is Rung.STOCHASTIC
    assert there.curves == here.curves
    assert (there.objective, there.expected_value) == (here.objective, here.expected_value)


def test_a_child_reports_an_infeasible_problem_in_words():
    bidding = problem([battery(energy_mwh=10, end_energy_mwh=9)], np.full(4, 50.0))
    bid = best_bid(bidding, budgets=Budgets.sharing(300))
    assert "unit battery, end_energy_mwh: needs 9" in bid.reason.split("; ")[0]


def test_budgets_follow_from_the_gate_and_end_before_it():
    gate = datetime(2026, 2, 11, 11, tzinfo=UTC)
    made = Budgets.until(gate, gate - timedelta(seconds=WRITE_RESERVE_SECONDS + 100))
    assert 90 < sum(made.seconds.values()) < 100
    assert list(made.seconds) == [rung.rung for rung in LADDER if rung.needs_solver]
    assert set(Budgets.until(gate, gate).seconds.values()) == {0.0}


def test_a_live_run_close_to_its_gate_sends_what_needs_no_solver(tmp_path):
    gate = load_area(BATTERY.area).session().gate_closure(DAY)
    lake = Lake(tmp_path, clock=SteppingClock(gate - timedelta(seconds=40)))
    stamp = with_scenarios(lake, mode="live")
    run_last_rung(lake, BATTERY, stamp)
    run_bids(lake, BATTERY, stamp)
    assert_valid_in_force(lake, stamp, "marginal_cost")
    assert recorded(lake)["marginal_cost"].count("no time left before the gate") == 3


# --- figures ---


def test_a_figure_that_is_no_number_steps_down():
    def poisoned(bidding):
        solution = solve(bidding)
        solution.profit[0] = np.nan
        return solution

    bid = best_bid(SMALL, ladder=(LadderRung(Rung.STOCHASTIC, poisoned), LADDER[-1]))
    assert (bid.rung, bid.reason) == (Rung.MARGINAL_COST, "stochastic: profit is not finite")


def test_a_scenario_with_a_hole_is_refused_and_the_last_rung_stands(lake):
    """The lake stores no NaN; a path that lacks a period is no path."""
    path = np.full(96, 50.0)
    path[7] = np.nan
    with pytest.raises(LakeError, match="'value': expected a number or null, found NaN in row"):
        with_scenarios(lake, price=path)
    day, stamp = day_of(), stamp_of()
    frame = scenario_rows(Scenarios(day, np.ones(1), {PRICE: np.full((1, 96), 50.0)}))
    rows = stamp.on(frame.filter(frame["period_start"] != day.starts[7]), "forecasts.scenarios")
    lake.append("forecasts.scenarios", rows, scope=BATTERY.name)
    run_last_rung(lake, BATTERY, stamp)
    with pytest.raises(InputError, match="1 paths of 96 periods of price, found '95 rows'"):
        run_bids(lake, BATTERY, stamp)
    assert_valid_in_force(lake, stamp, "price_independent")


@pytest.mark.parametrize("price", [-500.0, 4000.0, -60.0])
@pytest.mark.parametrize("make", MAKERS)
def test_prices_at_a_limit_or_negative_all_day_leave_every_rung_valid(make, price):
    flat = np.full((4, 24), price)
    bidding = checked(
        mixed_problem(4, 24, minutes=60, solver=FEW),
        prices=flat,
        long_prices=flat,
        short_prices=flat,
    )
    made = make(bidding)
    assert not breaches(bidding, made.curves)
    assert np.isfinite(made.profit).all()
    if price < 0:
        # Nothing that can be switched off runs at such prices; what has to be sold or bought is.
        assert made.plan("turbine").power.mean.max() < 1e-6
        assert np.abs(made.position).max() > 1


# --- the plant ---


def outaged(**changes):
    """The mixed plant with its turbine out from mid-day on."""
    limit = np.full(24, 100.0)
    limit[12:] = 0.0
    return mixed_problem(
        4,
        24,
        minutes=60,
        power_limits={"turbine": limit},
        solver=FEW,
        **changes,
    )


@pytest.mark.parametrize("make", MAKERS)
def test_a_unit_out_from_mid_day_is_not_sold_after_it(make):
    bidding = outaged(start_states={"turbine": StartState(on=True, hours_in_state=1, power_mw=60)})
    made = make(bidding)
    assert not breaches(bidding, made.curves)
    assert made.plan("turbine").power.p95[12:].max() == 0
    assert not any(made.plan("turbine").on[12:])
    # What is left: wind, battery, no more than the highest solar less the least load.
    most = 50 + 20 + 30
    assert max(volume for c in made.curves[12:] for _, volume in c.points) <= most * 10


def test_a_start_state_no_plan_can_leave_steps_down_to_what_has_to_be_sold():
    """Running high on its minimum up time, out within the first hour, too slow to come down."""
    unit = engine(capacity_mw=10, min_power_mw=2, min_up_hours=6, ramp_down_mw_per_hour=4)
    limit = [10.0, 10, 0, 0] + [10.0] * 12
    bidding = problem(
        [unit],
        np.full((3, 16), 50.0),
        mtu_minutes=15,
        start_states={"engine": StartState(on=True, hours_in_state=1, power_mw=10)},
        power_limits={"engine": limit},
        solver={"reduced_scenarios": 2, "build": "twin"},
    )
    bid = best_bid(bidding)
    assert bid.rung is Rung.MARGINAL_COST
    assert bid.reason.count("unit engine: ") == 3
    assert not breaches(bidding, bid.curves)
    assert bid.plan("engine").power.mean[2:4].max() == 0


def test_an_outage_during_the_day_reaches_the_orders_through_the_lake(lake):
    day = day_of()
    middle = day.start + timedelta(hours=12)
    add_outage(lake, BATTERY, "m", middle, day.end, 0.0, unit="battery")
    stamp = with_scenarios(lake)
    run_bids(lake, BATTERY, stamp)
    orders = assert_valid_in_force(lake, stamp, "stochastic")
    assert {volume for curve in orders.curves[48:] for _, volume in curve.points} == {0}


# --- calendars ---


@pytest.mark.parametrize(
    ("label", "rung"),
    [(SPRING, "reduced_scenarios"), (AUTUMN, "lp_with_repair"), (SPRING, "marginal_cost")],
)
def test_a_lower_rung_holds_on_days_of_23_and_25_hours(lake, monkeypatch, label, rung):
    lower = [each for each in LADDER if each.rung == rung]
    monkeypatch.setattr(runs, "best_bid", partial(best_bid, ladder=lower))
    stamp = with_scenarios(lake, label)
    scenarios = BATTERY.scenarios.model_copy(update={"reduced_count": 1})
    run_bids(lake, BATTERY.model_copy(update={"scenarios": scenarios}), stamp)
    assert_valid_in_force(lake, stamp, rung)


@pytest.mark.parametrize("label", [SPRING, AUTUMN])
def test_the_last_orders_in_force_stand_in_over_a_change_of_clocks(lake, monkeypatch, label):
    before = label - timedelta(days=1)
    run_bids(lake, BATTERY, with_scenarios(lake, before))
    monkeypatch.setattr(runs, "best_bid", partial(best_bid, ladder=()))
    stamp = with_scenarios(lake, label)
    result = run_bids(lake, BATTERY, stamp)
    orders = assert_valid_in_force(lake, stamp, "last_accepted")
    assert result.solution.status == f"orders of {before} re-validated"
    earlier, _ = orders_in_force(lake, BATTERY, stamp_of(before))
    assert orders.curves[0].points == earlier.curves[0].points
    assert orders.curves[-1].points == earlier.curves[-1].points


def test_without_earlier_orders_the_last_rung_says_so(lake, monkeypatch):
    # Yesterday's were price-independent: made without a forecast, no better than today's own.
    run_last_rung(lake, BATTERY, stamp_of(DAY - timedelta(days=1)))
    monkeypatch.setattr(runs, "best_bid", partial(best_bid, ladder=()))
    stamp = with_scenarios(lake)
    run_bids(lake, BATTERY, stamp)
    assert_valid_in_force(lake, stamp, "price_independent")
    reason = "last_accepted: no orders of another day in force in the last 14 days"
    assert recorded(lake)["price_independent"] == reason


def test_hourly_day_ahead_with_quarter_hourly_intraday_auctions(lake):
    """Before 2025-10-01: the hour's curve is offered in each of its quarter-hours."""
    label = date(2025, 9, 15)
    desk = load_desk(DESKS / "multi_market.yaml")
    area = load_area(desk.area)
    day = area.session().delivery_day(label)
    for product, price in (("gas_hhv", 30.0), ("eua", 70.0)):
        known = datetime(2025, 9, 13, tzinfo=UTC)
        add_close(lake, desk, product, date(2025, 9, 12), price, known)
    stamp = RunStamp("ida1", label, desk.decision_time(label, "ida1"), "run", "replay")
    rng = np.random.default_rng(0)
    names = [unit.name for unit in desk.units if unit.kind in ("wind", "solar", "load")]
    paths = {name: rng.uniform(1, 2, (2, 24)) for name in [*names, PRICE, IMBALANCE_SPREAD]}
    frame = scenario_rows(Scenarios(day, np.full(2, 0.5), paths))
    lake.append("forecasts.scenarios", stamp.on(frame, "forecasts.scenarios"), scope=desk.name)
    result = run_bids(lake, desk, stamp)
    session = area.session("ida1")
    assert (day.mtu_minutes, result.orders.resolution_min) == (60, 15)
    grid, rules = session.delivery_day(label), session.curve_rules(label)
    assert check_order_set(result.orders, grid, rules) == []
    by_hour = [{c.points for c in result.orders.curves[h : h + 4]} for h in range(0, 96, 4)]
    assert all(len(points) == 1 for points in by_hour)
    assert result.solution.rung is Rung.STOCHASTIC
