from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import StartState
from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import table
from energy_assets.portfolio import BatteryUnit, FuelUse, LoadUnit, ThermalUnit, WindUnit
from energy_assets.trading import (
    DeviationPenalty,
    DualPrices,
    SettlementInputs,
    SinglePrices,
    UnitCosts,
    profit_cents,
    settle,
    totals_cents,
    unit_costs,
)
from energy_assets.trading.ledger import amount_text
from energy_assets_tests.bidding.problems import problem
from energy_assets_tests.trading.market_day import (
    AUTUMN,
    DAYS,
    HOURLY,
    SPRING,
    WINTER,
    day_of,
    periods,
    readings,
)


def settled(label=WINTER, minutes=15, *, award=0.0, price=0.0, meter=None, **fields):
    """Settlement of a portfolio with one award; `meter` is MWh per period by unit."""
    day = day_of(label)
    units = meter or {"plant": 0.0}
    fields.setdefault("imbalance", DeviationPenalty(100))
    return settle(
        SettlementInputs(
            day=day,
            awards=periods(day, minutes, volume_mw=award, price=price),
            meter_readings=readings(day, fields.pop("meter_minutes", minutes), **units),
            units=tuple(units),
            **fields,
        )
    )


def first(frame: pl.DataFrame, component: str) -> dict:
    return frame.filter(pl.col("component") == component).sort("period_start").row(0, named=True)


@pytest.mark.parametrize(("label", "hours"), [(WINTER, 24), (SPRING, 23), (AUTUMN, 25)])
def test_a_sale_that_is_delivered_earns_its_price_on_every_kind_of_day(label, hours):
    rows = settled(label, award=10.0, price=81.36, meter={"wind": 2.5})
    totals = totals_cents(rows)
    assert {name: cents for name, cents in totals.items() if cents} == {"day_ahead": 81360 * hours}
    assert {"imbalance", "fuel_and_co2", "start", "wear"} <= set(totals)
    assert rows.schema == {c.name: c.dtype for c in table("trading.settlement").columns}


def test_a_purchase_pays_and_at_a_negative_price_is_paid():
    assert first(settled(award=-10.0, price=80.0), "day_ahead")["cash_cents"] == -20000
    assert first(settled(award=-10.0, price=-80.0), "day_ahead")["cash_cents"] == 20000


@pytest.mark.parametrize(
    ("metered", "single", "penalty", "dual"),
    [
        # Sold 4 MW = 1 MWh a quarter at 50; imbalance price 30; penalty 100; long 20, short 90.
        (3.0, 6000, -10000, 4000),  # long 2 MWh
        (0.0, -3000, -15000, -9000),  # short 1 MWh
        (1.0, 0, 0, 0),
    ],
)
def test_long_is_paid_and_short_pays_under_each_rule(metered, single, penalty, dual):
    day = day_of()
    rules = {
        single: SinglePrices(periods(day, 15, price=30)),
        penalty: DeviationPenalty(100),
        dual: DualPrices(periods(day, 15, long_price=20, short_price=90)),
    }
    if metered == 1.0:
        rules = {0: DeviationPenalty(100)}
    for cash, rule in rules.items():
        row = first(
            settled(award=4.0, price=50, meter={"wind": metered}, imbalance=rule), "imbalance"
        )
        assert row["volume_mwh"] == metered - 1.0
        assert row["cash_cents"] == cash


def test_a_long_desk_pays_at_a_negative_imbalance_price():
    rule = SinglePrices(periods(day_of(), 15, price=-200))
    row = first(settled(meter={"wind": 1.0}, imbalance=rule), "imbalance")
    assert row["cash_cents"] == -20000


def test_half_a_cent_goes_to_the_even_cent_in_both_directions():
    # 0.2 MW for a quarter is 0.05 MWh: at 0.1 / 0.3 / 0.5 currency/MWh 0.5, 1.5 and 2.5 cents.
    for price, expected in ((0.1, 0), (0.3, 2), (0.5, 2)):
        sale = settled(award=0.2, price=price, meter={"wind": 0.05})
        purchase = settled(award=-0.2, price=price, meter={"load": -0.05})
        assert first(sale, "day_ahead")["cash_cents"] == expected
        assert first(purchase, "day_ahead")["cash_cents"] == -expected


