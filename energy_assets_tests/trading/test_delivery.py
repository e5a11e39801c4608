"""From award to cash: the schedule, what is metered of it, and settlement as a second opinion."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.bidding import StartState
from energy_assets.bidding.session_problem import EarlierAwards
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import TABLES
from energy_assets.market import OrderSet, load_area
from energy_assets.market.orders import flat_curve
from energy_assets.portfolio import Desk, load_desk
from energy_assets.trading import OtherMarkets, clear, profit_cents, totals_cents
from energy_assets.trading.delivery import delivered_energy, schedule_award, settle_delivery
from energy_assets_tests.bidding.known_rows import AUTUMN, DAY, SPRING, desk_of
from energy_assets_tests.trading.market_day import periods

DESKS = Path(__file__).resolve().parents[2] / "data" / "desks"
EPF_DAY = date(2016, 3, 3)
PENALTY = {"imbalance": {"deviation_penalty": 100.0, "aversion": 0.0}}


class NothingKnown:
    """A lake without a row."""

    def revisions(self, table, selection, ingested_before):
        del selection, ingested_before
        return pl.DataFrame(schema=TABLES[table.id].schema)


def known(desk, label):
    return PointInTime(NothingKnown(), desk.decision_time(label))


def day_of(desk, label):
    return load_area(desk.area).session().delivery_day(label)


def awards_of(desk, label, position, prices):
    """Awards of flat orders at clearing prices."""
    day = day_of(desk, label)
    rules = load_area(desk.area).session().curve_rules(label)
    curves = tuple(
        flat_curve(mtu.start, mtu.minutes, volume, rules)
        for mtu, volume in zip(day.mtus, position, strict=True)
    )
    owner = (desk.participant_id, desk.portfolio_id, desk.balance_area)
    orders = OrderSet(desk.area, "day_ahead", label, "EUR", rules, curves, *owner)
    frame = pl.DataFrame(
        {"period_start": day.starts, "resolution_min": day.mtu_minutes, "price": list(prices)}
    )
    return clear(orders, frame)


def settled(desk, label, position, prices, expected=None, metered=None, states=None):
    """Schedule, delivered energy and cash of one award; meters as expected where left out."""
    day, expected = day_of(desk, label), expected or {}
    awards = awards_of(desk, label, position, prices)
    delivery = schedule_award(known(desk, label), desk, day, states or {}, awards, expected)
    if metered is None:
        loads = {unit.name for unit in desk.units if unit.kind == "load"}
        planned = delivery.schedule.power
        metered = {
            name: -path if name in loads else planned.get(name, path)
            for name, path in expected.items()
        }
    energy = delivered_energy(desk, day, delivery, metered)
    return delivery, energy, settle_delivery(desk, day, delivery, awards, energy, None)


def hours(values):
    """A path of 24 hours, 0 but for those given."""
    path = np.zeros(24)
    for hour, value in values.items():
        path[hour] = value
    return path


PRICES = np.array(
    [20.1, 18.3, 15.0, 14.2, 16.0, 22.4] + [30.5] * 11 + [55.0, 61.3, 52.0] + [28.0] * 4
)
CYCLE = hours({2: -1.0, 3: -1.0, 17: 0.9, 18: 0.9})


def test_a_batterys_settlement_is_the_optimisers_value_to_the_cent():
    desk = load_desk(DESKS / "epf_de.yaml")
    delivery, _, cash = settled(desk, EPF_DAY, CYCLE, PRICES)
    by_hand = round(100 * (-15.0 - 14.2 + 0.9 * 55.0 + 0.9 * 61.3))
    assert profit_cents(cash) == by_hand
    assert round(100 * delivery.schedule.value, 6) == by_hand
    assert totals_cents(cash)["imbalance"] == 0


def test_a_mixed_desks_settlement_is_the_optimisers_value_to_the_cent():
    """Battery cycle and five engine hours at 32 with one start of 30."""
    desk = load_desk(DESKS / "epf_de_mixed.yaml")
    position = CYCLE + hours(dict.fromkeys(range(15, 20), 2.0))
    delivery, _, cash = settled(desk, EPF_DAY, position, PRICES)
    totals = totals_cents(cash)
    assert totals["start"] == -3000
    assert totals["fuel_and_co2"] == -100 * 5 * 2 * 32
    assert totals["imbalance"] == 0
    assert profit_cents(cash) == round(100 * (position @ PRICES)) - 3000 - 32000
    assert round(100 * delivery.schedule.value, 6) == profit_cents(cash)


def test_a_unit_already_on_pays_no_start():
    desk = load_desk(DESKS / "epf_de_mixed.yaml")
    states = {"engine": StartState(on=True, hours_in_state=9, power_mw=2)}
    position = hours(dict.fromkeys(range(4), 2.0))
    delivery, _, cash = settled(desk, EPF_DAY, position, PRICES, states=states)
    assert totals_cents(cash)["start"] == 0
    assert round(100 * delivery.schedule.value, 6) == profit_cents(cash)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shadow_settlement_holds_for_any_award_and_price(seed):
    """Deviations included: both accounts price them alike, rounding apart."""
    rng = np.random.default_rng(seed)
    desk = load_desk(DESKS / "epf_de_mixed.yaml")
    prices = np.round(rng.normal(35, 25, 24), 2)
    position = np.round(rng.uniform(-1, 3, 24), 1)
    delivery, _, cash = settled(desk, EPF_DAY, position, prices)
    assert abs(delivery.schedule.value - profit_cents(cash) / 100) <= 0.005 * len(cash) + 1e-4


@pytest.mark.parametrize("label", [SPRING, DAY, AUTUMN])
def test_shadow_settlement_of_a_quarter_hour_desk_on_days_of_any_length(label):
    desk = desk_of("wind", "solar", "battery", "load", **PENALTY)
    count = day_of(desk, label).mtu_count
    rng = np.random.default_rng(7)
    expected = {
        "wind": np.round(rng.uniform(5, 45, count), 1),
        "solar": np.round(rng.uniform(0, 25, count), 1),
        "load": np.round(rng.uniform(5, 15, count), 1),
    }
    prices = np.round(60 + 30 * np.sin(np.arange(count) / count * 4 * np.pi), 1)
    position = expected["wind"] + expected["solar"] - expected["load"]
    delivery, energy, cash = settled(desk, label, position, prices, expected)
    assert len(energy) == 4 * count
    assert abs(delivery.schedule.value - profit_cents(cash) / 100) <= 0.005 * len(cash) + 1e-4


def test_output_is_capped_only_where_the_schedule_curtailed_it():
    desk = desk_of("wind", "solar", **PENALTY)
    desk = Desk.model_validate(
        desk.model_dump()
        | {
            "units": [
                desk.unit("wind").model_dump(),
                desk.unit("solar").model_dump() | {"curtailable": False},
            ]
        }
    )
    day = day_of(desk, DAY)
    expected = {"wind": np.full(96, 20.0), "solar": np.full(96, 5.0)}
    # 10 MW less than expected is sold, and a surplus would cost 150 per MWh.
    prices = np.full(96, -50.0)
    position = np.full(96, 25.0)
    position[:4] = 15.0
    awards = awards_of(desk, DAY, position, prices)
    delivery = schedule_award(known(desk, DAY), desk, day, {}, awards, expected)
    np.testing.assert_allclose(delivery.schedule.power["solar"], 5)
    np.testing.assert_allclose(delivery.schedule.power["wind"][:4], 10, atol=1e-6)
    metered = {"wind": np.full(96, 30.0), "solar": np.full(96, 8.0)}
    metered["wind"][0] = 4.0
    energy = delivered_energy(desk, day, delivery, metered)
    wind = energy.filter(pl.col("unit") == "wind")["energy_mwh"].to_numpy() * 4
    np.testing.assert_allclose(wind[:4], [4, 10, 10, 10], atol=1e-6)
    np.testing.assert_allclose(wind[4:], 30)
    solar = energy.filter(pl.col("unit") == "solar")["energy_mwh"].to_numpy() * 4
    np.testing.assert_allclose(solar, 8)


def test_scheduled_power_of_all_units_is_the_position_and_the_planned_imbalance():
    desk = desk_of("wind", "solar", "battery", "load", **PENALTY)
    expected = {
        name: np.full(96, level) for name, level in (("wind", 20.0), ("solar", 5.0), ("load", 9.0))
    }
    position = np.full(96, 16.0)
    position[40:44] = 30.0
    delivery, _, _ = settled(desk, DAY, position, np.full(96, 50.0), expected)
    schedule = delivery.schedule
    assert set(schedule.power) == {unit.name for unit in desk.units}
    np.testing.assert_allclose(
        sum(schedule.power.values()), position + schedule.imbalance, atol=1e-6
    )


@pytest.mark.parametrize(("area", "follows"), [("SIM_DE_LU", True), ("NL", False)])
def test_a_store_moves_energy_through_imbalance_only_where_the_area_allows_it(area, follows):
    desk = desk_of("wind", "battery", area=area, imbalance={"aversion": 25.0})
    expected = {"wind": np.full(96, 20.0)}
    prices = np.where(np.arange(96) < 48, 10.0, 200.0)
    day = day_of(desk, DAY)
    awards = awards_of(desk, DAY, np.full(96, 20.0), prices)
    delivery = schedule_award(known(desk, DAY), desk, day, {}, awards, expected)
    idle = np.abs(delivery.schedule.power["battery"]).max() < 1e-6
    assert idle == follows


def test_an_award_the_plant_can_follow_is_followed_where_imbalance_is_forbidden():
    desk = desk_of("wind", "battery", imbalance={"aversion": 0.0})
    expected = {"wind": np.full(96, 20.0)}
    position = np.full(96, 20.0)
    # In and out again at a price that makes the cycle a loss: a position all the same.
    position[:4], position[8:12] = 10.0, 29.0
    awards = awards_of(desk, DAY, position, np.full(96, 30.0))
    day = day_of(desk, DAY)
    delivery = schedule_award(known(desk, DAY), desk, day, {}, awards, expected)
    np.testing.assert_allclose(delivery.schedule.imbalance[:4], 0, atol=1e-6)
    assert delivery.schedule.power["battery"][:4].max() < -9.8


def test_a_load_is_settled_at_its_meter_and_never_capped():
    desk = desk_of("load", **PENALTY)
    expected = {"load": np.full(96, 10.0)}
    metered = {"load": np.full(96, -12.0)}
    _, energy, cash = settled(desk, DAY, np.full(96, -10.0), np.full(96, 50.0), expected, metered)
    assert energy["energy_mwh"].sum() == pytest.approx(-12 * 24)
    totals = totals_cents(cash)
    assert totals["day_ahead"] == -10 * 24 * 50 * 100
    assert totals["imbalance"] == -2 * 24 * 150 * 100


FLEXIBLE = {
    "kind": "load",
    "name": "load",
    "peak_mw": 15.0,
    "flexibility": {"lower_mw": 4, "raise_mw": 4, "energy_mwh": 8, "shift_cost": 2.0},
}


def flexible_desk(*others, **changes):
    desk = desk_of("wind", *others, **PENALTY)
    units = [*(unit.model_dump() for unit in desk.units if unit.name in others), FLEXIBLE]
    return Desk.model_validate(desk.model_dump() | {"units": units} | changes)


def test_a_flexible_load_is_metered_at_its_baseline_less_what_it_is_lowered_by():
    """Bought 2 MW less in one hour and 2 MW more in another: only the load can make up for it."""
    desk = flexible_desk()
    position = np.full(96, -10.0)
    position[8:12], position[40:44] = -8.0, -12.0
    expected = {"load": np.full(96, 10.0)}
    actual = {"load": np.full(96, -10.5)}
    delivery, energy, cash = settled(desk, DAY, position, np.full(96, 50.0), expected, actual)
    np.testing.assert_allclose(delivery.schedule.power["load"], position, atol=1e-6)
    np.testing.assert_allclose(4 * energy["energy_mwh"].to_numpy(), position - 0.5, atol=1e-6)
    totals = totals_cents(cash)
    assert totals["load_shift"] == -2 * 2 * 100
    assert totals["imbalance"] == pytest.approx(-0.5 * 24 * 150 * 100, abs=2)


def test_shadow_settlement_holds_with_a_flexible_load():
    desk = flexible_desk("battery")
    rng = np.random.default_rng(3)
    expected = {"load": np.round(rng.uniform(5, 14, 96), 1)}
    position = np.round(-expected["load"] + rng.uniform(-3, 3, 96), 1)
    prices = np.round(rng.normal(60, 20, 96), 1)
    metered = {"load": -expected["load"]}
    delivery, _, cash = settled(desk, DAY, position, prices, expected, metered)
    assert totals_cents(cash)["load_shift"] < 0
    assert abs(delivery.schedule.value - profit_cents(cash) / 100) <= 0.005 * len(cash) + 1e-3


def test_calls_are_delivered_by_the_units_that_keep_the_award():
    """5 MW of aFRR up over battery and flexible load, called by half in the third quarter."""
    markets = {"reserves": {"afrr_up": {"providers": {"battery": 3, "load": 2}}}}
    desk = flexible_desk("battery", markets=markets)
    day = day_of(desk, DAY)
    expected = {"load": np.full(96, 10.0)}
    awards = awards_of(desk, DAY, np.full(96, -10.0), np.full(96, 50.0))
    award = {"afrr_up": np.array([5.0, 0, 0, 0, 0, 0])}
    others = EarlierAwards(reserves=award)
    delivery = schedule_award(known(desk, DAY), desk, day, {}, awards, expected, others)
    parts = delivery.shares["afrr_up"]
    np.testing.assert_allclose(parts["battery"][:16], 0.6, atol=1e-6)
    np.testing.assert_allclose(parts["load"], np.where(np.arange(96) < 16, 0.4, 0), atol=1e-6)
    called = periods(day, 15, called_mw=[0.0, 0.0, 2.5] + [0.0] * 93, price=80)
    calls = called.with_columns(product=pl.lit("afrr_up"))
    energy = delivered_energy(desk, day, delivery, {"load": np.full(96, -10.0)}, calls)
    more = {
        name: group["energy_mwh"].to_numpy() * 4 - delivery.schedule.power[name]
        for (name,), group in energy.sort("period_start").group_by("unit")
    }
    np.testing.assert_allclose(more["battery"][:4], [0, 0, 1.5, 0], atol=1e-6)
    np.testing.assert_allclose(more["load"][:4], [0, 0, 1.0, 0], atol=1e-6)
    others = OtherMarkets(activations=calls)
    totals = totals_cents(settle_delivery(desk, day, delivery, awards, energy, None, others))
    assert totals["reserve_energy"] == round(100 * 2.5 * 80 / 4)
    assert totals["load_shift"] == -50
    assert abs(totals["imbalance"]) < 96


def test_an_earlier_position_is_scheduled_like_the_award():
    desk = desk_of("wind", "battery", **PENALTY)
    expected = {"wind": np.full(96, 20.0)}
    awards = awards_of(desk, DAY, np.full(96, 20.0), np.full(96, 50.0))
    sold = np.zeros(96)
    sold[:4], sold[8:12] = -5.0, 4.0
    day, others = day_of(desk, DAY), EarlierAwards(position=sold)
    delivery = schedule_award(known(desk, DAY), desk, day, {}, awards, expected, others)
    total = sum(delivery.schedule.power.values())
    np.testing.assert_allclose(total[:12], 20.0 + sold[:12], atol=1e-6)
