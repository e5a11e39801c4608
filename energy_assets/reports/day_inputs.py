"""What a day report is made of: frames in the tables' columns, and nothing computed twice.

The same inputs serve before the auction (no awards, no settlement) and after it; a chart whose
frame is absent is left out or drawn without its outcome.

Belongs here: the inputs and the facts derived from them. Not here: charts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from energy_assets.errors import InputError
from energy_assets.market import Area, DeliveryDay, OrderSet, load_area
from energy_assets.reports.time_axis import TimeAxis


@dataclass(frozen=True)
class RunRecord:
    """The row of `bids.bid_runs` whose orders are reported."""

    rung: str
    mode: str
    decision_time: datetime
    gate_closure: datetime
    expected_value: float | None
    cvar95: float | None
    solver_status: str
    objective: float | None
    bound: float | None
    gap: float | None
    seconds: float
    note: str
    input_hash: str
    configuration_hash: str
    model_versions: str
    code_version: str

    @property
    def models(self) -> str:
        """Names and versions of the models used, for people."""
        try:
            versions = json.loads(self.model_versions)
        except ValueError:
            return self.model_versions
        if not isinstance(versions, dict):
            return self.model_versions
        return ", ".join(f"{name} {str(version)[:10]}" for name, version in versions.items())


@dataclass(frozen=True)
class DayReportInputs:
    """Inputs of one report.

    Attributes:
        desk: Desk name.
        orders: The order set of the gate.
        bid_runs: Rows of `bids.bid_runs`, one per rung; the one with the orders' hash was used.
        price_quantiles: Rows of `forecasts.quantiles` of the price, one model; none where the last
            rung stood because the forecast failed.
        dispatch_plan: Rows of `bids.dispatch_plan`.
        verdicts: Rows of `quality.verdicts`.
        unit_kinds: Kind by unit name (wind, solar, thermal, battery, load), for colours and order.
        naive_prices: `period_start`, `resolution_min`, `price` of the naive benchmark.
        scores: Rows of `forecasts.scores`, once prices are known.
        awards: Rows of `trading.awards`, once cleared.
        schedules: Rows of `bids.unit_schedules`, once awarded.
        settlement: Rows of `trading.settlement`, once metered.
    """

    desk: str
    orders: OrderSet
    bid_runs: pl.DataFrame
    price_quantiles: pl.DataFrame
    dispatch_plan: pl.DataFrame
    verdicts: pl.DataFrame
    unit_kinds: Mapping[str, str] = field(default_factory=dict)
    naive_prices: pl.DataFrame | None = None
    scores: pl.DataFrame | None = None
    awards: pl.DataFrame | None = None
    schedules: pl.DataFrame | None = None
    settlement: pl.DataFrame | None = None

    @cached_property
    def area(self) -> Area:
        """The orders' market area."""
        return load_area(self.orders.area)

    @cached_property
    def day(self) -> DeliveryDay:
        """The orders' delivery day."""
        return self.area.session(self.orders.session).delivery_day(self.orders.delivery_day)

    @cached_property
    def axis(self) -> TimeAxis:
        """The time axis of every chart."""
        return TimeAxis(self.day)

    @property
    def price_unit(self) -> str:
        """Unit of prices."""
        return f"{self.orders.currency}/MWh"

    @cached_property
    def run(self) -> RunRecord:
        """The run that made the orders.

        Raises:
            InputError: If no run has the orders' hash.
        """
        rows = self.bid_runs.filter(pl.col("orders_sha256") == self.orders.sha256)
        if rows.is_empty():
            found = self.bid_runs["orders_sha256"].to_list()
            raise InputError("bid_runs", expected=f"orders {self.orders.sha256}", found=found)
        row: dict[str, Any] = rows.row(-1, named=True)
        names = RunRecord.__dataclass_fields__
        return RunRecord(**{name: row[name] for name in names})

    @property
    def quantile_minutes(self) -> int:
        """Period length of the price quantiles; the MTU where there was no price forecast."""
        if self.price_quantiles.is_empty():
            return self.day.mtu_minutes
        return resolution_of(self.price_quantiles)

    @cached_property
    def clearing_prices(self) -> list[float] | None:
        """Clearing price per MTU, once known."""
        if self.awards is None:
            return None
        return self.on_grid(self.awards, "price", self.day.mtu_minutes)

    def on_grid(self, frame: pl.DataFrame, column: str, minutes: int) -> list[float]:
        """A column in the day's time order; a period without a row is an error, not a guess.

        Raises:
            InputError: If the frame does not cover the day, or has a period twice.
        """
        values: dict[datetime, float] = dict(frame.select("period_start", column).iter_rows())
        if len(values) != len(frame):
            raise InputError(column, expected="one row per period", found=f"{len(frame)} rows")
        missing = [start for start in self.day.grid(minutes) if start not in values]
        if missing:
            where = f"{column}, MTU {missing[0].isoformat()}"
            raise InputError(where, expected="a value", found=f"{len(missing)} periods without")
        return [values[start] for start in self.day.grid(minutes)]


def resolution_of(frame: pl.DataFrame) -> int:
    """The one period length of a frame, minutes.

    Raises:
        InputError: If there are several.
    """
    lengths = frame["resolution_min"].unique().sort().to_list()
    if len(lengths) != 1:
        raise InputError("resolution_min", expected="one period length", found=lengths)
    return int(lengths[0])
