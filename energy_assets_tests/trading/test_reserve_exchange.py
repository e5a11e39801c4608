from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.market import load_area
from energy_assets.market.reserve_offers import ReserveOffer, ReserveOfferSet
from energy_assets.trading import clear_offers, reserve_activations
from energy_assets_tests.trading.market_day import AUTUMN, SPRING, WINTER, day_of, periods

AREA = load_area("SIM_DE_LU")


def offers_of(session, label, *offers):
    """Offers as (product, block, price, MW)."""
    rules = {name: AREA.reserve(name).rules(label) for name in AREA.products(session)}
    made = []
    for product, block, price, mw in offers:
        start, end = AREA.reserve(product).blocks(label)[block]
        minutes = round((end - start) / timedelta(minutes=1))
        made.append(ReserveOffer(product, start, minutes, round(price * 100), mw))
    owner = ("11XDESK", "main", "11YGROUP")
    return ReserveOfferSet("SIM_DE_LU", session, label, "EUR", rules, tuple(sorted(made)), *owner)


def marginal(label, unit="currency/MW/h", **prices):
    """One price for all blocks of each product."""
    rows = []
    for product, price in prices.items():
        for start, end in AREA.reserve(product).blocks(label):
            rows.append((product, start, round((end - start).total_seconds() / 60), price, unit))
    columns = ["product", "period_start", "resolution_min", "price", "unit"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def found(awards):
    return awards.select("volume_mw", "price", "marginal_price").rows()


def test_what_is_paid_as_cleared_gets_the_marginal_price():
    offers = offers_of("fcr", WINTER, ("fcr", 0, 0.0, 3), ("fcr", 0, 12.5, 2), ("fcr", 0, 12.51, 4))
    assert found(clear_offers(offers, marginal(WINTER, fcr=12.5))) == [(5.0, 12.5, 12.5)]


def test_what_is_paid_as_bid_gets_its_own_price_on_average():
    """3 MW at 4 and 1 MW at 10 under a marginal price of 11: 22 for 4 MW."""
    offers = offers_of(
        "afrr",
        WINTER,
        ("afrr_up", 5, 4.0, 3),
        ("afrr_up", 5, 10.0, 1),
        ("afrr_up", 5, 11.5, 7),
        ("afrr_down", 2, 8.0, 2),
    )
    awards = clear_offers(offers, marginal(WINTER, afrr_up=11, afrr_down=7.99))
    by_product = {row[0]: row[1:] for row in awards.select("product", "volume_mw", "price").rows()}
    assert by_product == {"afrr_up": (4.0, 5.5), "afrr_down": (0.0, 0.0)}
    assert awards["orders_sha256"].unique().to_list() == [offers.sha256]


@pytest.mark.parametrize(("label", "hours"), [(SPRING, 3), (WINTER, 4), (AUTUMN, 5)])
def test_a_price_per_block_is_shared_over_its_hours_on_every_kind_of_day(label, hours):
    offers = offers_of("fcr", label, ("fcr", 0, 10.0, 1))
    awards = clear_offers(offers, marginal(label, unit="currency/MW", fcr=60.0))
    assert awards["resolution_min"].to_list() == [60 * hours]
    assert found(awards) == [(1.0, 60 / hours, 60 / hours)]


def test_a_block_without_a_price_and_an_unlawful_offer_are_refused():
    offers = offers_of("fcr", WINTER, ("fcr", 1, 10.0, 1))
    with pytest.raises(InputError, match="fcr capacity price, block 2026-02-03T03:00"):
        clear_offers(offers, marginal(WINTER, fcr=1.0)[:1])
    with pytest.raises(MarketRuleError, match="at least 1 MW"):
        clear_offers(offers_of("fcr", WINTER, ("fcr", 1, 10.0, 0)), marginal(WINTER, fcr=1.0))
    assert clear_offers(offers_of("fcr", WINTER), marginal(WINTER, fcr=1.0)).is_empty()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=5, unique_by=lambda o: o[0]
    ),
    st.integers(0, 40),
)
def test_more_is_awarded_at_a_higher_marginal_price_and_paid_no_more_than_it(steps, price):
    offers = offers_of("afrr", WINTER, *(("afrr_up", 0, float(p), mw) for p, mw in steps))
    low, high = (
        clear_offers(offers, marginal(WINTER, afrr_up=float(p))) for p in (price, price + 5)
    )
    assert low["volume_mw"].sum() <= high["volume_mw"].sum()
    assert (high["price"] <= high["marginal_price"]).all()
    accepted = sum(mw for p, mw in steps if p <= price)
    assert low["volume_mw"].sum() == accepted


def awards_frame(label, **mw):
    """The same award in all blocks of each product."""
    return marginal(label, **mw).rename({"price": "volume_mw"})


def shares(label, minutes=15, **by_product):
    return pl.concat(
        periods(day_of(label), minutes, called_share=share).with_columns(product=pl.lit(product))
        for product, share in by_product.items()
    )


@pytest.mark.parametrize("label", [SPRING, WINTER, AUTUMN])
def test_calls_are_the_share_of_the_award_at_the_price_of_their_direction(label):
    day = day_of(label)
    prices = {
        "imbalance": periods(day, 15, price=40),
        "balancing_up": periods(day, 15, price=120),
        "balancing_down": periods(day, 60, price=-30),
    }
    called = reserve_activations(
        awards_frame(label, fcr=2.0, afrr_up=5.0, afrr_down=10.0, mfrr_up=0.0),
        shares(label, fcr=-0.1, afrr_up=0.3, afrr_down=0.25, mfrr_up=1.0),
        prices,
        day,
    )
    by_product = {
        product: (group["called_mw"].unique().to_list(), group["price"].unique().to_list())
        for (product,), group in called.group_by("product")
    }
    assert by_product == {
        "fcr": ([-0.2], [40.0]),
        "afrr_up": ([1.5], [120.0]),
        "afrr_down": ([-2.5], [-30.0]),
    }
    assert len(called) == 3 * 4 * day.hours


def test_calls_follow_the_blocks_award_and_fcr_can_be_unpaid():
    awards = awards_frame(WINTER, fcr=1.0).with_columns(volume_mw=pl.Series([1.0, 0, 3, 0, 0, 6]))
    called = reserve_activations(awards, shares(WINTER, fcr=0.5), {}, day_of(WINTER), {})
    by_block = called["called_mw"].to_list()[::16]
    assert by_block == [0.5, 0.0, 1.5, 0.0, 0.0, 3.0]
    assert called["price"].unique().to_list() == [0.0]


def test_a_product_without_published_shares_is_not_called_and_a_hole_is_named():
    day = day_of(WINTER)
    awards = awards_frame(WINTER, afrr_up=1.0)
    prices = {"balancing_up": periods(day, 15, price=1)}
    assert reserve_activations(awards, shares(WINTER, fcr=0.5), prices, day).is_empty()
    with pytest.raises(InputError, match=r"called share of afrr_up, MTU .*no row"):
        reserve_activations(awards, shares(WINTER, afrr_up=0.5)[1:], prices, day)
