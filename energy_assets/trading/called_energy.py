"""Reserve that is called, delivered on top of the schedule by the units that keep its award.

Each unit delivers the part of a call that it keeps of the award, as far as it can: a store that is
full or empty, or a plant at its limit, delivers less, and the rest is imbalance. Schedules and
calls of different resolutions meet on the finer grid.

Belongs here: who delivers which call. Not here: how much is called (`reserve_activations`), one
unit's limits (`plant`), wind, solar and load (`delivery`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from energy_assets.bidding.problem import FloatArray
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import BatteryUnit, Desk, ThermalUnit
from energy_assets.trading.day_series import DaySeries
from energy_assets.trading.plant import battery_power, controllable_units, meter_schedules
from energy_assets.trading.scheduling import Delivery


@dataclass(frozen=True)
class Operation:
    """What the plant does with a schedule once reserve is called.

    Attributes:
        day: The delivery day, on the finer grid of schedule and calls.
        power: Net injection by unit that follows its schedule, MW.
        called: What each unit is called for, upward positive, MW; units not called are left out.
    """

    day: DeliveryDay
    power: Mapping[str, FloatArray]
    called: Mapping[str, FloatArray]

    def meter(self, desk: Desk) -> pl.DataFrame:
        """Meter readings of the paper plant; see `meter_schedules`."""
        schema = {column.name: column.dtype for column in table("bids.unit_schedules").columns[:4]}
        frames = [
            pl.DataFrame(
                {
                    "unit": unit,
                    "period_start": self.day.starts,
                    "resolution_min": self.day.mtu_minutes,
                    "power_mw": power,
                },
                schema=schema,
            )
            for unit, power in self.power.items()
        ]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
        return meter_schedules(rows, controllable_units(desk.units), self.day)


def operate(
    desk: Desk, day: DeliveryDay, delivery: Delivery, activations: pl.DataFrame | None = None
) -> Operation:
    """Follow the schedule and deliver what is called.

    Args:
        desk: The desk.
        day: Delivery day.
        delivery: The schedule.
        activations: Own columns of `trading.reserve_activations`.
    """
    if activations is None or activations.is_empty():
        units = controllable_units(desk.units)
        return Operation(day, {name: delivery.schedule.power[name] for name in units}, {})
    minutes = min(day.mtu_minutes, *activations["resolution_min"].unique().to_list())
    fine = replace(day, mtu_minutes=int(minutes))
    repeats = day.mtu_minutes // fine.mtu_minutes
    called = _called_by_unit(fine, delivery, activations, repeats)
    power = {
        unit.name: _power(unit, fine, delivery, called.get(unit.name), repeats)
        for unit in desk.units
        if isinstance(unit, BatteryUnit | ThermalUnit)
    }
    return Operation(fine, power, called)


def _power(
    unit: BatteryUnit | ThermalUnit,
    fine: DeliveryDay,
    delivery: Delivery,
    called: FloatArray | None,
    repeats: int,
) -> FloatArray:
    """Net injection of a unit that follows its schedule and calls, on the finer grid."""
    planned: FloatArray = np.repeat(delivery.schedule.power[unit.name], repeats)
    if called is None:
        return planned
    problem = delivery.problem
    rating = unit.power_mw if isinstance(unit, BatteryUnit) else unit.capacity_mw
    limit = np.full(fine.mtu_count, rating)
    if unit.name in problem.power_limits:
        limit = np.repeat(problem.power_limits[unit.name], repeats)
    if isinstance(unit, ThermalUnit):
        return np.clip(planned + called, 0.0, limit)
    energy = problem.start_state(unit).energy_mwh
    assert energy is not None
    return battery_power(unit, planned, called, energy, limit, fine.mtu_minutes / 60)


def _called_by_unit(
    fine: DeliveryDay, delivery: Delivery, activations: pl.DataFrame, repeats: int
) -> dict[str, FloatArray]:
    called: dict[str, FloatArray] = {}
    for product, parts in delivery.shares.items():
        mine = activations.filter(pl.col("product") == product)
        if mine.is_empty():
            continue
        series = DaySeries.read(mine, "called_mw", fine, f"called {product}")
        total = np.array([float(value) for value in series.levels(fine.mtu_minutes)])
        for unit, part in parts.items():
            share = total * np.repeat(part, repeats)
            called[unit] = called.get(unit, np.zeros(len(total))) + share
    return called
