"""The paper plant: follows the schedule of every unit the desk controls, and meters it.

Only thermal units and batteries follow a schedule to the letter; wind, sun and load are metered by
a feed.

Belongs here: schedules to meter readings. Not here: how schedules are made (`bidding`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import polars as pl

from energy_assets.lakehouse.tables import UTC_TIME, table
from energy_assets.market.clock import DeliveryDay
from energy_assets.portfolio import BatteryUnit, ThermalUnit, Unit
from energy_assets.trading.day_series import DaySeries

SOURCE = "paper_plant"
METER_DELAY = timedelta(hours=9)


def controllable_units(units: Iterable[Unit]) -> tuple[str, ...]:
    """Names of the units that follow a schedule: thermal units and batteries."""
    return tuple(unit.name for unit in units if isinstance(unit, ThermalUnit | BatteryUnit))


def meter_schedules(
    schedules: pl.DataFrame, units: Sequence[str], day: DeliveryDay
) -> pl.DataFrame:
    """Meter readings of units that follow their schedules.

    Args:
        schedules: Own columns of `bids.unit_schedules`; other units are ignored.
        units: Names of the units to meter.
        day: The delivery day; every unit must be scheduled in each of its periods.

    Returns:
        Own columns of `raw.meter_readings` with `source`, `knowledge_time` (end of the delivery
        day plus nine hours) and `knowledge_basis`.

    Raises:
        InputError: Names the unit and MTU whose schedule is missing, double or foreign.
    """
    rows: list[tuple[str, datetime, int, float]] = []
    for unit in units:
        schedule = schedules.filter(pl.col("unit") == unit)
        power = DaySeries.read(schedule, "power_mw", day, f"schedule of {unit}")
        rows.extend(
            (unit, start, power.minutes, float(value * power.minutes / 60))
            for start, value in zip(day.grid(power.minutes), power.values, strict=True)
        )
    schema = {column.name: column.dtype for column in table("raw.meter_readings").columns}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        source=pl.lit(SOURCE),
        knowledge_time=pl.lit(day.end + METER_DELAY, dtype=UTC_TIME),
        knowledge_basis=pl.lit("rule"),
    )
