from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from energy_assets.errors import MarketRuleError
from energy_assets.market import load_area
from energy_assets.market.reserve_offers import (
    ReserveOffer,
    ReserveOfferSet,
    check_reserve_offers,
    require_valid_offers,
)

AREA = load_area("SIM_DE_LU")
DAYS = [date(2026, 2, 3), date(2026, 3, 29), date(2026, 10, 25)]


def offers_on(day: date, *, volume: int = 5) -> ReserveOfferSet:
    offers = tuple(
        ReserveOffer(name, start, round((end - start).total_seconds() / 60), 1234, volume)
        for name in AREA.products("afrr")
        for start, end in AREA.reserve(name).blocks(day)
    )
    rules = {name: AREA.reserve(name).rules(day) for name in AREA.products("afrr")}
    return ReserveOfferSet("SIM_DE_LU", "afrr", day, "EUR", rules, offers, "P", "main", "group")


@pytest.mark.parametrize("day", DAYS)
def test_offers_on_the_blocks_of_the_day_are_valid(day):
    offers = offers_on(day)
    assert check_reserve_offers(offers, AREA) == []
    assert offers.price(offers.offers[0]) == pytest.approx(12.34)
    assert offers.volume_mw(offers.offers[0]) == 5


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"product": "fcr"}, "product"),
        ({"minutes": 60}, "block.grid"),
        ({"volume_ticks": 0}, "volume.minimum"),
        ({"price_ticks": -1}, "price.minimum"),
        ({"price_ticks": 12.5}, "tick"),
    ],
)
def test_each_rule_names_its_breach(change, rule):
    offers = offers_on(DAYS[0])
    changed = replace(offers.offers[0], **change)
    found = check_reserve_offers(replace(offers, offers=(changed, *offers.offers[1:])), AREA)
    assert [breach.rule for breach in found] == [rule]


def test_figures_of_another_day_and_double_prices_are_refused():
    offers = offers_on(DAYS[0])
    other = offers.rules["afrr_up"].model_copy(update={"min_volume_mw": 2.0})
    found = check_reserve_offers(replace(offers, rules=offers.rules | {"afrr_up": other}), AREA)
    assert [breach.rule for breach in found] == ["rules.in_force"]
    twice = replace(offers, offers=(*offers.offers, offers.offers[0]))
    with pytest.raises(MarketRuleError, match=r"offer\.double"):
        require_valid_offers(twice, AREA)
    shifted = replace(offers.offers[0], start=offers.offers[0].start + timedelta(hours=1))
    with pytest.raises(MarketRuleError, match=r"block\.grid"):
        require_valid_offers(replace(offers, offers=(shifted,)), AREA)


def test_hash_covers_what_is_offered_and_not_its_order():
    offers = offers_on(DAYS[0])
    assert replace(offers, offers=offers.offers[::-1]).sha256 == offers.sha256
    dearer = replace(offers.offers[0], price_ticks=1235)
    assert replace(offers, offers=(dearer, *offers.offers[1:])).sha256 != offers.sha256
    assert replace(offers, session="mfrr").sha256 != offers.sha256
