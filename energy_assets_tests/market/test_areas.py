from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.market import CurveKind, area_codes, load_area
from energy_assets.market.facts import Fact, Row


def test_all_named_areas_are_there():
    expected = {"DE_LU", "SIM_DE_LU", "FR", "BE", "NL", "GB"}
    assert expected | {"EPF_DE", "EPF_NP", "EPF_PJM", "EPF_BE"} == set(area_codes())


def test_reference_market_has_the_parents_facts_and_says_it_is_synthetic():
    reference, parent = load_area("SIM_DE_LU"), load_area("DE_LU")
    assert reference.synthetic
    assert not parent.synthetic
    assert reference.parent == "DE_LU"
    assert reference.sessions == parent.sessions
    assert reference.imbalance == parent.imbalance
    assert reference.reserves == parent.reserves


def test_every_fact_has_a_source_and_a_status():
    for code in area_codes():
        area = load_area(code)
        groups = [*area.sessions.values(), *area.reserves.values()]
        found = [fact for group in groups for _, fact in group]
        found += [area.imbalance, area.continuous, area.balancing_energy]
        for fact in filter(None, found):
            for row in fact.rows:
                assert row.source, code
                assert row.status, code


def test_countries_of_the_fcr_cooperation_share_its_product_and_germany_adds_its_own():
    assert set(load_area("BE").reserves) == {"fcr"}
    assert {"fcr", "afrr_up", "afrr_down", "mfrr_up", "mfrr_down"} == set(
        load_area("DE_LU").reserves
    )
    rules = load_area("DE_LU").reserve("fcr").rules(date(2026, 3, 2))
    assert (rules.direction, rules.pricing, rules.block_hours) == ("symmetric", "pay_as_cleared", 4)


def test_gates_of_a_delivery_day_come_in_the_order_of_decisions():
    area, day = load_area("DE_LU"), date(2026, 3, 2)
    gates = [area.reserve(name).gate_closure(day) for name in ("fcr", "afrr_up", "mfrr_up")]
    gates += [
        area.session(name).gate_closure(day) for name in ("day_ahead", "ida1", "ida2", "ida3")
    ]
    local = [gate.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M") for gate in gates]
    assert local == ["08:00", "09:00", "10:00", "12:00", "15:00", "22:00", "10:00"]
    assert gates == sorted(gates)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 28), [4, 4, 4, 4, 4, 4]),
        (date(2026, 3, 29), [3, 4, 4, 4, 4, 4]),
        (date(2026, 10, 25), [5, 4, 4, 4, 4, 4]),
    ],
)
def test_reserve_blocks_follow_the_wall_clock_and_tile_the_day(day, hours):
    area = load_area("DE_LU")
    blocks = area.reserve("fcr").blocks(day)
    delivery = area.session().delivery_day(day)
    assert [(end - start).total_seconds() / 3600 for start, end in blocks] == hours
    assert (blocks[0][0], blocks[-1][1]) == (delivery.start, delivery.end)


@pytest.mark.parametrize("day", [date(2026, 3, 2), date(2026, 3, 29), date(2026, 10, 25)])
def test_the_third_intraday_auction_sells_the_second_half_of_the_day(day):
    area = load_area("NL")
    whole, half = (area.session(name).delivery_day(day) for name in ("ida1", "ida3"))
    assert (half.hours, half.mtu_count, half.end) == (12, 48, whole.end)
    assert half.start.astimezone(ZoneInfo("Europe/Amsterdam")).hour == 12
    with pytest.raises(MarketRuleError, match="no market fact in force"):
        area.session("ida1").gate_closure(date(2024, 6, 13))


@pytest.mark.parametrize(
    ("day", "maximum"), [(date(2022, 5, 9), 300000), (date(2022, 5, 10), 400000)]
)
def test_price_limits_follow_the_delivery_day(day, maximum):
    rules = load_area("NL").session().curve_rules(day)
    assert (rules.price_min_ticks, rules.price_max_ticks) == (-50000, maximum)


def test_curve_kind_by_area():
    assert load_area("EPF_PJM").session().curve_rules(date(2017, 1, 1)).kind is CurveKind.STEP
    assert load_area("DE_LU").session().curve_rules(date(2026, 1, 1)).kind is (
        CurveKind.PIECEWISE_LINEAR
    )


def test_unknown_area_and_session_are_refused_with_the_names_there_are():
    with pytest.raises(InputError, match="DE_LU"):
        load_area("XX")
    with pytest.raises(MarketRuleError, match="day_ahead"):
        load_area("DE_LU").session("ida9")


def test_overlapping_rows_are_refused_and_a_day_without_row_too():
    row = {"value": 1, "source": "x", "status": "C"}
    with pytest.raises(ValidationError, match="overlap"):
        Fact[int].model_validate([row, row])
    fact = Fact[int](rows=(Row(value=1, valid_from=date(2020, 1, 1), source="x", status="G"),))
    assert fact.row_on(date(2020, 1, 1)).unverified
    with pytest.raises(MarketRuleError, match="no market fact"):
        fact.on(date(2019, 12, 31))
