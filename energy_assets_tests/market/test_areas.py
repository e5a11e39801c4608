from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.market import CurveKind, area_codes, load_area
from energy_assets.market.areas import Fact, Row


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


def test_every_fact_has_a_source_and_a_status():
    for code in area_codes():
        for facts in load_area(code).sessions.values():
            for _, fact in facts:
                for row in fact.rows:
                    assert row.source, code
                    assert row.status, code


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
