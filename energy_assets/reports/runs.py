"""The report step: read a decision's rows, write its HTML file.

Belongs here: which rows a report shows and where the file lies. Not here: the page (`day_report`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from energy_assets.bidding.runs import orders_in_force
from energy_assets.curation.desk_view import desk_view
from energy_assets.forecasting.targets import PRICE
from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.run_stamp import RunStamp
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk
from energy_assets.reports.day_inputs import DayReportInputs
from energy_assets.reports.day_report import day_report
from energy_assets.reports.page import write_report
from energy_assets.trading.runs import decision_rows

NAIVE_DAYS = 7


def report_path(folder: Path, desk: Desk, stamp: RunStamp) -> Path:
    """Where a delivery day's report lies."""
    name = f"{desk.name}.{stamp.session}.{stamp.delivery_day}.{stamp.mode}.html"
    return folder / name


def run_day_report(lake: Lake, desk: Desk, stamp: RunStamp, folder: Path) -> Path:
    """Write the report of a decision with what is known of it so far; returns the file."""
    session = load_area(desk.area).session(stamp.session)
    day = session.delivery_day(stamp.delivery_day)
    orders, rung = orders_in_force(lake, desk, stamp)

    def rows(table_id: str) -> pl.DataFrame:
        return decision_rows(lake, table_id, desk, day, stamp)

    quantiles = rows("forecasts.quantiles").filter(
        (pl.col("target") == PRICE) & ~pl.col("model").is_in(desk.forecast.members_of("price"))
    )
    inputs = DayReportInputs(
        desk=desk.name,
        orders=orders,
        bid_runs=rows("bids.bid_runs"),
        price_quantiles=quantiles,
        dispatch_plan=rows("bids.dispatch_plan").filter(pl.col("rung") == rung),
        verdicts=_verdicts(lake, desk, day, stamp),
        unit_kinds={unit.name: unit.kind for unit in desk.units},
        naive_prices=_naive_prices(lake, desk, day, stamp),
        scores=_some(rows("forecasts.scores")),
        awards=_some(rows("trading.awards")),
        schedules=_some(rows("bids.unit_schedules")),
        settlement=_some(rows("trading.settlement")),
    )
    path = report_path(folder, desk, stamp)
    write_report(path, day_report(inputs))
    return path


def _some(frame: pl.DataFrame) -> pl.DataFrame | None:
    return None if frame.is_empty() else frame


def _verdicts(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp) -> pl.DataFrame:
    # Verdicts are stored under the start of what they judged, weeks before the delivery day.
    return lake.read(
        "quality.verdicts",
        scope=desk.name,
        start=day.start - timedelta(days=60),
        end=day.end,
        where=stamp.where,
    )


def _naive_prices(lake: Lake, desk: Desk, day: DeliveryDay, stamp: RunStamp) -> pl.DataFrame | None:
    """Last week's prices at the same wall-clock time, where that day has the same grid."""
    before = (
        load_area(desk.area)
        .session(stamp.session)
        .delivery_day(day.label - timedelta(days=NAIVE_DAYS))
    )
    prices = desk_view(lake, desk, stamp.decision_time).as_of(
        "raw.market_prices",
        scope=desk.area,
        start=before.start,
        end=before.end,
        where={"series": "day_ahead"},
        columns=["period_start", "resolution_min", "price"],
    )
    if before.mtu_count != day.mtu_count or prices.height != day.mtu_count:
        return None
    return prices.with_columns(
        period_start=pl.Series(day.starts, dtype=prices["period_start"].dtype)
    )
