"""Which decisions a delivery day has seen, and which of them still lack results.

A session's results are due once they are normally out: an auction's from its publication on, those
of a continuous re-plan from its decision on.

Belongs here: finding decisions. Not here: making their results (`runs`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from energy_assets.bidding.session_problem import INTRADAY, RESERVE_SESSIONS
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import load_area
from energy_assets.portfolio import Desk
from energy_assets.trading.positions import awards_in_force


def due_results(lake: Lake, desk: Desk, stamp: RunStamp, *, days_before: int) -> list[RunStamp]:
    """Decisions whose results a decision has to find and that have none of the orders in force.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision that follows.
        days_before: 1 for the sessions of the delivery day before, 0 for the same day's.

    Returns:
        In the order in which their results come out.
    """
    label = stamp.delivery_day - timedelta(days=days_before)
    found: list[tuple[datetime, RunStamp]] = []
    for session in desk.markets.sessions:
        if (session, label) == (stamp.session, stamp.delivery_day):
            continue
        runs = _runs(lake, desk, stamp, session, label)
        if runs.is_empty():
            continue
        out = load_area(desk.area).publication(session, label)
        decided, sha = runs.row(0)
        before = replace(stamp, session=session, delivery_day=label, decision_time=decided)
        if out <= stamp.decision_time and not _is_awarded(lake, desk, before, sha):
            found.append((out, before))
    of_day = replace(stamp, delivery_day=label)
    found += [
        (before.decision_time, before)
        for before in intraday_decisions(lake, desk, of_day)
        if before.decision_time < stamp.decision_time and not has_position(lake, desk, before)
    ]
    return [before for _, before in sorted(found, key=lambda pair: pair[0])]


def intraday_decisions(lake: Lake, desk: Desk, stamp: RunStamp) -> list[RunStamp]:
    """Re-plans of continuous trading of a decision's delivery day, in their order."""
    intraday = desk.markets.intraday
    if intraday is None or not intraday.continuous:
        return []
    where = {"session": INTRADAY, "delivery_day": stamp.delivery_day, "mode": stamp.mode}
    runs = lake.read("bids.bid_runs", scope=desk.name, where=where)
    times = runs["decision_time"].unique().sort().to_list()
    return [replace(stamp, session=INTRADAY, decision_time=time) for time in times]


def has_position(lake: Lake, desk: Desk, stamp: RunStamp) -> bool:
    """Whether a decision's position has been written."""
    return len(lake.read("trading.positions", scope=desk.name, where=stamp.where)) > 0


def last_decision(lake: Lake, desk: Desk, stamp: RunStamp) -> RunStamp:
    """The decision of another session made last, or this one where none follows it."""
    where = {"delivery_day": stamp.delivery_day, "mode": stamp.mode}
    rows = lake.read("trading.positions", scope=desk.name, where=where).filter(
        (pl.col("decision_time") > stamp.decision_time) & (pl.col("session") != stamp.session)
    )
    if rows.is_empty():
        return stamp
    session, decided = rows.sort("decision_time").select("session", "decision_time").row(-1)
    return replace(stamp, session=session, decision_time=decided)


def reserve_decisions(
    lake: Lake, desk: Desk, stamp: RunStamp
) -> list[tuple[RunStamp, pl.DataFrame]]:
    """The day's reserve gates with their awards; gates without any are left out."""
    found = []
    for session in desk.markets.sessions:
        if session not in RESERVE_SESSIONS:
            continue
        awards = awards_in_force(lake, desk, stamp, session, "trading.reserve_awards")
        if len(awards):
            decided = awards["decision_time"][0]
            found.append((replace(stamp, session=session, decision_time=decided), awards))
    return found


def _runs(lake: Lake, desk: Desk, stamp: RunStamp, session: str, label: date) -> pl.DataFrame:
    return lake.current(
        "bids.bid_runs", scope=desk.name, session=session, delivery_day=label, mode=stamp.mode
    ).select("decision_time", "orders_sha256")


def _is_awarded(lake: Lake, desk: Desk, stamp: RunStamp, sha256: str) -> bool:
    is_reserve = stamp.session in RESERVE_SESSIONS
    table_id = "trading.reserve_awards" if is_reserve else "trading.awards"
    awards = lake.read(table_id, scope=desk.name, where=stamp.where)
    return bool(awards["orders_sha256"].unique().to_list() == [sha256])
