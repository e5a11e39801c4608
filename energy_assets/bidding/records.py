"""Bid runs as rows of the `bids` tables, and order sets back from them.

Belongs here: the one mapping between solutions and tables, written in the order that makes a run
readable only when it is whole (`bid_runs` last). Not here: the solve, order files.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from energy_assets import __version__
from energy_assets.bidding.balancing_bids import BalancingEnergyBid
from energy_assets.bidding.dispatch import Schedule
from energy_assets.bidding.problem import FloatArray, StartState
from energy_assets.bidding.solution import BiddingSolution, PathBand
from energy_assets.errors import InputError
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.lakehouse.tables import table
from energy_assets.market import (
    BlockOrder,
    CurveOrder,
    CurveRules,
    DeliveryDay,
    OrderSet,
    load_area,
)
from energy_assets.market.intraday_orders import IntradayOrderSet
from energy_assets.market.reserve_offers import ReserveOffer, ReserveOfferSet
from energy_assets.portfolio import BatteryUnit, Desk, ThermalUnit

POSITION = "position"
SessionOrders = OrderSet | ReserveOfferSet | IntradayOrderSet
# Columns every order table ends with.
_SHARED = ("rung", "participant_id", "portfolio_id", "balance_area", "order_scope")
_AN_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class BidRun:
    """One finished rung.

    Attributes:
        solution: What the rung made.
        orders: The checked orders of the session.
        probabilities: Of the solution's scenarios, (S,).
        input_hash: Hash of the rows read.
        model_versions: Models used, by target.
        ingested_before: Only rows written before this were read.
        gate_closure: Gate of the session.
        note: Why this rung, and outages that were not public.
        balancing: Balancing energy bids of a re-plan.
    """

    solution: BiddingSolution
    orders: SessionOrders
    probabilities: FloatArray
    input_hash: str
    model_versions: Mapping[str, str]
    ingested_before: datetime
    gate_closure: datetime
    note: str
    balancing: Sequence[BalancingEnergyBid] = ()


def write_bid_run(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp, run: BidRun) -> int:
    """Write a rung's orders, plan and, last, its `bid_runs` row; returns the rows written."""
    tables = order_rows(run.orders, run.solution.rung.value)
    if run.balancing:
        tables["bids.balancing_energy_bids"] = _balancing_rows(run)
    tables["bids.dispatch_plan"] = plan_rows(day, run)
    tables["bids.bid_runs"] = _run_row(desk, day, run)
    return sum(
        lake.append(name, stamp.on(frame, name), scope=desk.name).rows_written
        for name, frame in tables.items()
    )


def order_rows(orders: SessionOrders, rung: str) -> dict[str, pl.DataFrame]:
    """Own columns of the order tables a session fills, by table."""
    if isinstance(orders, ReserveOfferSet):
        found = {"bids.reserve_offers": _offer_rows(orders)}
    elif isinstance(orders, IntradayOrderSet):
        found = {"bids.intraday_orders": _intraday_rows(orders)}
    else:
        found = {"bids.curve_orders": _curve_rows(orders)}
        if orders.blocks:
            found["bids.block_orders"] = _block_rows(orders)
    return {name: _owned(frame, orders, rung) for name, frame in found.items()}


def _owned(frame: pl.DataFrame, orders: SessionOrders, rung: str) -> pl.DataFrame:
    return frame.with_columns(
        rung=pl.lit(rung),
        participant_id=pl.lit(orders.participant_id),
        portfolio_id=pl.lit(orders.portfolio_id),
        balance_area=pl.lit(orders.balance_area),
        order_scope=pl.lit(orders.order_scope),
    )


def _balancing_rows(run: BidRun) -> pl.DataFrame:
    rows = [
        (bid.product, bid.start, bid.minutes, bid.price, bid.volume_mw, bid.obliged_mw)
        for bid in run.balancing
    ]
    frame = _frame("bids.balancing_energy_bids", rows)
    return _owned(frame, run.orders, run.solution.rung.value)


def _curve_rows(orders: OrderSet) -> pl.DataFrame:
    rules = orders.rules
    rows = [
        (
            curve.start,
            curve.minutes,
            number,
            price,
            volume,
            round(rules.price(price), 6),
            round(rules.volume_mw(volume), 6),
        )
        for curve in orders.curves
        for number, (price, volume) in enumerate(curve.points)
    ]
    return _frame("bids.curve_orders", rows)


def _block_rows(orders: OrderSet) -> pl.DataFrame:
    rules = orders.rules
    rows = [
        (
            number,
            block.start,
            block.minutes,
            block.mtu_count,
            block.side,
            round(rules.price(block.price_ticks), 6),
            round(rules.volume_mw(block.volume_ticks), 6),
        )
        for number, block in enumerate(orders.blocks)
    ]
    return _frame("bids.block_orders", rows)


