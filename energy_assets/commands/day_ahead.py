"""`day-ahead`: the chain for one delivery day, run as Dagster jobs on the shared instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from energy_assets.bidding.runs import orders_in_force
from energy_assets.commands.history import (
    Report,
    fetch_history,
    is_cold,
    open_lake,
    require_readable_feeds,
    train_missing,
)
from energy_assets.errors import InputError
from energy_assets.lakehouse.run_stamp import Mode, RunStamp
from energy_assets.market import DeliveryDay, OrderSet, load_area
from energy_assets.portfolio import Desk
from energy_assets.reports.runs import report_path
from energy_assets.settings import Settings
from energy_assets.trading.order_drop import write_drop
from energy_assets.trading.runs import decision_rows

SESSION = "day_ahead"
# Meters of a delivery day are in by nine the next morning.
_METERED_AFTER = timedelta(hours=10)


@dataclass(frozen=True)
class DayAheadResult:
    """What the chain made.

    Attributes:
        orders: The order set in force.
        day: The delivery day.
        run: Its row of `bids.bid_runs`.
        orders_file: JSON order file.
        report: HTML report.
        seconds: Wall seconds by step.
    """

    orders: OrderSet
    day: DeliveryDay
    run: dict[str, Any]
    orders_file: Path
    report: Path
    seconds: dict[str, float]

    def document(self) -> dict[str, Any]:
        """The JSON contract of `day-ahead --json`."""
        return {
            "delivery_day": self.day.label.isoformat(),
            "orders_sha256": self.orders.sha256,
            "expected_value": self.run["expected_value"],
            "cvar95": self.run["cvar95"],
            "rung": self.run["rung"],
            "report": str(self.report),
            "seconds": self.seconds,
            "orders": str(self.orders_file),
            "area": self.orders.area,
            "mode": self.run["mode"],
        }

    def curve_table(self) -> Table:
        """Net supply by hour at low, middle and high prices, for people."""
        area = load_area(self.orders.area)
        unit = f"{self.orders.currency}/MWh"
        synthetic = " · SYNTHETIC DATA" if area.synthetic else ""
        title = (
            f"{area.code} {self.day.label} · {self.run['rung']} · expected "
            f"{self.run['expected_value']:,.0f} {self.orders.currency} · CVaR "
            f"{self.run['cvar95']:,.0f}{synthetic}"
        )
        prices = _summary_prices(self.orders)
        table = Table("local", *(f"at {price:g} {unit}" for price in prices), title=title)
        rules = self.orders.rules
        for label, curve in zip(self.day.local_labels(), self.orders.curves, strict=True):
            if label[3:5] == "00":
                volumes = (
                    rules.volume_mw(curve.volume_ticks_at(price / rules.price_tick, rules.kind))
                    for price in prices
                )
                table.add_row(label, *(f"{volume:,.1f} MW" for volume in volumes))
        return table


def run_day_ahead(
    settings: Settings,
    desk: Desk,
    day: date | None,
    at: datetime | None,
    report: Report,
) -> DayAheadResult:
    """Run the chain for a delivery day; results and settlement too where the day is past.

    Args:
        settings: Where things are.
        desk: The desk.
        day: Delivery day; tomorrow in the area's zone by default.
        at: Decision time; the desk's own by default.
        report: Told about progress.

    Raises:
        EnergyAssetsError: Bad input or a failed run.
    """
    from energy_assets.definitions import build_defs
    from energy_assets.defs.launch import open_instance, run_job

    area = load_area(desk.area)
    now = datetime.now(UTC)
    label = day or now.astimezone(ZoneInfo(area.timezone)).date() + timedelta(days=1)
    _require_partition(desk.area, label)
    require_readable_feeds(settings, desk)
    session = area.session(SESSION)
    delivery = session.delivery_day(label)
    decision_time = (at or desk.decision_time(label)).astimezone(UTC)
    lake = open_lake(settings)
    if is_cold(lake, desk, label):
        fetch_history(lake, settings, desk, label, label, max(now, decision_time), report)
    instance = open_instance(settings.dagster_home, settings.root / "dagster.yaml")
    definitions = build_defs(settings, [desk], with_warehouse=False)
    mode: Mode = "live" if now <= session.gate_closure(label) else "replay"
    if mode == "live":
        train_missing(lake, settings, desk, label, now, report)
    tags = {
        "desk": desk.name,
        "delivery_day": label.isoformat(),
        "mode": mode,
        "decision_time": decision_time.isoformat(),
    }
    names = ["day_ahead"]
    if now >= delivery.end + _METERED_AFTER:
        names += ["results", "settlement"]
    seconds: dict[str, float] = {}
    for number, name in enumerate(names):
        report("jobs", number, len(names))
        run = run_job(definitions, instance, f"{name}__{desk.area}", label, tags)
        seconds |= {f"{name}.{step}": spent for step, spent in run.seconds.items()}
    report("jobs", len(names), len(names))
    stamp = RunStamp(SESSION, label, decision_time, "", mode)
    orders, rung = orders_in_force(lake, desk, stamp)
    runs = decision_rows(lake, "bids.bid_runs", desk, delivery, stamp)
    row = next(row for row in runs.iter_rows(named=True) if row["rung"] == rung)
    return DayAheadResult(
        orders=orders,
        day=delivery,
        run=row,
        orders_file=write_drop(orders, settings.orders, desk.name).json,
        report=report_path(settings.reports, desk, stamp),
        seconds=seconds,
    )


def _require_partition(area: str, day: date) -> None:
    from energy_assets.defs.partitions import delivery_days

    partitions = delivery_days(area)
    if not partitions.has_partition_key(day.isoformat()):
        first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
        expected = f"a delivery day of {area} from {first} to {last}"
        raise InputError("--delivery-day", expected=expected, found=day.isoformat())


def _summary_prices(orders: OrderSet) -> list[float]:
    """Few prices that show how the curves bend: zero and quartiles of their inner points."""
    inner = sorted(
        orders.rules.price(price) for curve in orders.curves for price, _ in curve.points[1:-1]
    )
    if not inner:
        return [0.0]
    picked = {round(inner[len(inner) * k // 8], -1) for k in (1, 3, 5, 7)}
    return sorted({0.0, *picked})
