from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_assets.errors import InputError, MarketRuleError
from energy_assets.lakehouse.tables import table
from energy_assets.market import CurveKind
from energy_assets.trading import clear
from energy_assets.trading.day_series import exact
from energy_assets.trading.exchange import accepted_mw
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