def _offer_rows(orders: ReserveOfferSet) -> pl.DataFrame:
    rows, counted = [], Counter[tuple[str, datetime]]()
    for offer in sorted(orders.offers):
        block = (offer.product, offer.start)
        rows.append(
            (
                *block,
                offer.minutes,
                counted[block],
                offer.price_ticks,
                offer.volume_ticks,
                round(orders.price(offer), 6),
                round(orders.volume_mw(offer), 6),
            )
        )
        counted[block] += 1
    return _frame("bids.reserve_offers", rows)


def _intraday_rows(orders: IntradayOrderSet) -> pl.DataFrame:
    rows = [
        (
            order.start,
            order.minutes,
            order.side,
            order.step,
            round(orders.price(order), 6),
            round(orders.volume_mw(order), 6),
        )
        for order in orders.orders
    ]
    return _frame("bids.intraday_orders", rows)


def _frame(table_id: str, rows: list[Any]) -> pl.DataFrame:
    """Rows under the first columns of a table; the others are added by the caller."""
    columns = table(table_id).columns
    known = [column for column in columns if column.name not in _SHARED]
    schema = {column.name: column.dtype for column in known}
    return pl.DataFrame(rows, schema=schema, orient="row")


def plan_rows(day: DeliveryDay, run: BidRun) -> pl.DataFrame:
    """Own columns of `bids.dispatch_plan`: units' power and stored energy, market position."""
    bands: list[tuple[str, str, PathBand]] = []
    for plan in run.solution.dispatch:
        bands.append((plan.name, "power", plan.power))
        if plan.energy is not None:
            bands.append((plan.name, "stored_energy", plan.energy))
    position = PathBand.over(run.solution.position, run.probabilities)
    bands.append((POSITION, POSITION, position))
    starts = list(run.solution.starts) or day.starts
    frames = [
        pl.DataFrame(
            {
                "unit": unit,
                "quantity": quantity,
                "period_start": starts,
                "resolution_min": day.mtu_minutes,
                "expected": band.mean,
                "p05": band.p05,
                "p50": band.p50,
                "p95": band.p95,
                "rung": run.solution.rung.value,
            }
        )
        for unit, quantity, band in bands
    ]
    return pl.concat(frames)


