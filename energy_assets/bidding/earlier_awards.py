"""What earlier sessions of a delivery day left, as a decision knows it.

An auction's result counts from its publication on; a trade from the moment its decision was made.

Belongs here: reading awards, trades and published prices for a problem. Not here: clearing
(`trading`), the problem (`session_problem`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.market_outlook import AUCTION_SERIES
from energy_assets.bidding.session_problem import EarlierAwards
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk


def earlier_awards(
    lake: Lake, known: PointInTime, desk: Desk, day: DeliveryDay, stamp: RunStamp
) -> EarlierAwards:
    """Awards of the sessions before this one, and the newest auction prices that are out.

    Args:
        lake: The lake.
        known: Rows as of the decision.
        desk: The desk.
        day: Delivery day, on the day-ahead auction's grid.
        stamp: The decision; earlier decisions of the same mode count.
    """
    prices, priced_by = _newest_prices(known, desk, day)
    return EarlierAwards(
        position=_position(lake, desk, day, stamp),
        prices=prices,
        priced_by=priced_by,
        reserves=_reserves(lake, desk, day, stamp),
    )


def _position(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp) -> FloatArray | None:
    """Net sale (T,) MW of the energy sessions whose results are out; None where there is none."""
    area = load_area(desk.area)
    total, found = np.zeros(day.mtu_count), False
    for session in ("day_ahead", *_auctions(desk)):
        rows = _rows(lake, "trading.awards", desk, stamp, session)
        # An auction that was not held yet on that day has no rows, and no publication either.
        if session == stamp.session or rows.is_empty():
            continue
        if area.publication(session, day.label) <= stamp.decision_time:
            found = True
            total += _by_mtu(rows.with_columns(net=pl.col("volume_mw")), day)
    # Trades of all decisions add up; of the other tables the newest decision counts.
    trades = lake.read(
        "trading.trades",
        scope=desk.name,
        start=day.start,
        end=day.end,
        where={"delivery_day": stamp.delivery_day, "mode": stamp.mode},
    ).filter(pl.col("decision_time") < stamp.decision_time)
    if len(trades):
        found = True
        sign = pl.when(pl.col("side") == "sale").then(1.0).otherwise(-1.0)
        total += _by_mtu(trades.with_columns(net=sign * pl.col("volume_mw")), day)
    return total if found else None


def _auctions(desk: Desk) -> tuple[str, ...]:
    intraday = desk.markets.intraday
    return () if intraday is None else intraday.auctions


def _by_mtu(rows: pl.DataFrame, day: DeliveryDay) -> FloatArray:
    """Net power (T,): rows of other resolutions weigh by the time they cover."""
    total = np.zeros(day.mtu_count)
    minutes = day.mtu_minutes
    for start, length, net in rows.select("period_start", "resolution_min", "net").iter_rows():
        first = (start - day.start).total_seconds() / 60
        for position in range(int(first // minutes), int(-(-(first + length) // minutes))):
            overlap = min(first + length, (position + 1) * minutes) - max(first, position * minutes)
            total[position] += net * overlap / minutes
    return total


def _newest_prices(
    known: PointInTime, desk: Desk, day: DeliveryDay
) -> tuple[FloatArray | None, str]:
    """Newest auction price by MTU (T,) and the last auction it is from; None before the first."""
    found = _published(known, desk, day, "day_ahead")
    newest = ""
    for auction in _auctions(desk):
        for series in AUCTION_SERIES[auction]:
            later = _published(known, desk, day, series)
            if found is not None and later is not None:
                found, newest = np.where(np.isfinite(later), later, found), auction
                break
    if found is None or not np.isfinite(found).all():
        return None, ""
    return found, newest


def _published(known: PointInTime, desk: Desk, day: DeliveryDay, series: str) -> FloatArray | None:
    """Prices of a series (T,), NaN in MTUs it has none for; None without any."""
    rows = known.as_of(
        "raw.market_prices",
        scope=desk.area,
        start=day.start,
        end=day.end,
        where={"series": series},
        columns=["period_start", "resolution_min", "price"],
    )
    if rows.is_empty():
        return None
    covered = _by_mtu(rows.with_columns(net=pl.lit(1.0)), day)
    prices = _by_mtu(rows.with_columns(net=pl.col("price")), day)
    return np.where(np.abs(covered - 1.0) < 1e-9, prices, np.nan)


def _reserves(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp) -> dict[str, FloatArray]:
    area = load_area(desk.area)
    found: dict[str, FloatArray] = {}
    for session in desk.markets.sessions:
        products = desk.markets.products(session)
        if not products or area.publication(session, day.label) > stamp.decision_time:
            continue
        rows = _rows(lake, "trading.reserve_awards", desk, stamp, session)
        for product in products:
            mine = rows.filter(pl.col("product") == product)
            starts = [start for start, _ in area.reserve(product).blocks(day.label)]
            awarded = dict(mine.select("period_start", "volume_mw").iter_rows())
            if len(mine):
                found[product] = np.array([awarded.get(start, 0.0) for start in starts])
    return found


def _rows(lake: Lake, table_id: str, desk: Desk, stamp: RunStamp, session: str) -> pl.DataFrame:
    return lake.current(
        table_id,
        scope=desk.name,
        session=session,
        delivery_day=stamp.delivery_day,
        mode=stamp.mode,
    )
