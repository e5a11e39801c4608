"""The steps after the decision: order file, results of the auction, settlement.

Belongs here: those steps with their effects on lake and order folder, called by assets and command
line alike. Not here: clearing, schedules and cash themselves (`exchange`, `delivery`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from energy_assets.bidding.desk_problem import recent_outputs
from energy_assets.bidding.dispatch import Schedule
from energy_assets.bidding.problem import FloatArray
from energy_assets.bidding.records import schedule_rows, start_states
from energy_assets.bidding.runs import orders_in_force
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.forecasting.records import scenarios_from_rows
from energy_assets.forecasting.runs import outcomes
from energy_assets.forecasting.targets import output_units
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit
from energy_assets.trading.delivery import (
    Delivery,
    delivered_energy,
    schedule_award,
    settle_delivery,
)
from energy_assets.trading.exchange import clear
from energy_assets.trading.order_drop import OrderDrop, write_drop
from energy_assets.trading.plant import controllable_units, meter_schedules


@dataclass(frozen=True)
class ResultsRun:
    """What the auction gave.

    Attributes:
        awards: Own columns of `trading.awards`.
        rows_written: Rows appended to awards and schedules.
    """

    awards: pl.DataFrame
    rows_written: int


def run_order_file(lake: Lake, desk: Desk, stamp: RunStamp, folder: Path) -> OrderDrop:
    """Drop the orders in force as files with their checksum."""
    orders, _ = orders_in_force(lake, desk, stamp)
    return write_drop(orders, folder, desk.name)


def run_results(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> ResultsRun:
    """Clear the orders in force at the published price and schedule the units for the award.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        at: Prices known at this time are used; of those known at the next day's decision, if they
            are whole by then: that decision starts from this schedule, and a price corrected
            later must not move it.

    Raises:
        InputError: Orders or prices are missing.
    """
    day = _day(desk, stamp)
    orders, _ = orders_in_force(lake, desk, stamp)
    awards = clear(orders, _clearing_prices(lake, desk, day, at))
    delivery = _delivery(lake, desk, stamp, awards)
    written = 0
    for table_id, frame in (
        ("trading.awards", awards),
        ("bids.unit_schedules", schedule_rows(day, delivery.schedule)),
    ):
        result = lake.append(table_id, stamp.on(frame, table_id), scope=desk.name)
        written += result.rows_written
    return ResultsRun(awards, written)


def schedule_day_before(lake: Lake, desk: Desk, stamp: RunStamp) -> bool:
    """Make sure that the day before starts a decision where its own orders leave it.

    Its auction is over and published before this decision time. Where its results have not been
    made yet (a range of days decided in one run), or belong to orders since replaced, they are
    made now, so that a day's orders do not depend on which job ran first.

    Returns:
        Whether results were made.
    """
    session = load_area(desk.area).session(stamp.session)
    label = stamp.delivery_day - timedelta(days=1)
    if session.publication(label) > stamp.decision_time:
        return False
    runs = lake.current(
        "bids.bid_runs",
        scope=desk.name,
        session=stamp.session,
        delivery_day=label,
        mode=stamp.mode,
    )
    if runs.is_empty():
        return False
    before = replace(stamp, delivery_day=label, decision_time=runs["decision_time"][0])
    awards = decision_rows(lake, "trading.awards", desk, _day(desk, before), before)
    if awards["orders_sha256"].unique().to_list() == [runs["orders_sha256"][0]]:
        return False
    run_results(lake, desk, before, stamp.decision_time)
    return True


def run_settlement(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> pl.DataFrame:
    """Meter the paper plant, settle the day to the cent, write `trading.settlement`.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        at: Meter readings and imbalance prices known at this time are used.

    Returns:
        Own columns of `trading.settlement`.

    Raises:
        InputError: Awards, readings or prices are missing.
    """
    day = _day(desk, stamp)
    awards = decision_rows(lake, "trading.awards", desk, day, stamp)
    if awards.is_empty():
        where = f"trading.awards of {desk.name} on {day.label}"
        raise InputError(where, expected="awards; run the results job first", found="none")
    delivery = _delivery(lake, desk, stamp, awards)
    _meter_plant(lake, desk, day, delivery.schedule)
    metered = _metered(lake, desk, day, at)
    energy = delivered_energy(desk, day, delivery, metered)
    imbalance = None
    if desk.imbalance.deviation_penalty is None:
        imbalance = _prices(lake, desk, day, "imbalance", at)
    cash = settle_delivery(desk, day, delivery, awards, energy, imbalance)
    lake.append("trading.settlement", stamp.on(cash, "trading.settlement"), scope=desk.name)
    return cash


def decision_rows(
    lake: Lake, table_id: str, desk: Desk, day: DeliveryDay, stamp: RunStamp
) -> pl.DataFrame:
    """The newest revision of a decision's rows of a table."""
    return lake.read(
        table_id,
        scope=desk.name,
        start=day.start,
        end=day.end,
        where=stamp.where,
    )


def _delivery(lake: Lake, desk: Desk, stamp: RunStamp, awards: pl.DataFrame) -> Delivery:
    """The schedule of an award: from the decision's knowledge, so the same whenever it is made."""
    day = _day(desk, stamp)
    known = desk_view(lake, desk, stamp.decision_time)
    rows = decision_rows(lake, "forecasts.scenarios", desk, day, stamp)
    if rows.is_empty():
        # The forecast failed and the last rung was sent: schedule for what that rung expected.
        expected = recent_outputs(known, desk, day)
    else:
        scenarios = scenarios_from_rows(rows, day)
        expected = {unit.name: scenarios.expected(unit.name) for unit in output_units(desk)}
    states = start_states(lake, desk, day, stamp.mode)
    return schedule_award(known, desk, day, states, awards, expected)


def _meter_plant(lake: Lake, desk: Desk, day: DeliveryDay, schedule: Schedule) -> None:
    rows = schedule_rows(day, schedule)
    readings = meter_schedules(rows, controllable_units(desk.units), day)
    lake.append_if_changed("raw.meter_readings", readings, scope=desk.name)


def _metered(lake: Lake, desk: Desk, day: DeliveryDay, at: datetime) -> dict[str, FloatArray]:
    """Net injection of wind, solar and load by MTU, (T,) MW."""
    found = outcomes(lake, desk, day, at)
    metered = {}
    for unit in output_units(desk):
        power = found[unit.name]
        if not np.isfinite(power).all():
            where = f"raw.meter_readings of {desk.name}: {unit.name} on {day.label}"
            missing = int(np.isnan(power).sum())
            raise InputError(where, expected=f"{day.mtu_count} MTUs", found=f"{missing} missing")
        metered[unit.name] = -power if isinstance(unit, LoadUnit) else power
    return metered


def _prices(lake: Lake, desk: Desk, day: DeliveryDay, series: str, at: datetime) -> pl.DataFrame:
    return desk_view(lake, desk, at).as_of(
        "raw.market_prices",
        scope=desk.area,
        start=day.start,
        end=day.end,
        where={"series": series},
        columns=["period_start", "resolution_min", "price"],
    )


def _clearing_prices(lake: Lake, desk: Desk, day: DeliveryDay, at: datetime) -> pl.DataFrame:
    next_decision = desk.decision_time(day.label + timedelta(days=1))
    early = _prices(lake, desk, day, "day_ahead", min(at, next_decision))
    if early["resolution_min"].sum() == day.hours * 60:
        return early
    return _prices(lake, desk, day, "day_ahead", at)


def _day(desk: Desk, stamp: RunStamp) -> DeliveryDay:
    return load_area(desk.area).session(stamp.session).delivery_day(stamp.delivery_day)