def _run_row(desk: Desk, day: DeliveryDay, run: BidRun) -> pl.DataFrame:
    solution = run.solution

    def proven(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    row = {
        "period_start": day.start,
        "rung": solution.rung.value,
        "orders_sha256": run.orders.sha256,
        "expected_value": float(solution.expected_value),
        "cvar95": float(solution.cvar),
        "ingested_before": run.ingested_before,
        "input_hash": run.input_hash,
        "configuration_hash": desk.config_hash,
        "model_versions": json.dumps(dict(run.model_versions), sort_keys=True),
        "code_version": __version__,
        "solver_status": solution.status,
        "objective": proven(solution.objective),
        "bound": proven(solution.bound),
        "gap": proven(solution.gap),
        "seconds": float(sum(solution.seconds.values())),
        "gate_closure": run.gate_closure,
        "note": run.note or solution.reason,
    }
    schema = {column.name: column.dtype for column in table("bids.bid_runs").columns}
    return pl.DataFrame([row], schema=schema)


def orders_from_rows(
    rows: pl.DataFrame, desk: Desk, day: DeliveryDay, blocks: pl.DataFrame | None = None
) -> OrderSet:
    """The order set of one batch of `bids.curve_orders` and of `bids.block_orders`.

    Raises:
        InputError: There are no rows.
    """
    if rows.is_empty():
        where = f"bids.curve_orders of {desk.name} on {day.label}"
        raise InputError(where, expected="orders in force", found="none")
    area = load_area(desk.area)
    curves = tuple(
        CurveOrder(
            start,
            minutes,
            tuple(group.sort("point").select("price_ticks", "volume_ticks").iter_rows()),
        )
        for (start, minutes), group in rows.sort("period_start").group_by(
            "period_start", "resolution_min", maintain_order=True
        )
    )
    first = rows.row(0, named=True)
    rules = area.session(first["session"]).curve_rules(day.label)
    return OrderSet(
        area=desk.area,
        session=first["session"],
        delivery_day=day.label,
        currency=area.currency,
        rules=rules,
        curves=curves,
        blocks=() if blocks is None else _blocks(blocks, rules),
        participant_id=first["participant_id"],
        portfolio_id=first["portfolio_id"],
        balance_area=first["balance_area"],
        order_scope=first["order_scope"],
    )


def _blocks(rows: pl.DataFrame, rules: CurveRules) -> tuple[BlockOrder, ...]:
    return tuple(
        BlockOrder(
            row["period_start"],
            row["resolution_min"],
            row["mtu_count"],
            row["side"],
            rules.price_ticks(row["limit_price"]),
            rules.volume_ticks(row["volume_mw"]),
        )
        for row in rows.sort("block").iter_rows(named=True)
    )


def offers_from_rows(
    rows: pl.DataFrame, desk: Desk, session: str, day: DeliveryDay
) -> ReserveOfferSet:
    """The offers of one batch of `bids.reserve_offers`; none without rows."""
    area = load_area(desk.area)
    offers = tuple(
        ReserveOffer(
            row["product"],
            row["period_start"],
            row["resolution_min"],
            row["price_ticks"],
            row["volume_ticks"],
        )
        for row in rows.iter_rows(named=True)
    )
    return ReserveOfferSet(
        area=desk.area,
        session=session,
        delivery_day=day.label,
        currency=area.currency,
        rules={name: area.reserve(name).rules(day.label) for name in area.products(session)},
        offers=tuple(sorted(offers)),
        participant_id=desk.participant_id,
        portfolio_id=desk.portfolio_id,
        balance_area=desk.balance_area,
    )


def schedule_rows(day: DeliveryDay, schedule: Schedule) -> pl.DataFrame:
    """Own columns of `bids.unit_schedules`."""
    frames = []
    per_hour = 60 // day.mtu_minutes
    for unit, power in schedule.power.items():
        energy = schedule.energy.get(unit)
        on = schedule.on.get(unit)
        frames.append(
            pl.DataFrame(
                {
                    "unit": unit,
                    "period_start": day.starts,
                    "resolution_min": day.mtu_minutes,
                    "power_mw": power,
                    "stored_energy_mwh": energy if energy is not None else [None] * len(power),
                    "committed": np.repeat(on, per_hour) if on is not None else [None] * len(power),
                },
                schema_overrides={"stored_energy_mwh": pl.Float64, "committed": pl.Boolean},
            )
        )
    return pl.concat(frames)


def start_states(
    lake: Lake, desk: Desk, day: DeliveryDay, mode: str, decided_by: datetime
) -> dict[str, StartState]:
    """States at the start of a delivery day, from the schedules of the days before.

    Units without a schedule on the day before start as the desk declares.
    """
    return states_at(lake, desk, day, day.start, mode, decided_by)


def states_at(
    lake: Lake,
    desk: Desk,
    day: DeliveryDay,
    moment: datetime,
    mode: str,
    decided_by: datetime,
) -> dict[str, StartState]:
    """States at a moment of a delivery day, from the newest schedules up to it.

    Units without a schedule up to that moment start as the desk declares.

    Args:
        lake: The lake.
        desk: The desk.
        day: Delivery day.
        moment: When, in the day or at its start.
        mode: Of the decisions whose schedules count.
        decided_by: Schedules of later decisions do not count.
    """
    before = load_area(desk.area).session().delivery_day_of(day.start - _AN_INSTANT)
    # Days enough to see how long a thermal unit has been on or off.
    reach = max((_memory_hours(unit) for unit in desk.units_of(ThermalUnit)), default=0)
    labels = [before.label - timedelta(days=n) for n in range(1 + math.ceil(reach / 23))]
    if moment > day.start:
        labels.append(day.label)
    rows = lake.current("bids.unit_schedules", scope=desk.name, delivery_day=labels, mode=mode)
    # Every session of a day leaves a schedule: the newest one holds.
    rows = (
        rows.filter(pl.col("period_start") < moment, pl.col("decision_time") <= decided_by)
        .sort("decision_time", maintain_order=True)
        .unique(["unit", "period_start"], keep="last", maintain_order=True)
    )
    states = {}
    for unit in desk.units:
        mine = rows.filter(pl.col("unit") == unit.name).sort("period_start")
        if mine.is_empty() or _end(mine.row(-1, named=True)) != moment:
            continue
        if isinstance(unit, BatteryUnit):
            energy = float(np.clip(mine["stored_energy_mwh"][-1], 0.0, unit.energy_mwh))
            of_day = mine.filter(pl.col("period_start") >= day.start)
            power = of_day["power_mw"].clip(lower_bound=0.0)
            hours = of_day["resolution_min"] / 60 / unit.discharge_efficiency
            states[unit.name] = StartState(
                energy_mwh=energy, drawn_mwh=float((power * hours).sum())
            )
        elif isinstance(unit, ThermalUnit):
            states[unit.name] = _thermal_state(unit, mine, moment)
    return states


def _memory_hours(unit: ThermalUnit) -> int:
    """How far back its state reaches: minimum times, and until a start is cold."""
    cold = 0 if unit.cold_start_cost is None else unit.cold_after_hours
    return max(unit.min_up_hours, unit.min_down_hours, cold)


def _end(row: dict[str, Any]) -> datetime:
    end: datetime = row["period_start"] + timedelta(minutes=row["resolution_min"])
    return end


def _thermal_state(unit: ThermalUnit, rows: pl.DataFrame, now: datetime) -> StartState:
    on = bool(rows["committed"][-1])
    switched = rows.filter(pl.col("committed") != on)
    since = rows["period_start"][0]
    if len(switched):
        since = switched["period_start"][-1] + timedelta(minutes=switched["resolution_min"][-1])
    hours = (now - since).total_seconds() / 3600
    # A unit in one state as far back as schedules go has been so for at least its minimum time.
    if switched.is_empty():
        hours = max(hours, float(unit.min_up_hours if on else unit.min_down_hours))
    power = float(rows["power_mw"][-1]) if on else 0.0
    return StartState(on=on, hours_in_state=hours, power_mw=power)
