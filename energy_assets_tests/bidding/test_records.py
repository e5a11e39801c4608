"""Bid runs as rows and back, and start states from the schedules of the days before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding import Schedule, StartState, price_independent
from energy_assets.bidding.records import (
    BidRun,
    offers_from_rows,
    order_rows,
    orders_from_rows,
    plan_rows,
    schedule_rows,
    start_states,
    write_bid_run,
)
from energy_assets.errors import InputError
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import BlockOrder, CurveOrder, OrderSet, load_area
from energy_assets.market.reserve_offers import ReserveOffer, ReserveOfferSet
from energy_assets.portfolio import Desk
from energy_assets_tests.bidding.known_rows import AUTUMN, DAY, SPRING, day_of, desk_of, lake_at
from energy_assets_tests.bidding.problems import mixed_problem

DESK = desk_of("gas_turbine", "battery")
LATER = datetime(2026, 11, 1, tzinfo=UTC)


def stamp_of(label=DAY, mode="replay", run_id="run"):
    return RunStamp("day_ahead", label, DESK.decision_time(label), run_id, mode)


def random_orders(label=DAY, seed=0):
    """Curves of two to six points whose prices and volumes are any ticks the rules allow."""
    session = load_area(DESK.area).session()
    rules, day = session.curve_rules(label), session.delivery_day(label)
    rng = np.random.default_rng(seed)
    curves = []
    for mtu in day.mtus:
        count = int(rng.integers(0, 5))
        inner = rng.choice(np.arange(-40_000, 390_000), size=count, replace=False)
        prices = [rules.price_min_ticks, *sorted(inner.tolist()), rules.price_max_ticks]
        volumes = sorted(rng.integers(-600, 2200, size=len(prices)).tolist())
        curves.append(CurveOrder(mtu.start, mtu.minutes, tuple(zip(prices, volumes, strict=True))))
    owner = (DESK.participant_id, DESK.portfolio_id, DESK.balance_area)
    return OrderSet(DESK.area, "day_ahead", label, "EUR", rules, tuple(curves), *owner)


def run_of(label=DAY, seed=0):
    day = day_of(label)
    problem = mixed_problem(3, day.mtu_count, start=day.start)
    return BidRun(
        solution=price_independent(problem, reason="because"),
        orders=random_orders(label, seed),
        probabilities=problem.weights,
        input_hash="input",
        model_versions={"scenarios": "1"},
        ingested_before=datetime(2026, 11, 1, tzinfo=UTC),
        gate_closure=load_area(DESK.area).session().gate_closure(label),
        note="",
    )


def curves_of(run):
    return order_rows(run.orders, run.solution.rung.value)["bids.curve_orders"]


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_orders_come_back_from_their_rows_as_they_were(tmp_path, label):
    lake, stamp, run, day = lake_at(tmp_path), stamp_of(label), run_of(label), day_of(label)
    write_bid_run(lake, DESK, day, stamp, run)
    rows = lake.current("bids.curve_orders", scope=DESK.name, delivery_day=label, mode="replay")
    back = orders_from_rows(rows.sample(fraction=1.0, shuffle=True, seed=1), DESK, day)
    assert back == run.orders
    assert back.sha256 == run.orders.sha256
    stored = lake.read("bids.bid_runs", scope=DESK.name).row(0, named=True)
    assert stored["orders_sha256"] == back.sha256
    assert stored["objective"] is None
    assert stored["note"] == "because"


def test_blocks_come_back_with_the_curves(tmp_path):
    lake, stamp, run, day = lake_at(tmp_path), stamp_of(), run_of(), day_of()
    first = run.orders.curves[4]
    blocks = (
        BlockOrder(first.start, first.minutes, 8, "purchase", -1250, 31),
        BlockOrder(first.start, first.minutes, 12, "sale", 5501, 200),
    )
    orders = replace(run.orders, blocks=blocks)
    write_bid_run(lake, DESK, day, stamp, replace(run, orders=orders))
    curves, stored = (
        lake.current(name, scope=DESK.name, delivery_day=DAY, mode="replay")
        for name in ("bids.curve_orders", "bids.block_orders")
    )
    assert orders_from_rows(curves, DESK, day, stored) == orders


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_reserve_offers_come_back_from_their_rows(tmp_path, label):
    lake, run, day = lake_at(tmp_path), run_of(label), day_of(label)
    area, rng = load_area(DESK.area), np.random.default_rng(3)
    offers = tuple(
        ReserveOffer(name, start, round((end - start).total_seconds() / 60), int(price), volume)
        for name in area.products("afrr")
        for start, end in area.reserve(name).blocks(label)
        for volume, price in enumerate(rng.choice(5000, 3, replace=False), start=1)
    )
    rules = {name: area.reserve(name).rules(label) for name in area.products("afrr")}
    owner = (DESK.participant_id, DESK.portfolio_id, DESK.balance_area)
    made = ReserveOfferSet(DESK.area, "afrr", label, "EUR", rules, tuple(sorted(offers)), *owner)
    stamp = replace(stamp_of(label), session="afrr")
    write_bid_run(lake, DESK, day, stamp, replace(run, orders=made))
    rows = lake.current("bids.reserve_offers", scope=DESK.name, session="afrr", mode="replay")
    assert offers_from_rows(rows, DESK, "afrr", day) == made
    assert set(rows["rung"]) == {"price_independent"}
    np.testing.assert_allclose(rows["price"], rows["price_ticks"] * 0.01)


def test_floats_beside_the_ticks_say_the_same():
    rows = curves_of(run_of())
    np.testing.assert_allclose(rows["price"], rows["price_ticks"] * 0.01, atol=1e-9)
    np.testing.assert_allclose(rows["volume_mw"], rows["volume_ticks"] * 0.1, atol=1e-9)


def test_no_rows_are_no_orders():
    with pytest.raises(InputError, match=r"bids.curve_orders of reference on 2026-02-12"):
        orders_from_rows(curves_of(run_of()).clear(), DESK, day_of())


def test_a_plan_has_every_unit_the_store_and_the_position():
    run, day = run_of(), day_of()
    plan = plan_rows(day, run)
    kinds = set(plan.select("unit", "quantity").unique().iter_rows())
    assert {("battery", "power"), ("battery", "stored_energy"), ("position", "position")} <= kinds
    assert plan.height == len(kinds) * day.mtu_count
    assert ((plan["p05"] <= plan["p50"]) & (plan["p50"] <= plan["p95"])).all()


class _FailsAt(Lake):
    """Stops at a table, like a process that is killed there."""

    def append(self, table_id, frame, *, scope):
        if table_id == self.fails_at:
            raise OSError(table_id)
        return super().append(table_id, frame, scope=scope)


@pytest.mark.parametrize("fails_at", ["bids.curve_orders", "bids.dispatch_plan", "bids.bid_runs"])
def test_a_run_killed_anywhere_before_its_last_row_is_not_read(tmp_path, fails_at):
    lake = lake_at(tmp_path)
    whole = run_of(seed=1)
    write_bid_run(lake, DESK, day_of(), stamp_of(), whole)
    broken = _FailsAt(tmp_path, clock=lake.clock)
    broken.fails_at = fails_at
    with pytest.raises(OSError, match=fails_at):
        write_bid_run(broken, DESK, day_of(), stamp_of(run_id="second"), run_of(seed=2))
    rows = lake.current("bids.curve_orders", scope=DESK.name, delivery_day=DAY, mode="replay")
    assert orders_from_rows(rows, DESK, day_of()) == whole.orders


def test_the_same_run_again_writes_nothing(tmp_path):
    lake = lake_at(tmp_path)
    assert write_bid_run(lake, DESK, day_of(), stamp_of(), run_of()) > 0
    assert write_bid_run(lake, DESK, day_of(), stamp_of(run_id="again"), run_of()) == 0


def scheduled(lake, label, on, *, energy=12.5, mode="replay", desk=DESK):
    """Write a day's schedule: the turbine's hours and the store's last energy."""
    day = day_of(label)
    hours = np.array(on, dtype=bool)
    power = np.repeat(hours, 60 // day.mtu_minutes) * 60.0
    stored = np.linspace(0, energy, day.mtu_count)
    nothing = np.zeros(day.mtu_count)
    schedule = Schedule(
        nothing,
        {"gas_turbine": power, "battery": nothing},
        {"battery": stored},
        {"gas_turbine": hours},
        nothing,
        0.0,
    )
    frame = stamp_of(label, mode).on(schedule_rows(day, schedule), "bids.unit_schedules")
    lake.append("bids.unit_schedules", frame, scope=desk.name)


def test_without_a_schedule_of_the_day_before_units_start_as_declared(tmp_path):
    lake = lake_at(tmp_path)
    scheduled(lake, DAY - timedelta(days=2), [True] * 24)
    scheduled(lake, DAY - timedelta(days=1), [True] * 24, mode="what_if")
    assert start_states(lake, DESK, day_of(), "replay", LATER) == {}


@pytest.mark.parametrize(
    ("on", "state"),
    [
        ([True] * 20 + [False] * 4, StartState(on=False, hours_in_state=4, power_mw=0)),
        ([False] * 21 + [True] * 3, StartState(on=True, hours_in_state=3, power_mw=60)),
        ([True] * 24, StartState(on=True, hours_in_state=24, power_mw=60)),
        ([False] * 24, StartState(on=False, hours_in_state=24, power_mw=0)),
    ],
)
def test_states_follow_from_the_day_before(tmp_path, on, state):
    lake = lake_at(tmp_path)
    scheduled(lake, DAY - timedelta(days=1), on)
    found = start_states(lake, DESK, day_of(), "replay", LATER)
    assert found == {"gas_turbine": state, "battery": StartState(energy_mwh=12.5)}


@pytest.mark.parametrize(("before", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_hours_in_a_state_are_counted_through_a_clock_change(tmp_path, before, hours):
    lake = lake_at(tmp_path)
    scheduled(lake, before, [False] + [True] * (hours - 1))
    found = start_states(lake, DESK, day_of(before + timedelta(days=1)), "replay", LATER)
    assert found["gas_turbine"].hours_in_state == hours - 1


def test_hours_in_a_state_reach_back_over_days_where_the_minimum_time_asks(tmp_path):
    slow = Desk.model_validate(
        DESK.model_dump()
        | {"units": [DESK.units[0].model_dump(), DESK.units[1].model_dump() | {"min_up_hours": 40}]}
    )
    lake = lake_at(tmp_path)
    scheduled(lake, DAY - timedelta(days=2), [False] * 18 + [True] * 6)
    scheduled(lake, DAY - timedelta(days=1), [True] * 24)
    found = start_states(lake, slow, day_of(), "replay", LATER)
    assert found["gas_turbine"].hours_in_state == 30


def test_a_store_beyond_its_size_by_solver_noise_is_clipped(tmp_path):
    lake = lake_at(tmp_path)
    scheduled(lake, DAY - timedelta(days=1), [False] * 24, energy=40 + 1e-7)
    assert start_states(lake, DESK, day_of(), "replay", LATER)["battery"].energy_mwh == 40


def test_schedule_rows_repeat_the_commitment_on_every_mtu(tmp_path):
    lake = lake_at(tmp_path)
    scheduled(lake, DAY, [True] * 2 + [False] * 22)
    rows = lake.read("bids.unit_schedules", scope=DESK.name)
    turbine = rows.filter(pl.col("unit") == "gas_turbine").sort("period_start")
    assert turbine["committed"].to_list() == [True] * 8 + [False] * 88
    assert rows.filter(pl.col("unit") == "battery")["committed"].null_count() == 96