def test_costs_of_units_start_fuel_and_wear():
    day = day_of(HOURLY)
    gas = [0.0] * 5 + [80.0] * 3 + [0.0] * 10 + [50.5] * 4 + [0.0] * 2
    battery = [-10.0] + [8.1] + [0.0] * 22
    costs = (
        UnitCosts("gas", energy_cost=71.23, start_cost=1500.5),
        UnitCosts("battery", wear_cost=3.5),
    )
    rows = settled(HOURLY, 60, meter={"gas": gas, "battery": battery}, costs=costs)
    totals = totals_cents(rows)
    assert totals["fuel_and_co2"] == -(3 * 569840 + 4 * 359712)  # 50.5 x 71.23 = 3597.115
    assert totals["start"] == -2 * 150050
    assert totals["wear"] == -2835
    starts = rows.filter(pl.col("component") == "start")["period_start"].to_list()
    assert starts == [day.starts[5], day.starts[18]]
    assert profit_cents(rows) == sum(totals.values())


def test_a_unit_that_was_on_before_midnight_does_not_start_again():
    costs = (UnitCosts("gas", start_cost=1000, on_before=True),)
    assert totals_cents(settled(meter={"gas": 20.0}, costs=costs))["start"] == 0


def test_starts_follow_the_commitment_where_there_is_one():
    day = day_of()
    on = [0.0] * 20 + [1.0] * 76
    schedules = periods(day, 15, committed=on).with_columns(
        pl.col("committed").cast(pl.Boolean), unit=pl.lit("gas")
    )
    costs = (UnitCosts("gas", start_cost=1000),)
    rows = settled(meter={"gas": 0.0}, costs=costs, schedules=schedules)
    assert first(rows, "start")["period_start"] == day.starts[20]
    assert totals_cents(rows)["start"] == -100000


@pytest.mark.parametrize("label", DAYS)
def test_an_hourly_price_settles_quarter_hour_meters(label):
    day = day_of(label)
    quarters = [0.1 * i for i in range(day.hours * 4)]
    hourly = [float(i) for i in range(day.hours)]
    rule = SinglePrices(periods(day, 60, price=hourly))
    rows = settle(
        SettlementInputs(
            day=day,
            awards=periods(day, 60, volume_mw=4.0, price=hourly),
            meter_readings=readings(day, 15, wind=quarters),
            units=("wind",),
            imbalance=rule,
            settlement_minutes=15,
        )
    )
    imbalance = rows.filter(pl.col("component") == "imbalance")
    assert len(imbalance) == day.hours * 4
    for index, (volume, price) in enumerate(imbalance["volume_mwh", "price"].iter_rows()):
        assert volume == pytest.approx(0.1 * index - 1.0)
        assert price == index // 4


def test_quarter_hour_meters_add_up_to_hourly_settlement_periods():
    day = day_of(HOURLY)
    rows = settled(HOURLY, 60, award=3.0, price=40, meter={"wind": 1.0}, meter_minutes=15)
    assert first(rows, "imbalance")["volume_mwh"] == 1.0
    assert totals_cents(rows)["imbalance"] == day.hours * (40 - 100) * 100


def test_an_hourly_meter_splits_evenly_over_quarters():
    rows = settled(award=4.0, price=40, meter={"wind": 8.0}, meter_minutes=60)
    assert rows.filter(pl.col("component") == "imbalance")["volume_mwh"].to_list() == [1.0] * 96


def test_a_price_finer_than_the_settlement_period_is_refused():
    rule = SinglePrices(periods(day_of(HOURLY), 15, price=3))
    with pytest.raises(InputError, match="imbalance price"):
        settled(HOURLY, 60, imbalance=rule)
    with pytest.raises(InputError, match="60-min settlement periods"):
        settled(WINTER, 15, settlement_minutes=60)


def test_a_hole_a_stranger_or_a_repeated_reading_is_named():
    day = day_of()
    good = readings(day, 15, wind=1.0)
    fields = {
        "day": day,
        "awards": periods(day, 15, volume_mw=0, price=0),
        "units": ("wind",),
        "imbalance": DeviationPenalty(1),
    }
    for frame, text in (
        (good[:-1], "meter of wind, MTU 2026-02-03T22:45.*no row"),
        (pl.concat([good, good[:1]]), "meter of wind, MTU 2026-02-02T23:00.*2 rows"),
        (pl.concat([good, readings(day, 15, sun=1.0)]), "meter readings.*wind.*sun"),
    ):
        with pytest.raises(InputError, match=text):
            settle(SettlementInputs(meter_readings=frame, **fields))


