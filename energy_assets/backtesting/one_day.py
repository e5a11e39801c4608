"""One delivery day of a replay: what strategies see, and what their orders earned.

Belongs here: forecasting the day once, clearing, scheduling, settling, and splitting profit by
unit. Not here: the loop over days (`replay`), what is bid (`strategies`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from energy_assets.backtesting.strategies import DayContext, Offer
from energy_assets.bidding.curves import order_set
from energy_assets.bidding.desk_problem import StartStates
from energy_assets.bidding.problem import FloatArray
from energy_assets.errors import InputError
from energy_assets.forecasting import scoring
from energy_assets.forecasting.day_ahead import Forecaster, forecast_day
from energy_assets.forecasting.targets import PRICE, output_units, target_names
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import Desk, LoadUnit
from energy_assets.quality.verdicts import system_series, unusable, verdicts
from energy_assets.trading.day_series import DaySeries
from energy_assets.trading.delivery import delivered_energy, schedule_award, settle_delivery
from energy_assets.trading.exchange import clear
from energy_assets.trading.ledger import profit_cents


@dataclass(frozen=True)
class DayOutcome:
    """What one strategy earned on one day.

    Attributes:
        profit: Currency, from the settlement's cents.
        awarded_mwh: Sum of absolute awarded energy.
        imbalance_mwh: Sum of absolute imbalance.
        by_unit: Profit attributed to each unit.
        end_states: Plant state after the day.
    """

    profit: float
    awarded_mwh: float
    imbalance_mwh: float
    by_unit: dict[str, float]
    end_states: StartStates


def day_context(known: PointInTime, desk: Desk, label: date, forecaster: Forecaster) -> DayContext:
    """Forecast a day at its decision time and lay out what came true.

    Raises:
        InputError: There is no clearing price for some MTU of the day.
    """
    session = load_area(desk.area).session()
    day = session.delivery_day(label)
    view = known.for_decision(desk.decision_time(label))
    found = verdicts(view, desk, label)
    reasons = {target: unusable(found, target) for target in target_names(desk)}
    forecast = forecast_day(
        view,
        desk,
        label,
        series=system_series(desk, label),
        forecaster=forecaster,
        unusable={target: reason for target, reason in reasons.items() if reason},
    )
    output = {u.name: actual_output(known, desk, day, u.name) for u in output_units(desk)}
    return DayContext(
        known=view,
        desk=desk,
        day=day,
        forecast=forecast,
        expected={u.name: forecast.scenarios.expected(u.name) for u in output_units(desk)},
        actual_prices=_clearing_prices(known, desk, day),
        actual_output={
            name: -path if isinstance(desk.unit(name), LoadUnit) else path
            for name, path in output.items()
        },
    )


def price_scores(context: DayContext) -> tuple[float, float]:
    """MAE and pinball99 of the day's price forecast."""
    forecast = context.forecast.targets[PRICE]
    return (
        scoring.mae(forecast.median, context.actual_prices),
        scoring.pinball99(forecast.quantiles, context.actual_prices),
    )


def settle_strategy(
    known: PointInTime, context: DayContext, states: StartStates, offer: Offer
) -> DayOutcome:
    """Clear, schedule and settle what one strategy offers.

    Args:
        known: Rows as of after the day (imbalance prices).
        context: The day.
        states: The strategy's plant state before it.
        offer: Its orders, and how it operates.
    """
    desk, day = context.desk, context.day
    area = load_area(desk.area)
    rules = area.session().curve_rules(day.label)
    orders = order_set(offer.curves, desk, day, rules, currency=area.currency)
    awards = clear(orders, _price_frame(day, context.actual_prices))
    delivery = offer.kept or schedule_award(
        context.known, desk, day, states, awards, offer.expected
    )
    injection = {
        name: -path if isinstance(desk.unit(name), LoadUnit) else path
        for name, path in context.actual_output.items()
    }
    energy = delivered_energy(desk, day, delivery, injection)
    cash = settle_delivery(desk, day, delivery, awards, energy, _imbalance_prices(known, desk, day))
    profit = profit_cents(cash) / 100
    imbalance = cash.filter(pl.col("component") == "imbalance")["volume_mwh"]
    return DayOutcome(
        profit=profit,
        awarded_mwh=float(awards["volume_mw"].abs().sum()) * day.mtu_minutes / 60,
        imbalance_mwh=float(imbalance.abs().sum()),
        by_unit=_by_unit(context, energy, cash, profit),
        end_states=delivery.schedule.end_states(delivery.problem),
    )


def actual_output(known: PointInTime, desk: Desk, day: DeliveryDay, unit: str) -> FloatArray:
    """Metered net injection of a unit by MTU, (T,) MW, as known now.

    Raises:
        InputError: Names the unit and the MTU without a reading.
    """
    readings = known.as_of(
        "raw.meter_readings", scope=desk.name, start=day.start, end=day.end, where={"unit": unit}
    )
    where = f"raw.meter_readings of {desk.name}: {unit} on {day.label}"
    energy = DaySeries.read(readings, "energy_mwh", day, where).amounts(day.mtu_minutes)
    return np.array([float(value) for value in energy]) * (60 / day.mtu_minutes)


def _by_unit(
    context: DayContext, energy: pl.DataFrame, cash: pl.DataFrame, profit: float
) -> dict[str, float]:
    """Energy at the day-ahead price less own costs; a lone unit carries everything."""
    units = [unit.name for unit in context.desk.units]
    if len(units) == 1:
        return {units[0]: profit}
    price = pl.DataFrame({"period_start": context.day.starts, "price": context.actual_prices})
    earned = (
        energy.sort("period_start")
        .join_asof(price.sort("period_start"), on="period_start")
        .group_by("unit", maintain_order=True)
        .agg((pl.col("energy_mwh") * pl.col("price")).sum())
    )
    costs = cash.filter(pl.col("unit").is_in(units)).group_by("unit")
    spent = dict(costs.agg(pl.col("cash_cents").sum() / 100).iter_rows())
    return {unit: value + spent.get(unit, 0.0) for unit, value in earned.iter_rows()}


def _clearing_prices(known: PointInTime, desk: Desk, day: DeliveryDay) -> FloatArray:
    rows = _prices_of_day(known, desk, day, "day_ahead")
    covered = int(rows["resolution_min"].sum())
    if covered != day.hours * 60:
        where = f"raw.market_prices of {desk.area} on {day.label}"
        raise InputError(where, expected=f"{day.hours * 60} minutes of prices", found=covered)
    starts = pl.DataFrame({"period_start": day.starts}, schema={"period_start": UTC_TIME})
    prices: FloatArray = starts.join_asof(rows, on="period_start")["price"].to_numpy()
    return prices


def _prices_of_day(known: PointInTime, desk: Desk, day: DeliveryDay, series: str) -> pl.DataFrame:
    return known.as_of(
        "raw.market_prices",
        scope=desk.area,
        start=day.start,
        end=day.end,
        where={"series": series},
        columns=["period_start", "resolution_min", "price"],
    )


def _imbalance_prices(known: PointInTime, desk: Desk, day: DeliveryDay) -> pl.DataFrame | None:
    if desk.imbalance.deviation_penalty is not None:
        return None
    return _prices_of_day(known, desk, day, "imbalance")


def _price_frame(day: DeliveryDay, prices: FloatArray) -> pl.DataFrame:
    return pl.DataFrame(
        {"period_start": day.starts, "resolution_min": day.mtu_minutes, "price": prices}
    )
