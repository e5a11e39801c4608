"""The schedule that a decision's results lead to, from the lake.

Everything is read as the decision knew it, so that the schedule is the same whenever it is made.
A decision within the delivery day leaves what was expected of hours already begun as it was: a
forecast that has seen their outcome must not plan them.

Belongs here: inputs of a schedule. Not here: the schedule itself (`scheduling`), writing (`runs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from energy_assets.bidding.desk_problem import recent_outputs
from energy_assets.bidding.earlier_awards import earlier_awards
from energy_assets.bidding.problem import FloatArray
from energy_assets.bidding.records import start_states
from energy_assets.bidding.session_problem import INTRADAY, EarlierAwards
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.forecasting.targets import output_units
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets.trading.positions import DAY_AHEAD, Sold
from energy_assets.trading.scheduling import Delivery, schedule_award


def planned_delivery(lake: Lake, desk: Desk, stamp: RunStamp, sold: Sold) -> Delivery:
    """The units' schedule for all that was sold, with the day's reserve awards kept free.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        sold: Awards and trades.

    Raises:
        InputError: The day-ahead auction has no awards.
    """
    day = load_area(desk.area).delivery_day(DAY_AHEAD, stamp.delivery_day)
    if DAY_AHEAD not in sold.awards:
        where = f"trading.awards of {desk.name}, day_ahead {day.label}"
        raise InputError(where, expected="awards; run its results job first", found="none")
    known = desk_view(lake, desk, stamp.decision_time)
    expected = _expected(lake, desk, stamp, day, known)
    states = start_states(lake, desk, day, stamp.mode, stamp.decision_time)
    auctions = {name: rows for name, rows in sold.awards.items() if name != DAY_AHEAD}
    rest = Sold(auctions, sold.trades)
    position = rest.power(day, day.mtu_minutes) if auctions or len(sold.trades) else None
    reserves: Mapping[str, FloatArray] = {}
    if desk.markets.reserves:
        out = replace(stamp, decision_time=known_at(desk, stamp))
        reserves = earlier_awards(lake, known, desk, day, out).reserves
    others = EarlierAwards(position=position, reserves=reserves)
    return schedule_award(known, desk, day, states, sold.awards[DAY_AHEAD], expected, others)


def known_at(desk: Desk, stamp: RunStamp) -> datetime:
    """When a decision's results are normally out."""
    if stamp.session == INTRADAY:
        return stamp.decision_time
    return load_area(desk.area).publication(stamp.session, stamp.delivery_day)


def _expected(
    lake: Lake, desk: Desk, stamp: RunStamp, day: DeliveryDay, known: PointInTime
) -> dict[str, FloatArray]:
    """Expected output by unit (T,): of each MTU, the newest decision's made before it began."""
    where = {"delivery_day": day.label, "mode": stamp.mode}
    if stamp.decision_time <= day.start:
        where = stamp.where
    rows = lake.read(
        "forecasts.scenarios", scope=desk.name, start=day.start, end=day.end, where=where
    ).filter(pl.col("decision_time") <= stamp.decision_time)
    paths: dict[str, FloatArray] = {}
    for (decided,), of_decision in rows.sort("decision_time").group_by(
        "decision_time", maintain_order=True
    ):
        newest = _means(desk, of_decision, day)
        later = np.array([start >= decided for start in day.starts])
        paths = {n: np.where(later, path, paths.get(n, path)) for n, path in newest.items()}
    # The forecast failed and the last rung was sent: schedule for what that rung expected.
    return paths or recent_outputs(known, desk, day)


def _means(desk: Desk, rows: pl.DataFrame, day: DeliveryDay) -> dict[str, FloatArray]:
    scenarios = scenarios_from_rows(rows, day)
    return {unit.name: scenarios.expected(unit.name) for unit in output_units(desk)}
