"""A day in every session, on a lake: awards, positions, schedules, calls and their settlement."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from energy_assets.bidding.curves import order_set
from energy_assets.bidding.records import order_rows
from energy_assets.bidding.session_orders import gate_of
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.records import scenario_rows
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import BlockOrder, load_area
from energy_assets.market.intraday_orders import IntradayOrder, IntradayOrderSet
from energy_assets.market.orders import flat_curve
from energy_assets.market.reserve_offers import ReserveOffer, ReserveOfferSet
from energy_assets.trading import totals_cents
from energy_assets.trading.runs import (
    earlier_results,
    run_results,
    run_settlement,
    schedule_day_before,
)
from energy_assets_tests.bidding.known_rows import (
    DAY,
    SPRING,
    add,
    add_readings,
    add_series,
    day_of,
    desk_of,
    lake_at,
)

MARKETS = {
    "reserves": {"fcr": {"providers": {"battery": 5}}, "afrr_up": {"providers": {"battery": 5}}},
    "intraday": {"auctions": ("ida1", "ida3"), "half_spread": 1.0},
}
DESK = desk_of("wind", "load", "battery", markets=MARKETS)
AREA = load_area(DESK.area)
OWNER = (DESK.participant_id, DESK.portfolio_id, DESK.balance_area)
WIND, LOAD = 24.0, 8.0
MIDDLE = 48  # MTU in which continuous trading sells


def stamp_of(session="day_ahead", label=DAY, decided=None):
    decided = decided or DESK.decision_time(label, session)
    return RunStamp(session, label, decided, "run", "replay")


def decide(lake, stamp, orders):
    """The orders of a decision, and the row that makes them readable."""
    for name, frame in order_rows(orders, "stochastic").items():
        lake.append(name, stamp.on(frame, name), scope=DESK.name)
    row = {
        column.name: {pl.String: "", pl.Float64: 0.0}.get(column.dtype)
        for column in table("bids.bid_runs").columns
    } | {
        "period_start": day_of(stamp.delivery_day).start,
        "rung": "stochastic",
        "orders_sha256": orders.sha256,
        "ingested_before": stamp.decision_time,
        "gate_closure": gate_of(DESK, stamp),
    }
    rows = stamp.on(pl.DataFrame([row]), "bids.bid_runs")
    lake.append("bids.bid_runs", rows, scope=DESK.name)
    return stamp


def expect(lake, stamp, wind=WIND):
    """The scenarios of a decision: one, flat."""
    day = day_of(stamp.delivery_day)
    flat = np.ones((1, day.mtu_count))
    paths = {PRICE: 50 * flat, "wind": wind * flat, "load": LOAD * flat, "imbalance_spread": flat}
    frame = scenario_rows(Scenarios(day, np.array([1.0]), paths))
    rows = stamp.on(frame, "forecasts.scenarios")
    lake.append("forecasts.scenarios", rows, scope=DESK.name)


def offers(session, label, *wanted):
    """Offers as (product, price, MW) in every block."""
    rules = {name: AREA.reserve(name).rules(label) for name in AREA.products(session)}
    made = tuple(
        ReserveOffer(name, start, round((end - start).total_seconds() / 60), price * 100, mw)
        for name, price, mw in wanted
        for start, end in AREA.reserve(name).blocks(label)
    )
    currency = AREA.currency
    return ReserveOfferSet(AREA.code, session, label, currency, rules, tuple(sorted(made)), *OWNER)


def curves(session, label, power_mw, blocks=()):
    """The same price-independent volume in every MTU of what an auction sells."""
    day = AREA.delivery_day(session, label)
    rules = AREA.session(session).curve_rules(label)
    flat = [flat_curve(mtu.start, mtu.minutes, power_mw, rules) for mtu in day.mtus]
    return order_set(flat, DESK, day, rules, currency=AREA.currency, session=session, blocks=blocks)


def sale(label, mtu, price, mw):
    day, rules = day_of(label), AREA.continuous.on(label)
    order = IntradayOrder(day.starts[mtu], 15, "sale", 0, round(price * 100), round(mw * 10))
    return IntradayOrderSet(AREA.code, label, AREA.currency, rules, (order,), *OWNER)


def publish(lake, label=DAY, *, called=0.2, wind=WIND):
    """Everything published for a day; returns when all of it is known."""
    day = day_of(label)
    out = AREA.publication("day_ahead", label)
    series = {
        "day_ahead": (50.0, out),
        "intraday_auction_1": (60.0, AREA.publication("ida1", label)),
        "intraday_index": (70.0, day.end),
        "imbalance": (55.0, day.end),
        "balancing_up": (90.0, day.end),
        "balancing_down": (10.0, day.end),
    }
    for name, (price, known) in series.items():
        add_series(lake, AREA.code, day, name, [price] * day.mtu_count, known)
    half = AREA.delivery_day("ida3", label)
    add_series(lake, AREA.code, half, "intraday_auction_3", [65.0] * half.mtu_count, day.start)
    for product, price in (("fcr", 12.0), ("afrr_up", 5.0)):
        blocks = AREA.reserve(product).blocks(label)
        count = len(blocks)
        add(
            lake,
            "raw.auction_results",
            AREA.code,
            AREA.publication(product, label),
            product=[product] * count,
            component=["capacity"] * count,
            statistic=["marginal"] * count,
            period_start=[start for start, _ in blocks],
            resolution_min=[round((end - start).total_seconds() / 60) for start, end in blocks],
            price=[price] * count,
            unit=["currency/MW/h"] * count,
            volume_mw=[500.0] * count,
            currency=["EUR"] * count,
        )
        add(
            lake,
            "raw.called_reserves",
            AREA.code,
            day.end,
            product=[product] * day.mtu_count,
            period_start=day.starts,
            resolution_min=[15] * day.mtu_count,
            called_share=_there_and_back(called if product == "fcr" else 0.0, day.mtu_count),
        )
    add_readings(lake, DESK, day, "wind", [wind] * day.mtu_count, 15)
    add_readings(lake, DESK, day, "load", [-LOAD] * day.mtu_count, 15)
    return day.end + timedelta(days=2)


def _there_and_back(share, count):
    return [share if mtu % 2 else -share for mtu in range(count)]


def stamps_of(label):
    """A decision of every session; the re-plan is made an hour before the middle of the day."""
    replanned = day_of(label).starts[MIDDLE] - timedelta(hours=1)
    auctions = [stamp_of(name, label) for name in ("fcr", "afrr", "day_ahead", "ida1", "ida3")]
    return [*auctions, stamp_of("intraday", label, replanned)]


def decide_all(lake, label):
    """FCR won, aFRR too dear, 12 MW sold day-ahead with a block, more or less in each session."""
    fcr, afrr, day_ahead, ida1, ida3, replan = stamps_of(label)
    block = BlockOrder(day_of(label).starts[8], 15, 4, "sale", 4000, 5)
    decide(lake, fcr, offers("fcr", label, ("fcr", 10, 2), ("fcr", 13, 3)))
    decide(lake, afrr, offers("afrr", label, ("afrr_up", 6, 1)))
    decide(lake, day_ahead, curves("day_ahead", label, 12.0, (block,)))
    decide(lake, ida1, curves("ida1", label, 1.0))
    decide(lake, ida3, curves("ida3", label, -1.0))
    decide(lake, replan, sale(label, MIDDLE + 4, 69.0, 2.5))
    for stamp in (day_ahead, ida1, ida3, replan):
        expect(lake, stamp)
    return [fcr, afrr, day_ahead, ida1, ida3, replan]


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


def require_schedule(lake, stamp, position):
    """The schedule sells the position, and the store keeps room for 2 MW of FCR."""
    unit = DESK.unit("battery")
    rows = lake.read("trading.positions", scope=DESK.name, where=stamp.where)
    np.testing.assert_allclose(rows["volume_mw"], position)
    schedule = lake.read("bids.unit_schedules", scope=DESK.name, where=stamp.where)
    battery = schedule.filter(pl.col("unit") == "battery").sort("period_start")
    assert battery["power_mw"].abs().max() <= unit.power_mw - 2 + 1e-6
    room = 2 * 0.25
    assert battery["stored_energy_mwh"].min() >= room / unit.discharge_efficiency - 1e-6
    top = unit.energy_mwh - room * unit.charge_efficiency
    assert battery["stored_energy_mwh"].max() <= top + 1e-6
    total = schedule.group_by("period_start").agg(pl.col("power_mw").sum()).sort("period_start")
    # There is wind for all of it, and a surplus may stay.
    assert (total["power_mw"].to_numpy() >= position - 1e-6).all()


def test_a_day_in_every_session_is_settled_from_what_each_sold(lake):
    label = SPRING
    stamps, at = decide_all(lake, label), publish(lake, label)
    results = [run_results(lake, DESK, stamp, at) for stamp in stamps]
    day = day_of(label)
    assert results[0].awards["volume_mw"].to_list() == [2.0] * 6
    assert results[1].awards["volume_mw"].to_list() == [0.0] * 6
    assert results[2].blocks["accepted"].to_list() == [True]

    mtu, half = np.arange(day.mtu_count), AREA.delivery_day("ida3", label)
    sold = 12.0 + 0.5 * ((mtu >= 8) & (mtu < 12))
    require_schedule(lake, stamps[2], sold)
    sold = sold + 1.0
    require_schedule(lake, stamps[3], sold)
    sold = sold - (mtu >= day.mtu_count - half.mtu_count)
    require_schedule(lake, stamps[4], sold)
    sold = sold + 2.5 * (mtu == MIDDLE + 4)
    require_schedule(lake, stamps[5], sold)

    cash = run_settlement(lake, DESK, stamps[2], at)
    totals = {name: cents / 100 for name, cents in totals_cents(cash).items() if cents}
    assert totals["day_ahead"] == 50 * (12 * day.hours + 0.5)
    assert totals["intraday_auction"] == 60 * day.hours - 65 * half.hours
    assert totals["intraday"] == 43.12  # 69 x 2.5 / 4, half a cent to the even one
    assert totals["reserve_capacity"] == 2 * 12 * day.hours
    # As much is called up as down, at the imbalance price.
    assert totals.get("reserve_energy", 0.0) == 0.0
    stored = lake.read("trading.settlement", scope=DESK.name)
    assert stored["cash_cents"].sum() == cash["cash_cents"].sum()
    # All sold and called is delivered; what wind is left may be taken back.
    imbalance = cash.filter(pl.col("component") == "imbalance")["volume_mwh"]
    meter = lake.read("raw.meter_readings", scope=DESK.name, start=day.start, end=day.end)
    assert imbalance.min() >= -1e-6
    assert imbalance.sum() <= meter["energy_mwh"].sum() - sold.sum() / 4 + 1e-6
    called = lake.read("trading.reserve_activations", scope=DESK.name)
    assert called["called_mw"].unique().sort().to_list() == [-0.4, 0.4]

    again = replace(stamps[4], run_id="again")
    assert run_results(lake, DESK, again, at).rows_written == 0
    version = lake.version("trading.settlement")
    assert run_settlement(lake, DESK, replace(stamps[2], run_id="again"), at).equals(cash)
    assert lake.version("trading.settlement") == version


def test_results_of_earlier_sessions_are_made_before_a_decision_once(lake):
    fcr, _, day_ahead, ida1, *_ = stamps_of(DAY)
    decide(lake, fcr, offers("fcr", DAY, ("fcr", 10, 2)))
    decide(lake, day_ahead, curves("day_ahead", DAY, 12.0))
    decide(lake, ida1, curves("ida1", DAY, 1.0))
    publish(lake)
    assert earlier_results(lake, DESK, ida1)
    made = lake.read("trading.positions", scope=DESK.name)
    assert made["session"].unique().to_list() == ["day_ahead"]
    assert len(lake.read("trading.reserve_awards", scope=DESK.name)) == 6
    assert not earlier_results(lake, DESK, ida1)
    following = stamp_of("day_ahead", DAY + timedelta(days=1))
    assert schedule_day_before(lake, DESK, following)
    made = lake.read("trading.positions", scope=DESK.name)
    assert set(made["session"]) == {"day_ahead", "ida1"}
    assert not schedule_day_before(lake, DESK, following)


def test_orders_fill_when_their_index_is_out_and_hours_begun_keep_their_forecast(lake):
    *_, day_ahead, _, _, replan = stamps_of(DAY)
    decide(lake, day_ahead, curves("day_ahead", DAY, WIND - LOAD))
    decide(lake, replan, sale(DAY, MIDDLE + 4, 69.0, 2.5))
    expect(lake, day_ahead)
    expect(lake, replan, wind=WIND - 4)
    at = publish(lake)
    for stamp in (day_ahead, replan):
        run_results(lake, DESK, stamp, day_of().starts[MIDDLE])
    assert lake.read("trading.trades", scope=DESK.name).is_empty()
    rows = lake.read("bids.unit_schedules", scope=DESK.name, where=replan.where)
    wind = rows.filter(pl.col("unit") == "wind").sort("period_start")["power_mw"].to_numpy()
    np.testing.assert_allclose(wind[: MIDDLE - 4], WIND)
    np.testing.assert_allclose(wind[MIDDLE - 4 :], WIND - 4)

    cash = run_settlement(lake, DESK, day_ahead, at)
    assert totals_cents(cash)["intraday"] == 4312
    position = lake.read("trading.positions", scope=DESK.name, where=replan.where)
    assert position["session_volume_mw"].sum() == 2.5


def test_results_without_what_they_need_say_so(lake):
    fcr, _, _, ida1, _, replan = stamps_of(DAY)
    decide(lake, ida1, curves("ida1", DAY, 1.0))
    at = publish(lake)
    with pytest.raises(InputError, match="day_ahead 2026-02-12: expected awards"):
        run_results(lake, DESK, ida1, at)
    with pytest.raises(InputError, match=r"fcr 2026-02-12: expected a decision"):
        run_results(lake, DESK, fcr, at)
    alone = desk_of("wind", "load")
    with pytest.raises(InputError, match="expected a desk that trades continuously"):
        run_results(lake, alone, replan, at)
