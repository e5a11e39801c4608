"""The steps after a decision: order file, results of its session, settlement of the day.

Results follow the session: awards of an auction, awards of a reserve gate, trades of a re-plan.
After a session of energy the units are scheduled for all that was sold so far, with reserve awards
kept free, and the position is written: the next session starts from there.

Belongs here: those steps with their effects on lake and order folder, called by assets and command
line alike. Not here: clearing (`session_results`), which results are due (`decisions`), the
schedule's inputs (`planned_delivery`), cash itself (`delivery`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from energy_assets.bidding.problem import FloatArray
from energy_assets.bidding.records import schedule_rows
from energy_assets.bidding.runs import orders_in_force
from energy_assets.bidding.session_problem import INTRADAY, RESERVE_SESSIONS
from energy_assets.curation.desk_view import desk_view
from energy_assets.errors import InputError
from energy_assets.forecasting.runs import outcomes
from energy_assets.forecasting.targets import output_units
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit
from energy_assets.trading.called_energy import operate
from energy_assets.trading.decisions import (
    due_results,
    has_position,
    intraday_decisions,
    last_decision,
    reserve_decisions,
)
from energy_assets.trading.delivery import delivered_energy, settle_delivery
from energy_assets.trading.order_drop import OrderDrop, write_drop
from energy_assets.trading.planned_delivery import known_at, planned_delivery
from energy_assets.trading.positions import DAY_AHEAD, Sold, position_rows, read_sold
from energy_assets.trading.reserve_activations import ENERGY_PRICES, reserve_activations
from energy_assets.trading.session_results import (
    auction_results,
    read_prices,
    reserve_results,
    trades_of,
)
from energy_assets.trading.settlement import OtherMarkets


@dataclass(frozen=True)
class ResultsRun:
    """What a session gave.

    Attributes:
        awards: Own columns of `trading.awards`, `trading.reserve_awards` or `trading.trades`.
        rows_written: Rows appended to all tables.
        blocks: Block orders and whether they were accepted (`exchange.BLOCK_RESULTS`).
    """

    awards: pl.DataFrame
    rows_written: int
    blocks: pl.DataFrame = field(default_factory=pl.DataFrame)


def run_order_file(lake: Lake, desk: Desk, stamp: RunStamp, folder: Path) -> OrderDrop:
    """Drop the orders in force as files with their checksum."""
    orders, _ = orders_in_force(lake, desk, stamp)
    return write_drop(orders, folder, desk.name)


def run_results(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> ResultsRun:
    """Hold a session's orders against what was published, and plan the units for the outcome.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The decision.
        at: Prices known at this time are used; of those known at the next day's decision, if they
            are whole by then: that decision starts from this schedule, and a price corrected
            later must not move it. Continuous trades are filled as far as the index is out.

    Raises:
        InputError: Orders or prices are missing.
    """
    if stamp.session in RESERVE_SESSIONS:
        awards = reserve_results(lake, desk, stamp, at)
        return ResultsRun(awards, _append(lake, desk, stamp, "trading.reserve_awards", awards))
    others = read_sold(lake, desk, stamp, known_at(desk, stamp))
    if stamp.session == INTRADAY:
        table_id, blocks = "trading.trades", pl.DataFrame()
        awards = trades_of(lake, desk, stamp, at)
        own = Sold({}, awards)
        before = others.trades.filter(pl.col("decision_time") != stamp.decision_time)
        sold = Sold(others.awards, pl.concat([before.select(awards.columns), awards]))
    else:
        table_id = "trading.awards"
        awards, blocks = auction_results(lake, desk, stamp, at)
        own = Sold({stamp.session: awards})
        sold = Sold({**others.awards, **own.awards}, others.trades)
    day = _day(desk, stamp)
    delivery = planned_delivery(lake, desk, stamp, sold)
    # The last one tells that results are whole: an auction's awards, the position after trades.
    frames = {
        "bids.unit_schedules": schedule_rows(day, delivery.schedule),
        "trading.positions": position_rows(sold, own, day),
        table_id: awards,
    }
    if len(blocks):
        frames["trading.block_awards"] = blocks
    last = "trading.positions" if stamp.session == INTRADAY else table_id
    order = sorted(frames, key=lambda name: name == last)
    written = sum(_append(lake, desk, stamp, name, frames[name]) for name in order)
    return ResultsRun(awards, written, blocks)


def schedule_day_before(lake: Lake, desk: Desk, stamp: RunStamp) -> bool:
    """Make sure that the day before starts a decision where its own orders leave it.

    Its sessions published before this decision time are over. Where their results have not been
    made yet (a range of days decided in one run), or belong to orders since replaced, they are
    made now, so that a day's orders do not depend on which job ran first.

    Returns:
        Whether results were made.
    """
    return _make_results(lake, desk, stamp, days_before=1)


def earlier_results(lake: Lake, desk: Desk, stamp: RunStamp) -> bool:
    """Make sure that a decision finds the results of the day's sessions before it.

    Returns:
        Whether results were made.
    """
    return _make_results(lake, desk, stamp, days_before=0)


def _make_results(lake: Lake, desk: Desk, stamp: RunStamp, *, days_before: int) -> bool:
    due = due_results(lake, desk, stamp, days_before=days_before)
    for before in due:
        run_results(lake, desk, before, stamp.decision_time)
    return bool(due)


def run_activations(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> pl.DataFrame:
    """Write what was called of the day's reserve awards; own columns of the table.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: Any decision of the day.
        at: Called shares and energy prices known at this time are used.
    """
    schema = {c.name: c.dtype for c in table("trading.reserve_activations").columns}
    found = [pl.DataFrame(schema=schema)]
    for decision, awards in reserve_decisions(lake, desk, stamp):
        called = _called(lake, desk, _day(desk, stamp), awards, at)
        _append(lake, desk, decision, "trading.reserve_activations", called)
        found.append(called)
    return pl.concat(found)


def run_settlement(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> pl.DataFrame:
    """Meter the paper plant, settle the day to the cent, write `trading.settlement`.

    Args:
        lake: The lake.
        desk: The desk.
        stamp: The day-ahead decision.
        at: Meter readings, calls and prices known at this time are used.

    Returns:
        Own columns of `trading.settlement`.

    Raises:
        InputError: There is no award, or readings or prices are missing.
    """
    day = _day(desk, stamp)
    awards = decision_rows(lake, "trading.awards", desk, day, stamp)
    if awards.is_empty():
        where = f"trading.awards of {desk.name} on {day.label}"
        raise InputError(where, expected="awards; run the results job first", found="none")
    last = _finish_trades(lake, desk, stamp, at)
    sold = read_sold(lake, desk, stamp, at)
    delivery = planned_delivery(lake, desk, last, sold)
    activations = run_activations(lake, desk, stamp, at)
    readings = operate(desk, day, delivery, activations).meter(desk)
    lake.append_if_changed("raw.meter_readings", readings, scope=desk.name)
    metered = _metered(lake, desk, day, at)
    energy = delivered_energy(desk, day, delivery, metered, activations)
    imbalance = None
    if desk.imbalance.deviation_penalty is None:
        imbalance = read_prices(lake, desk, day, "imbalance", at)
    auctions = {name: rows for name, rows in sold.awards.items() if name != DAY_AHEAD}
    held = [rows for _, rows in reserve_decisions(lake, desk, stamp)]
    others = OtherMarkets(
        sold=Sold(auctions, sold.trades),
        reserve_awards=pl.concat(held) if held else None,
        activations=activations,
    )
    cash = settle_delivery(desk, day, delivery, awards, energy, imbalance, others)
    _append(lake, desk, stamp, "trading.settlement", cash)
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


def _finish_trades(lake: Lake, desk: Desk, stamp: RunStamp, at: datetime) -> RunStamp:
    """Fill the orders whose index has come out since; returns the decision the schedule is of."""
    has_changed = False
    for decision in intraday_decisions(lake, desk, stamp):
        trades = trades_of(lake, desk, decision, at)
        stored = lake.read("trading.trades", scope=desk.name, where=decision.where)
        key = ["period_start", "side", "step"]
        is_same = stored.select(trades.columns).sort(key).equals(trades.sort(key))
        # What later re-plans start from has changed with it.
        if has_changed or not is_same or not has_position(lake, desk, decision):
            run_results(lake, desk, decision, at)
            has_changed = True
    return last_decision(lake, desk, stamp)


def _called(
    lake: Lake, desk: Desk, day: DeliveryDay, awards: pl.DataFrame, at: datetime
) -> pl.DataFrame:
    shares = desk_view(lake, desk, at).as_of(
        "raw.called_reserves",
        scope=desk.area,
        start=day.start,
        end=day.end,
        columns=["product", "period_start", "resolution_min", "called_share"],
    )
    series = dict(ENERGY_PRICES)
    if desk.imbalance.deviation_penalty is not None:
        # The area has no imbalance price; deviations are valued around the day-ahead price.
        series = {product: name.replace("imbalance", DAY_AHEAD) for product, name in series.items()}
    products = awards["product"].unique()
    prices = {
        name: read_prices(lake, desk, day, name, at)
        for product, name in series.items()
        if product in products
    }
    return reserve_activations(awards, shares, prices, day, series)


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


def _append(lake: Lake, desk: Desk, stamp: RunStamp, table_id: str, rows: pl.DataFrame) -> int:
    return lake.append(table_id, stamp.on(rows, table_id), scope=desk.name).rows_written


def _day(desk: Desk, stamp: RunStamp) -> DeliveryDay:
    return load_area(desk.area).delivery_day(DAY_AHEAD, stamp.delivery_day)
