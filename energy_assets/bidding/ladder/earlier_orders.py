"""The newest comparable orders in force of an earlier delivery day, read from the lake.

Comparable: same desk, session and mode, made for their own day's prices (a rung above
`last_accepted`), decided before this decision.

Not here: making them valid for today (`last_accepted`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from energy_assets.bidding.ladder.failure import RungFailedError
from energy_assets.bidding.ladder.last_accepted import EarlierOrders
from energy_assets.bidding.records import orders_from_rows
from energy_assets.bidding.solution import Rung
from energy_assets.lakehouse.current import rows_in_force
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import load_area
from energy_assets.portfolio import Desk

DAYS_BACK = 14
CURVES, RUNS = "bids.curve_orders", "bids.bid_runs"
_FOR_THEIR_DAY = (Rung.STOCHASTIC, Rung.REDUCED_SCENARIOS, Rung.LP_WITH_REPAIR, Rung.MARGINAL_COST)


def earlier_orders(
    lake: Lake, desk: Desk, stamp: RunStamp, ingested_before: datetime | None = None
) -> EarlierOrders:
    """The orders of the newest such day.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        ingested_before: Only rows written before this are read.

    Raises:
        RungFailedError: There are none in the last two weeks.
    """
    days = [stamp.delivery_day - timedelta(days=n) for n in range(1, DAYS_BACK + 1)]
    rows, runs = (_rows(lake, desk, stamp, name, days, ingested_before) for name in (CURVES, RUNS))
    mine = rows_in_force(table(CURVES), rows, runs).filter(
        pl.col("rung").is_in([rung.value for rung in _FOR_THEIR_DAY])
    )
    if mine.is_empty():
        msg = f"no orders of another day in force in the last {DAYS_BACK} days"
        raise RungFailedError(msg)
    newest = mine["delivery_day"].max()
    mine = mine.filter(pl.col("delivery_day") == newest)
    day = load_area(desk.area).delivery_day(stamp.session, mine["delivery_day"][0])
    return EarlierOrders(orders_from_rows(mine, desk, day), day)


def _rows(
    lake: Lake,
    desk: Desk,
    stamp: RunStamp,
    table_id: str,
    days: list[date],
    ingested_before: datetime | None,
) -> pl.DataFrame:
    where = {"session": stamp.session, "mode": stamp.mode, "delivery_day": days}
    rows = lake.read(table_id, scope=desk.name, where=where, latest_revision=False)
    rows = rows.filter(pl.col("decision_time") < stamp.decision_time)
    if ingested_before is not None:
        rows = rows.filter(pl.col("ingested_at") < ingested_before)
    return rows
