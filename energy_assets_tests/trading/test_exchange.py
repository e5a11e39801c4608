from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.lakehouse.tables import table
from energy_assets.market import BlockOrder, CurveKind, CurveOrder, load_area
from energy_assets.trading import clear
from energy_assets.trading.day_series import exact
from energy_assets.trading.exchange import BLOCK_RESULTS, accepted_mw, block_results
from energy_assets_tests.trading.market_day import (
    DAYS,
    HOURLY,
    WINTER,
    day_of,
    periods,
    sloped_orders,
)


@pytest.mark.parametrize("label", DAYS)
def test_every_mtu_of_every_kind_of_day_is_awarded(label):
    day = day_of(label)
    awards = clear(sloped_orders(label), periods(day, day.mtu_minutes, price=40))
    assert awards["period_start"].to_list() == day.starts
    assert awards["volume_mw"].to_list() == [10.0] * day.mtu_count
    assert awards["orders_sha256"].unique().to_list() == [sloped_orders(label).sha256]
    assert awards.columns == [column.name for column in table("trading.awards").columns]


@settings(max_examples=60, deadline=None)
@given(st.floats(-500, 4000))
def test_a_linear_curve_agrees_with_interpolation_to_the_volume_tick(price):
    orders = sloped_orders()
    found = accepted_mw(orders.curves[0], exact(price), orders.rules)
    expected = np.interp(price, [-500, 20, 60, 4000], [-10, -10, 30, 30])
    assert abs(found - expected) <= 0.05 + 1e-9
    assert found == round(found, 1)


def test_rounding_to_the_tick_treats_sale_and_purchase_alike():
    orders = sloped_orders()
    sale = replace(orders.curves[0], points=((-50000, 0), (0, 0), (10, 5), (400000, 5)))
    purchase = replace(orders.curves[0], points=((-50000, -5), (-10, -5), (0, 0), (400000, 0)))
    for price in (0.01, 0.03, 0.05, 0.07, 0.09):
        sold = accepted_mw(sale, exact(price), orders.rules)
        assert accepted_mw(purchase, exact(-price), orders.rules) == -sold


def test_a_step_is_taken_at_its_own_price_whatever_the_float_says():
    orders = sloped_orders()
    rules = replace(orders.rules, kind=CurveKind.STEP)
    for ticks in range(2900, 3100):
        points = ((-50000, 0), (ticks, 7), (400000, 7))
        curve = replace(orders.curves[0], points=points)
        price = float(f"{ticks / 100:.2f}")
        assert accepted_mw(curve, exact(price), rules) == 0.7
        assert accepted_mw(curve, exact(price - 0.01), rules) == 0.0


def test_an_hourly_price_holds_for_its_four_quarters():
    day = day_of(WINTER)
    hourly = [20.0 + hour for hour in range(24)]
    awards = clear(sloped_orders(WINTER), periods(day, 60, price=hourly))
    assert awards["price"].to_list() == [price for price in hourly for _ in range(4)]


def test_a_price_finer_than_the_mtu_is_refused():
    with pytest.raises(InputError, match="60-min"):
        clear(sloped_orders(HOURLY), periods(day_of(HOURLY), 15, price=40))


def test_a_missing_double_foreign_or_absurd_price_names_its_mtu():
    day = day_of()
    prices = periods(day, 15, price=40)
    at = r"MTU 2026-02-02T23:15"
    with pytest.raises(InputError, match=f"{at}.*no row"):
        clear(sloped_orders(), prices.filter(pl.col("period_start") != day.starts[1]))
    with pytest.raises(InputError, match=f"{at}.*2 rows"):
        clear(sloped_orders(), pl.concat([prices, prices[1:2]]))
    later = periods(day_of(WINTER.replace(day=4)), 15, price=40)[:1]
    with pytest.raises(InputError, match=r"MTU 2026-02-03T23:00.*outside"):
        clear(sloped_orders(), pl.concat([prices, later]))
    for wrong, expected in ((float("nan"), "finite"), (None, "finite"), (4000.01, "between")):
        second = pl.col("period_start") == day.starts[1]
        damaged = prices.with_columns(
            price=pl.when(second).then(pl.lit(wrong, pl.Float64)).otherwise("price")
        )
        with pytest.raises(InputError, match=f"{at}.*{expected}"):
            clear(sloped_orders(), damaged)