mw = st.integers(-2000, 2000).map(lambda ticks: ticks / 10)
eur = st.integers(-50000, 400000).map(lambda ticks: ticks / 100)
mwh = st.floats(-100, 100, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(mw, eur, mwh, eur)
def test_cash_is_the_nearest_cent_of_the_exact_amount(award, price, metered, imbalance_price):
    rule = SinglePrices(periods(day_of(), 15, price=imbalance_price))
    rows = settled(award=award, price=price, meter={"wind": metered}, imbalance=rule)
    exact_award = Fraction(repr(award)) / 4
    day_ahead = exact_award * Fraction(repr(price)) * 100
    deviation = (Fraction(repr(metered)) - exact_award) * Fraction(repr(imbalance_price)) * 100
    assert first(rows, "day_ahead")["cash_cents"] == round(day_ahead)
    assert first(rows, "imbalance")["cash_cents"] == round(deviation)


@settings(max_examples=15, deadline=None)
@given(mw, eur)
def test_splitting_an_hour_into_quarters_moves_no_money(award, price):
    hour = settled(HOURLY, 60, award=award, price=price, meter={"wind": 0.0})
    day = day_of(HOURLY)
    split = settle(
        SettlementInputs(
            day=day,
            awards=periods(day, 15, volume_mw=award, price=price),
            meter_readings=readings(day, 15, wind=0.0),
            units=("wind",),
            imbalance=DeviationPenalty(100),
        )
    )
    # Each row rounds once, so four quarters and their hour may differ by five half cents.
    for component in ("day_ahead", "imbalance"):
        difference = totals_cents(split)[component] - totals_cents(hour)[component]
        assert abs(difference) <= 2.5 * 24


@settings(max_examples=20, deadline=None)
@given(mw, eur, mwh)
def test_the_other_side_of_the_trade_gets_the_opposite_cash(award, price, metered):
    rule = SinglePrices(periods(day_of(), 15, price=price))
    ours = settled(award=award, price=price, meter={"x": metered}, imbalance=rule)
    theirs = settled(award=-award, price=price, meter={"x": -metered}, imbalance=rule)
    assert totals_cents(ours) == {name: -cash for name, cash in totals_cents(theirs).items()}


@settings(max_examples=15, deadline=None)
@given(st.integers(-200, 200), st.integers(-500, 4000), st.integers(2, 9))
def test_whole_amounts_scale_exactly(award, price, factor):
    meter = {"x": 3.0}
    one = settled(award=4.0 * award, price=price, meter=meter)
    many = settled(award=4.0 * award * factor, price=price, meter={"x": 3.0 * factor})
    assert totals_cents(many) == {k: v * factor for k, v in totals_cents(one).items()}


@settings(max_examples=20, deadline=None)
@given(mw, eur, mwh)
def test_the_penalty_never_pays_a_desk_to_deviate(award, price, metered):
    straight = settled(award=award, price=price, meter={"x": award / 4})
    off = settled(award=award, price=price, meter={"x": metered})
    gain = totals_cents(off)["imbalance"] - totals_cents(straight)["imbalance"]
    worth = (Fraction(repr(metered)) - Fraction(repr(award)) / 4) * Fraction(repr(price)) * 100 * 96
    assert gain <= worth + 96


def test_cost_rates_come_from_the_desk_and_the_fuel_prices():
    fuel = FuelUse(
        product="gas_hhv",
        price_basis="higher",
        efficiency_lhv=0.4,
        emission_factor=0.2,
        emission_factor_basis="lower",
        co2_product="eua",
        variable_cost=2.0,
    )
    units = [
        ThermalUnit(name="gas", capacity_mw=100, fuel=fuel, start_cost=900),
        BatteryUnit(name="battery", power_mw=1, energy_mwh=2, wear_cost=4),
        WindUnit(name="wind", capacity_mw=5),
        WindUnit(name="supported", capacity_mw=5, variable_cost=-60),
        LoadUnit(name="load", peak_mw=3),
    ]
    cost = fuel.marginal_cost(30.0, 70.0)
    states = {"gas": StartState(on=True)}
    idle = {name: [[0.0]] for name in ("wind", "supported", "load")}
    plant = {"marginal_costs": {"gas": cost}, "start_states": states, "availability": idle}
    gas, battery, supported = unit_costs(problem(units, [[30.0]], **plant))
    assert gas.energy_cost == pytest.approx((30 * 1.108 + 0.2 * 70) / 0.4 + 2)
    assert (gas.start_cost, gas.on_before) == (900, True)
    assert battery == UnitCosts("battery", wear_cost=4)
    assert supported == UnitCosts("supported", energy_cost=-60)
    twice = {"marginal_costs": {"gas": [cost, 2 * cost]}, "availability": _two_hours(idle)}
    with pytest.raises(InputError, match=r"marginal_costs\[gas\]: expected one cost"):
        unit_costs(problem(units, [[30.0, 31.0]], **twice))


def _two_hours(paths):
    return {name: [path[0] * 2] for name, path in paths.items()}


def test_amounts_read_as_money():
    assert [amount_text(cents) for cents in (0, 5, -5, 123456789, -100)] == [
        "0.00",
        "0.05",
        "-0.05",
        "1,234,567.89",
        "-1.00",
    ]
