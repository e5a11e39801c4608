"""Settlement of everything beside day-ahead, imbalance and plain fuel: known answers by hand."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError
from energy_assets.trading import (
    DeviationPenalty,
    OtherMarkets,
    SettlementInputs,
    SinglePrices,
    Sold,
    UnitCosts,
    position_rows,
    profit_cents,
    settle,
    totals_cents,
)
from energy_assets_tests.trading.market_day import (
    AUTUMN,
    HOURLY,
    SPRING,
    WINTER,
    day_of,
    periods,
    readings,
)


def settled(label=WINTER, *, others=None, meter=0.0, minutes=15, **fields):
    """Settlement of a day-ahead award of 0 at 50; `meter` is MWh per quarter-hour."""
    day = day_of(label)
    fields.setdefault("imbalance", SinglePrices(periods(day, 15, price=30)))
    return settle(
        SettlementInputs(
            day=day,
            awards=periods(day, day.mtu_minutes, volume_mw=0, price=50),
            meter_readings=readings(day, minutes, plant=meter),
            units=("plant",),
            settlement_minutes=15,
            others=others or OtherMarkets(),
            **fields,
        )
    )


def cash_of(rows):
    return {name: cents for name, cents in totals_cents(rows).items() if cents}


def trade(day, position, side, price, mw, minutes=15, step=0):
    row = periods(day, minutes, price=price, volume_mw=mw)[position : position + 1]
    return row.with_columns(side=pl.lit(side), step=pl.lit(step))


@pytest.mark.parametrize(("label", "hours"), [(SPRING, 23), (WINTER, 24), (AUTUMN, 25)])
def test_intraday_auctions_settle_apart_and_move_the_position(label, hours):
    """Sold 4 MW at 60 in one, bought 1 MW at 70 in another; nothing is delivered, short at 30."""
    day = day_of(label)
    auctions = {
        "ida1": periods(day, 15, volume_mw=4, price=60),
        "ida2": periods(day, 15, volume_mw=-1, price=70),
    }
    rows = settled(label, others=OtherMarkets(Sold(auctions)))
    assert cash_of(rows) == {
        "intraday_auction": 100 * hours * (240 - 70),
        "imbalance": -100 * hours * 3 * 30,
    }
    by_auction = rows.filter(pl.col("component") == "intraday_auction").group_by("unit")
    assert dict(by_auction.agg(pl.col("volume_mwh").sum()).rows()) == {
        "ida1": 4.0 * hours,
        "ida2": -1.0 * hours,
    }


def test_an_auction_of_half_the_day_settles_that_half():
    day = day_of(WINTER)
    half = periods(day, 15, volume_mw=2, price=10)[48:]
    rows = settled(others=OtherMarkets(Sold({"ida3": half})), meter=[0.0] * 48 + [0.5] * 48)
    assert cash_of(rows) == {"intraday_auction": 100 * 12 * 20}


def test_trades_add_up_by_side_and_round_once():
    """3 MW at 40 and 1 MW at 44.02 in the first quarter: 41.005 a quarter-hour's sale."""
    day = day_of(WINTER)
    trades = pl.concat(
        [
            trade(day, 0, "sale", 40.0, 3.0),
            trade(day, 0, "sale", 44.02, 1.0, step=1),
            trade(day, 0, "purchase", 60.0, 2.0),
        ]
    )
    rows = settled(others=OtherMarkets(Sold({}, trades)), meter=[0.5] + [0.0] * 95)
    found = rows.filter(pl.col("component") == "intraday").select(
        "unit", "volume_mwh", "price", "cash_cents"
    )
    assert sorted(found.rows()) == [
        ("purchase", -0.5, 60.0, -3000),
        ("sale", 1.0, pytest.approx(41.005), 4100),
    ]
    assert "imbalance" not in cash_of(rows)