def test_orders_that_break_a_rule_are_not_cleared():
    orders = sloped_orders()
    with pytest.raises(MarketRuleError, match=r"mtu\.count"):
        clear(replace(orders, curves=orders.curves[:-1]), periods(day_of(), 15, price=40))


def with_blocks(orders, *blocks):
    """Blocks as (first MTU, MTUs, side, limit price, MW)."""
    made = tuple(
        BlockOrder(
            orders.curves[first].start,
            orders.resolution_min,
            count,
            side,
            orders.rules.price_ticks(price),
            orders.rules.volume_ticks(mw),
        )
        for first, count, side, price, mw in blocks
    )
    return replace(orders, blocks=tuple(sorted(made)))


def test_a_block_is_accepted_whole_where_the_mean_price_reaches_its_limit():
    """Prices 30, 50, 40 over three MTUs: their mean is 40."""
    day = day_of(WINTER)
    prices = periods(day, 15, price=[30.0, 50.0, 40.0] + [0.0] * 93)
    orders = with_blocks(
        sloped_orders(low_mw=0, high_mw=0),
        (0, 3, "sale", 40.0, 5.0),
        (0, 3, "sale", 40.01, 7.0),
        (0, 3, "purchase", 40.0, 1.5),
        (1, 2, "purchase", 44.99, 9.0),
    )
    awards = clear(orders, prices)
    assert awards["volume_mw"].to_list() == [3.5] * 3 + [0.0] * 93
    results = block_results(orders, prices)
    accepted = results.filter("accepted").select("limit_price", "mean_price", "volume_mw").rows()
    assert accepted == [(40.0, 40.0, 1.5), (40.0, 40.0, 5.0)]
    assert len(results) == 4
    assert list(results.schema) == list(BLOCK_RESULTS)


@pytest.mark.parametrize("label", DAYS)
def test_accepted_blocks_add_to_the_curves(label):
    day = day_of(label)
    orders = with_blocks(sloped_orders(label), (2, 3, "sale", 40.0, 2.2))
    awards = clear(orders, periods(day, day.mtu_minutes, price=40))
    curves = clear(sloped_orders(label), periods(day, day.mtu_minutes, price=40))
    extra = (awards["volume_mw"] - curves["volume_mw"]).round(6).to_list()
    assert extra == [0.0] * 2 + [2.2] * 3 + [0.0] * (day.mtu_count - 5)


def test_no_block_no_result():
    assert block_results(sloped_orders(), periods(day_of(), 15, price=40)).is_empty()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-50, 150), min_size=4, max_size=4), st.integers(-50, 150))
def test_sale_and_purchase_blocks_at_one_limit_are_never_both_refused(quarters, limit):
    orders = with_blocks(sloped_orders(), (0, 4, "sale", limit, 1), (0, 4, "purchase", limit, 1))
    prices = periods(day_of(), 15, price=[float(p) for p in quarters] + [0.0] * 92)
    accepted = dict(block_results(orders, prices).select("side", "accepted").rows())
    mean = sum(quarters) / 4
    assert accepted == {"sale": mean >= limit, "purchase": mean <= limit}


@pytest.mark.parametrize(("session", "count"), [("ida1", 96), ("ida2", 96), ("ida3", 48)])
def test_intraday_auctions_clear_what_they_sell(session, count):
    """The last auction sells the second half of the day only."""
    market = load_area("SIM_DE_LU").session(session)
    day, rules = market.delivery_day(WINTER), market.curve_rules(WINTER)
    points = ((rules.price_min_ticks, -20), (rules.price_max_ticks, 20))
    curves = tuple(CurveOrder(mtu.start, mtu.minutes, points) for mtu in day.mtus)
    orders = replace(sloped_orders(), session=session, rules=rules, curves=curves)
    awards = clear(orders, periods(day, 15, price=0))
    assert awards["volume_mw"].to_list() == [0.0] * count
    assert awards["period_start"][0] == day.start
    with pytest.raises(InputError, match=f"{session} price"):
        clear(orders, periods(day_of(HOURLY), 15, price=0))
