from __future__ import annotations

import pytest

from energy_assets.errors import InputError
from energy_assets.market import load_area
from energy_assets.market.intraday_orders import IntradayOrder, IntradayOrderSet
from energy_assets.portfolio.market_settings import IntradaySettings
from energy_assets.trading import fill
from energy_assets_tests.trading.market_day import AUTUMN, HOURLY, WINTER, day_of, periods

LADDER = IntradaySettings(half_spread=1.0, depth_mw=(10.0, 20.0), impact=(0.0, 3.0))


def orders_of(label, *orders):
    """Orders as (MTU, side, step, limit price, MW)."""
    day, area = day_of(label), load_area("SIM_DE_LU")
    made = tuple(
        sorted(
            IntradayOrder(
                day.starts[mtu], day.mtu_minutes, side, step, round(price * 100), round(mw * 10)
            )
            for mtu, side, step, price, mw in orders
        )
    )
    rules = area.continuous.on(label)
    return IntradayOrderSet("SIM_DE_LU", label, "EUR", rules, made, "11XDESK", "main", "11YGROUP")


def test_orders_fill_at_the_index_less_what_trading_costs():
    """Index 50, half spread 1, impact of the second step 3."""
    orders = orders_of(
        WINTER,
        (0, "sale", 0, 49.0, 10.0),  # gets 49: its limit, so it fills
        (1, "sale", 0, 49.01, 10.0),
        (2, "sale", 1, 46.0, 20.0),  # gets 46
        (3, "purchase", 0, 51.0, 4.5),  # pays 51
        (4, "purchase", 0, 50.99, 4.5),
        (5, "purchase", 1, 60.0, 4.5),  # pays 54, not its limit
    )
    trades = fill(orders, periods(day_of(WINTER), 15, price=50), LADDER)
    starts = day_of(WINTER).starts
    found = trades.select("period_start", "side", "price", "volume_mw").rows()
    assert found == [
        (starts[0], "sale", 49.0, 10.0),
        (starts[2], "sale", 46.0, 20.0),
        (starts[3], "purchase", 51.0, 4.5),
        (starts[5], "purchase", 54.0, 4.5),
    ]
    assert trades["orders_sha256"].unique().to_list() == [orders.sha256]


def test_an_order_waits_for_the_index_of_its_whole_mtu():
    """On an hourly day of quarter-hour index prices: the mean of four counts, once all are out."""
    orders = orders_of(HOURLY, (0, "sale", 0, 40.0, 1.0), (1, "sale", 0, 40.0, 1.0))
    index = periods(day_of(HOURLY), 15, price=[30.0, 40.0, 50.0, 60.0] * 24)
    trades = fill(orders, index[:7], LADDER)
    assert trades.select("price", "resolution_min").rows() == [(44.0, 60)]
    assert len(fill(orders, index, LADDER)) == 2


def test_an_hourly_index_holds_for_its_quarters_through_the_autumn_hour():
    day = day_of(AUTUMN)
    orders = orders_of(AUTUMN, *((mtu, "sale", 0, -500.0, 1.0) for mtu in range(day.mtu_count)))
    hourly = [float(hour) for hour in range(25)]
    trades = fill(orders, periods(day, 60, price=hourly), LADDER)
    assert trades["price"].to_list() == [hour - 1.0 for hour in hourly for _ in range(4)]


def test_a_step_outside_the_ladder_and_a_broken_index_are_named():
    index = periods(day_of(WINTER), 15, price=50)
    with pytest.raises(InputError, match="a step below 2"):
        fill(orders_of(WINTER, (0, "sale", 2, 0.0, 1.0)), index, LADDER)
    broken = periods(day_of(WINTER), 15, price=float("nan"))
    with pytest.raises(InputError, match="intraday index, MTU 2026-02-02T23:00"):
        fill(orders_of(WINTER, (0, "sale", 0, 0.0, 1.0)), broken, LADDER)


def test_no_order_no_trade():
    assert fill(orders_of(WINTER), periods(day_of(WINTER), 15, price=1), LADDER).is_empty()