def test_an_hourly_trade_is_a_position_in_each_of_its_quarters():
    day = day_of(HOURLY)
    trades = trade(day, 5, "sale", 80.0, 4.0, minutes=60)
    rows = settled(HOURLY, others=OtherMarkets(Sold({}, trades)))
    assert cash_of(rows) == {"intraday": 32000, "imbalance": -100 * 4 * 30}
    short = rows.filter((pl.col("component") == "imbalance") & (pl.col("volume_mwh") != 0))
    assert short["volume_mwh"].to_list() == [-1.0] * 4
    assert short["period_start"].to_list() == day.grid(15)[20:24]


def test_a_trade_outside_the_day_is_named():
    trades = trade(day_of(AUTUMN), 0, "sale", 80.0, 4.0)
    with pytest.raises(InputError, match=r"position, MTU 2026-10-24.*within delivery day"):
        settled(others=OtherMarkets(Sold({}, trades)))


@pytest.mark.parametrize(("label", "first_hours"), [(SPRING, 3), (WINTER, 4), (AUTUMN, 5)])
def test_capacity_is_paid_for_the_hours_of_its_block(label, first_hours):
    day = day_of(label)
    awards = pl.DataFrame(
        {
            "product": ["fcr", "fcr", "afrr_up"],
            "period_start": [day.start, day.grid(60)[first_hours], day.start],
            "resolution_min": [60 * first_hours, 240, 60 * first_hours],
            "volume_mw": [3.0, 1.0, 0.0],
            "price": [12.34, 10.0, 0.0],
        }
    )
    rows = settled(label, others=OtherMarkets(reserve_awards=awards))
    assert cash_of(rows) == {"reserve_capacity": 3 * 1234 * first_hours + 4000}


def test_called_energy_is_paid_and_is_no_imbalance():
    """4 MW up at 100 and 2 MW down at -20 in the first quarter; 0.3 of 0.5 MWh is delivered."""
    day = day_of(WINTER)
    first = [("afrr_up", 4.0, 100.0), ("afrr_down", -2.0, -20.0)]
    calls = pl.concat(
        periods(day, 15, called_mw=mw, price=price)[:1].with_columns(product=pl.lit(product))
        for product, mw, price in first
    )
    rows = settled(others=OtherMarkets(activations=calls), meter=[0.3] + [0.0] * 95)
    assert cash_of(rows) == {"reserve_energy": 10000 + 1000, "imbalance": -600}


def test_fcr_at_the_imbalance_price_is_cash_alike_to_leaving_it_in_the_balance_group():
    day = day_of(WINTER)
    calls = periods(day, 15, called_mw=0.4, price=30).with_columns(product=pl.lit("fcr"))
    taken_out = settled(others=OtherMarkets(activations=calls), meter=0.25)
    assert profit_cents(taken_out) == profit_cents(settled(meter=0.25))


COSTS = UnitCosts(
    "plant",
    energy_cost=40.0,
    running_cost=120.0,
    start_cost=500.0,
    cold_start_cost=900.5,
    cold_after_hours=4,
    hours_off_before=2.0,
)


def committed(label, on):
    day = day_of(label)
    frame = periods(day, day.mtu_minutes, on=[float(value) for value in on])
    return frame.with_columns(committed=pl.col("on") > 0, unit=pl.lit("plant"))


