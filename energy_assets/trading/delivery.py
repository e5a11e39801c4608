"""From a schedule to delivered energy and cash.

Units the desk controls keep their schedule and deliver reserve that is called on top; the rest is
imbalance. Delivered energy of wind, solar and load is what their meter says, capped where the
schedule curtailed them; a flexible load's meter is its baseline, so what the schedule lowers is
taken off it.

Belongs here: those two steps, used by the daily jobs and by backtests alike. Not here: schedules
(`scheduling`), calls (`called_energy`), rounding and prices (`settlement`, `imbalance_prices`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from energy_assets.bidding.problem import FloatArray
from energy_assets.bidding.records import schedule_rows
from energy_assets.lakehouse.tables import table
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit, SolarUnit, WindUnit
from energy_assets.trading.called_energy import operate
from energy_assets.trading.imbalance_prices import DeviationPenalty, ImbalanceTariff, SinglePrices
from energy_assets.trading.scheduling import Delivery, schedule_award
from energy_assets.trading.settlement import OtherMarkets, SettlementInputs, settle
from energy_assets.trading.unit_costs import unit_costs

__all__ = ["Delivery", "delivered_energy", "schedule_award", "settle_delivery"]

# A plan this far below the expected output was meant as curtailment, not as rounding.
_CURTAILED_MW = 0.05


def delivered_energy(
    desk: Desk,
    day: DeliveryDay,
    delivery: Delivery,
    metered: Mapping[str, FloatArray],
    activations: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Energy of every unit as settled, own columns of `raw.meter_readings`.

    Args:
        desk: The desk.
        day: Delivery day.
        delivery: The schedule.
        metered: Per wind, solar and load unit, net injection by MTU, (T,) MW; of a flexible load
            its baseline.
        activations: Own columns of `trading.reserve_activations`.
    """
    operation = operate(desk, day, delivery, activations)
    columns = [column.name for column in table("raw.meter_readings").columns]
    followed = operation.meter(desk).select(columns)
    frames = [followed]
    fine = operation.day
    repeats = day.mtu_minutes // fine.mtu_minutes
    for name, injection in metered.items():
        called = operation.called.get(name, np.zeros(fine.mtu_count))
        power = _output(desk, delivery, name, injection, called, repeats)
        frames.append(
            pl.DataFrame(
                {
                    "unit": name,
                    "period_start": fine.starts,
                    "resolution_min": fine.mtu_minutes,
                    "energy_mwh": power * fine.mtu_minutes / 60,
                },
                schema=followed.schema,
            )
        )
    return pl.concat(frames)


def _output(
    desk: Desk,
    delivery: Delivery,
    name: str,
    injection: FloatArray,
    called: FloatArray,
    repeats: int,
) -> FloatArray:
    """Net injection of a wind, solar or load unit on the finer grid, MW."""
    unit = desk.unit(name)
    if isinstance(unit, WindUnit | SolarUnit):
        plan = delivery.schedule.power[name]
        curtailed = plan < delivery.expected[name] - _CURTAILED_MW
        capped = np.where(curtailed, np.minimum(injection, plan), injection)
        if not called.any():
            return np.repeat(capped, repeats)
        most = np.repeat(np.maximum(injection, 0.0), repeats)
        return np.clip(np.repeat(capped, repeats) + called, 0.0, most)
    if isinstance(unit, LoadUnit) and unit.flexibility is not None:
        shifted = np.repeat(injection + _shift(delivery, name), repeats) + called
        return np.minimum(shifted, 0.0)
    return np.repeat(injection, repeats)


def _shift(delivery: Delivery, load: str) -> FloatArray:
    """What a flexible load is to be lowered by, raised negative, (T,) MW."""
    shift: FloatArray = delivery.schedule.power[load] + delivery.expected[load]
    return shift


def settle_delivery(
    desk: Desk,
    day: DeliveryDay,
    delivery: Delivery,
    awards: pl.DataFrame,
    energy: pl.DataFrame,
    imbalance_prices: pl.DataFrame | None,
    others: OtherMarkets | None = None,
) -> pl.DataFrame:
    """Cash of a delivered day, own columns of `trading.settlement`.

    Args:
        desk: The desk.
        day: Delivery day.
        delivery: The schedule; its problem holds the unit costs.
        awards: Own columns of `trading.awards` of the day-ahead auction.
        energy: From `delivered_energy`.
        imbalance_prices: `period_start`, `resolution_min`, `price`, where the area has them; else
            the desk's deviation penalty holds.
        others: What was sold in other markets, and called.
    """
    others = others or OtherMarkets()
    return settle(
        SettlementInputs(
            day=day,
            awards=awards,
            meter_readings=energy,
            units=tuple(unit.name for unit in desk.units),
            imbalance=_tariff(desk, imbalance_prices),
            costs=unit_costs(delivery.problem),
            schedules=schedule_rows(day, delivery.schedule),
            settlement_minutes=_settlement_minutes(desk, day, imbalance_prices),
            others=others,
            lowered=_lowered(desk, day, delivery, others.activations),
        )
    )


def _lowered(
    desk: Desk, day: DeliveryDay, delivery: Delivery, activations: pl.DataFrame | None
) -> pl.DataFrame | None:
    """Energy that flexible loads were told to take off, calls included."""
    loads = [unit.name for unit in desk.units_of(LoadUnit) if unit.flexibility is not None]
    if not loads:
        return None
    operation = operate(desk, day, delivery, activations)
    fine, repeats = operation.day, day.mtu_minutes // operation.day.mtu_minutes
    frames = []
    for name in loads:
        called = operation.called.get(name, np.zeros(fine.mtu_count))
        told = np.maximum(np.repeat(_shift(delivery, name), repeats) + called, 0.0)
        energy = np.round(told * fine.mtu_minutes / 60, 9)
        frame = {"period_start": fine.starts, "resolution_min": fine.mtu_minutes}
        frames.append(pl.DataFrame({"unit": name, **frame, "energy_mwh": energy}))
    return pl.concat(frames)


def _tariff(desk: Desk, imbalance_prices: pl.DataFrame | None) -> ImbalanceTariff:
    if imbalance_prices is not None:
        return SinglePrices(imbalance_prices)
    return DeviationPenalty(desk.imbalance.deviation_penalty or 0.0)


def _settlement_minutes(
    desk: Desk, day: DeliveryDay, imbalance_prices: pl.DataFrame | None
) -> int | None:
    rules = load_area(desk.area).imbalance
    if rules is None or imbalance_prices is None:
        return None
    return rules.on(day.label).isp_minutes
