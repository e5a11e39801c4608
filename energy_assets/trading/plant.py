"""The paper plant: follows the schedule of every unit the desk controls, and meters it.

Only thermal units and batteries follow a schedule to the letter; wind, sun and load are metered by
a feed. Reserve that is called comes on top of the schedule, as far as a unit can: what a store has
not in it, or a plant cannot reach, is not delivered.

Belongs here: schedules and calls to meter readings. Not here: how schedules are made (`bidding`),
who delivers which call (`delivery`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from energy_assets.bidding.arrays import FloatArray
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


def battery_power(
    unit: BatteryUnit,
    planned: FloatArray,
    called: FloatArray,
    start_energy_mwh: float,
    power_limit: FloatArray,
    hours: float,
) -> FloatArray:
    """Power of a battery that follows its schedule and delivers calls, while it has the energy.

    Args:
        unit: The battery.
        planned: Scheduled net injection (T,) MW.
        called: What it is called for on top (T,) MW, upward positive.
        start_energy_mwh: Energy in store before the first period.
        power_limit: Highest power (T,) MW.
        hours: Length of a period.
    """
    wanted = np.clip(planned + called, -power_limit, power_limit)
    power, stored = np.zeros(len(wanted)), start_energy_mwh
    for period, value in enumerate(wanted.tolist()):
        most = max(stored, 0.0) * unit.discharge_efficiency / hours
        least = -max(unit.energy_mwh - stored, 0.0) / (unit.charge_efficiency * hours)
        power[period] = now = min(max(value, least), most)
        flow = now * unit.charge_efficiency if now < 0 else now / unit.discharge_efficiency
        stored -= flow * hours
    return power