def hours_on(label, *hours):
    per_hour = 60 // day_of(label).mtu_minutes
    return [index // per_hour in hours for index in range(day_of(label).mtu_count)]


@pytest.mark.parametrize("label", [WINTER, HOURLY])
@pytest.mark.parametrize(
    ("hours", "starts"),
    [
        ((1, 2), 50000),  # three hours off: hot
        ((2, 3), 90050),  # four hours off, two of them before midnight: cold
        ((0, 3, 8), 50000 + 50000 + 90050),
        ((), 0),
    ],
)
def test_starts_are_hot_or_cold_by_hours_off_and_every_hour_on_costs(label, hours, starts):
    schedules = committed(label, hours_on(label, *hours))
    cash = cash_of(settled(label, costs=(COSTS,), schedules=schedules))
    assert cash.get("start", 0) == -starts
    assert cash.get("running", 0) == -12000 * len(hours)


def test_a_unit_on_before_midnight_runs_without_a_start():
    costs = UnitCosts("plant", running_cost=100.1, start_cost=5.0, on_before=True)
    rows = settled(SPRING, costs=(costs,), schedules=committed(SPRING, [True] * 92))
    # A quarter-hour costs 25.025: half a cent goes to the even cent.
    assert cash_of(rows) == {"running": -92 * 2502}


def test_part_load_costs_more_per_mwh_than_full_load():
    """The line through 50 MW at 60 per MWh and 100 MW at 54: 48 per MWh and 600 an hour."""
    costs = UnitCosts("plant", energy_cost=48.0, running_cost=600.0, on_before=True)
    on = committed(HOURLY, [True] * 24)
    for power, average in ((50.0, 60), (100.0, 54)):
        rows = settled(HOURLY, costs=(costs,), schedules=on, meter=power, minutes=60)
        cash = cash_of(rows)
        assert cash["fuel_and_co2"] + cash["running"] == -100 * 24 * power * average


def test_lowering_a_load_is_paid_for():
    lowered = periods(day_of(WINTER), 15, energy_mwh=[0.5, 0.0, 0.25] + [0.0] * 93)
    costs = UnitCosts("plant", shift_cost=7.5)
    rows = settled(costs=(costs,), lowered=lowered.with_columns(unit=pl.lit("plant")))
    assert cash_of(rows) == {"load_shift": -375 - 188}
    assert settled(costs=(costs,)).filter(pl.col("component") == "load_shift").is_empty()


mw = st.integers(-300, 300).map(lambda ticks: ticks / 10)
eur = st.integers(-9999, 9999).map(lambda ticks: ticks / 100)


@settings(max_examples=8, deadline=None)
@given(mw, mw, mw, eur)
def test_who_delivers_all_that_was_sold_and_called_has_no_imbalance(auction, traded, called, price):
    day = day_of(SPRING)
    side = "sale" if traded > 0 else "purchase"
    calls = periods(day, 15, called_mw=called, price=price).with_columns(product=pl.lit("afrr_up"))
    trades = periods(day, 15, price=price, volume_mw=abs(traded)).with_columns(
        side=pl.lit(side), step=pl.lit(0)
    )
    sold = Sold({"ida1": periods(day, 15, volume_mw=auction, price=price)}, trades)
    rows = settled(
        SPRING,
        others=OtherMarkets(sold, activations=calls),
        meter=(10 * auction + 10 * traded + 10 * called) / 40,
        imbalance=DeviationPenalty(1000.0),
    )
    assert abs(totals_cents(rows)["imbalance"]) <= len(day.grid(15))
    energy = rows.group_by("component").agg(pl.col("volume_mwh").sum())
    by_component = dict(energy.rows())
    parts = ("intraday_auction", "intraday", "reserve_energy")
    total = sum(by_component.get(name, 0.0) for name in parts)
    assert total == pytest.approx((auction + traded + called) * 23, abs=1e-6)


def test_positions_are_kept_on_the_finest_grid_and_lose_no_energy():
    """An hourly award of 4 MW, half a day of 2 MW and a quarter-hour's purchase of 1 MW."""
    day = day_of(HOURLY)
    awards = {
        "day_ahead": periods(day, 60, volume_mw=4, price=1),
        "ida3": periods(day, 15, volume_mw=2, price=1)[48:],
    }
    own = Sold({}, trade(day, 50, "purchase", 1.0, 1.0))
    rows = position_rows(Sold(awards, own.trades), own, day)
    assert rows["resolution_min"].unique().to_list() == [15]
    assert rows["volume_mw"].to_list() == [4.0] * 48 + [6.0] * 2 + [5.0] + [6.0] * 45
    assert rows["session_volume_mw"].to_list() == [0.0] * 50 + [-1.0] + [0.0] * 45
    assert rows["volume_mw"].sum() / 4 == 4 * 24 + 2 * 12 - 0.25
