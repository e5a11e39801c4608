"""What a session gave: its orders in force against what was published.

One function per kind of market; each reads orders and prices and returns own columns of the table
its result belongs to.

Belongs here: reading what a clearing needs. Not here: clearing (`exchange`, `reserve_exchange`,
`continuous`), schedules and writing (`runs`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from energy_assets.bidding.market_outlook import AUCTION_SERIES
from energy_assets.bidding.runs import offers_in_force, orders_in_force
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.lakehouse.current import rows_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.market.areas import ContinuousRules
from energy_assets.market.intraday_orders import IntradayOrder, IntradayOrderSet
from energy_assets.portfolio import Desk
from energy_assets.trading.continuous import fill
from energy_assets.trading.exchange import block_results, clear
from energy_assets.trading.positions import DAY_AHEAD
from energy_assets.trading.reserve_exchange import clear_offers

INDEX_SERIES = "intraday_index"


def auction_results(
    lake: Lake, desk: Desk, stamp: RunStamp, at: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Awards of an energy auction, and which block orders were accepted.

    Raises:
        InputError: Orders or prices are missing.
    """
    orders, _ = orders_in_force(lake, desk, stamp)
    day = load_area(desk.area).delivery_day(stamp.session, stamp.delivery_day)
    prices = _clearing_prices(lake, desk, stamp, day, at)
    return clear(orders, prices), block_results(orders, prices)


def reserve_results(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> pl.DataFrame:
    """Awards of a reserve gate.

    Raises:
        InputError: The gate was not decided, or a price is missing.
    """
    offers, _ = offers_in_force(lake, desk, stamp)
    day = load_area(desk.area).delivery_day(DAY_AHEAD, stamp.delivery_day)
    early, late = (
        _capacity_prices(lake, desk, day, moment)
        for moment in (_settled_knowledge(desk, stamp, at), at)
    )
    block = ["product", "period_start", "resolution_min"]
    return clear_offers(offers, pl.concat([early, late.join(early, on=block, how="anti")]))


def _capacity_prices(lake: Lake, desk: Desk, day: DeliveryDay, at: datetime) -> pl.DataFrame:
    return desk_view(lake, desk, at).as_of(
        "raw.auction_results",
        scope=desk.area,
        # Blocks lie on the wall clock, which may not be the session's.
        start=day.start - timedelta(hours=24),
        end=day.end + timedelta(hours=24),
        where={"component": "capacity", "statistic": "marginal"},
        columns=["product", "period_start", "resolution_min", "price", "unit"],
    )


def trades_of(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> pl.DataFrame:
    """Trades of one re-plan's orders, as far as the index of their MTUs is out.

    Raises:
        InputError: The desk or its area does not trade continuously.
    """
    area, settings = load_area(desk.area), desk.markets.intraday
    if area.continuous is None or settings is None or not settings.continuous:
        expected = "a desk that trades continuously"
        raise InputError(f"desk {desk.name}: intraday", expected=expected, found="none")
    orders = _intraday_orders(lake, desk, stamp, area.continuous.on(stamp.delivery_day))
    day = area.delivery_day(DAY_AHEAD, stamp.delivery_day)
    return fill(orders, read_prices(lake, desk, day, INDEX_SERIES, at), settings)


def _intraday_orders(
    lake: Lake, desk: Desk, stamp: RunStamp, rules: ContinuousRules
) -> IntradayOrderSet:
    """The orders of a re-plan that count; there may be none."""
    rows, runs = (
        lake.read(name, scope=desk.name, where=stamp.where, latest_revision=False)
        for name in ("bids.intraday_orders", "bids.bid_runs")
    )
    orders = (
        IntradayOrder(
            row["period_start"],
            row["resolution_min"],
            row["side"],
            row["step"],
            round(row["limit_price"] / rules.price_tick),
            round(row["volume_mw"] / rules.volume_tick_mw),
        )
        for row in rows_in_force(table("bids.intraday_orders"), rows, runs).iter_rows(named=True)
    )
    return IntradayOrderSet(
        area=desk.area,
        delivery_day=stamp.delivery_day,
        currency=load_area(desk.area).currency,
        rules=rules,
        orders=tuple(sorted(orders)),
        participant_id=desk.participant_id,
        portfolio_id=desk.portfolio_id,
        balance_area=desk.balance_area,
    )


def read_prices(
    lake: Lake, desk: Desk, day: DeliveryDay, series: str, at: datetime
) -> pl.DataFrame:
    """Prices of a series on a delivery day, as known at a time."""
    return desk_view(lake, desk, at).as_of(
        "raw.market_prices",
        scope=desk.area,
        start=day.start,
        end=day.end,
        where={"series": series},
        columns=["period_start", "resolution_min", "price"],
    )


def _clearing_prices(
    lake: Lake, desk: Desk, stamp: RunStamp, day: DeliveryDay, at: datetime
) -> pl.DataFrame:
    """The auction's prices; the first of its series that is known whole counts."""
    names = AUCTION_SERIES.get(stamp.session, (stamp.session,))
    found = pl.DataFrame()
    for moment in (_settled_knowledge(desk, stamp, at), at):
        for series in names:
            found = read_prices(lake, desk, day, series, moment)
            if found["resolution_min"].sum() == day.hours * 60:
                return found
    return read_prices(lake, desk, day, names[0], at)


def _settled_knowledge(desk: Desk, stamp: RunStamp, at: datetime) -> datetime:
    """The next day's decision starts from these results: what is corrected later moves no result.

    An auction published after that decision counts as it is known.
    """
    published = load_area(desk.area).publication(stamp.session, stamp.delivery_day)
    next_decision = desk.decision_time(stamp.delivery_day + timedelta(days=1))
    return min(at, next_decision) if published <= next_decision else at
