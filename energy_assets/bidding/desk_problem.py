"""A desk's bidding problem for one delivery day, from its forecast and what else is known.

Belongs here: scenarios, outages, fuel costs and start states put together as a `BiddingProblem`,
and the problem of the last rung, which needs no forecast. Not here: forecasts (`forecasting`), the
solve (`stochastic`, `rungs`), rows (`records`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from energy_assets.bidding.problem import (
    BiddingProblem,
    FloatArray,
    SolverOptions,
    StartState,
    make_problem,
)
from energy_assets.bidding.shocks import ShockContext, with_stress
from energy_assets.curation.outages import as_if_available, lowered_power, output_shares
from energy_assets.errors import InputError
from energy_assets.forecasting.day_ahead import Scenarios
from energy_assets.forecasting.profiles import mtu_slots, slot_matrix, slots_per_day
from energy_assets.forecasting.targets import IMBALANCE_SPREAD, PRICE, OutputUnit, output_units
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay, load_area
from energy_assets.portfolio import BatteryUnit, Desk, LoadUnit, ThermalUnit
from energy_assets.quality.verdicts import FUEL_MAX_AGE, fuel_scope

StartStates = Mapping[str, StartState]
FALLBACK_DAYS = 7


def forecast_problem(
    known: PointInTime, desk: Desk, scenarios: Scenarios, start_states: StartStates
) -> BiddingProblem:
    """The stochastic problem of a delivery day.

    Args:
        known: Rows as of the decision (outages, fuel prices).
        desk: The desk.
        scenarios: Joint paths of price and unit output.
        start_states: State before the first MTU, from the previous day's plan; units left out
            start as the desk declares.

    The desk's stress cases join the scenarios at their weights.
    """
    prices = scenarios.paths[PRICE]
    fields: dict[str, Any] = {
        "prices": prices,
        "probabilities": scenarios.probabilities,
        "availability": {unit.name: scenarios.paths[unit.name] for unit in output_units(desk)},
    }
    if IMBALANCE_SPREAD in scenarios.paths:
        imbalance_price = prices + scenarios.paths[IMBALANCE_SPREAD]
        fields |= {"long_prices": imbalance_price, "short_prices": imbalance_price}
    problem = _problem(known, desk, scenarios.day, start_states, fields)
    if not desk.stress:
        return problem
    return with_stress(problem, desk.stress, shock_context(known, desk, scenarios.day))


def shock_context(known: PointInTime, desk: Desk, day: DeliveryDay) -> ShockContext:
    """What the shocks of a stress case need of a desk's delivery day.

    Raises:
        InputError: No close of a product was known within a week.
    """
    fuels = [unit.fuel for unit in desk.units_of(ThermalUnit) if unit.fuel is not None]
    products = sorted({name for fuel in fuels for name in (fuel.product, fuel.co2_product)})
    closes = {product: _last_close(known, desk, product) for product in products}
    return ShockContext(day.clock, closes)


def last_rung_problem(
    known: PointInTime, desk: Desk, day: DeliveryDay, start_states: StartStates
) -> BiddingProblem:
    """The problem of the price-independent rung: recent mean output, no price forecast.

    Wind, solar and load take the mean of their last metered week by time of day; without any meter
    reading, generation offers nothing and a load buys its peak. Prices are last week's mean by time
    of day, 0 without any: they value the schedule and do not change it.
    """
    outputs = recent_outputs(known, desk, day)
    fields: dict[str, Any] = {
        "prices": _recent_prices(known, desk, day)[None, :],
        "availability": {name: path[None, :] for name, path in outputs.items()},
    }
    if desk.imbalance.deviation_penalty is None:
        fields |= {"long_prices": fields["prices"], "short_prices": fields["prices"]}
    # This rung dispatches nothing that burns fuel by choice: a missing close must not stop it.
    fields["marginal_costs"] = {unit.name: 0.0 for unit in desk.units_of(ThermalUnit)}
    return _problem(known, desk, day, start_states, fields)


def path_problem(
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    start_states: StartStates,
    prices: FloatArray,
    availability: Mapping[str, FloatArray],
) -> BiddingProblem:
    """The plant and rules on one path of prices (T,) and outputs (T,): dispatch and benchmarks."""
    fields: dict[str, Any] = {
        "prices": prices[None, :],
        "availability": {name: path[None, :] for name, path in availability.items()},
    }
    if desk.imbalance.deviation_penalty is None:
        fields |= {"long_prices": fields["prices"], "short_prices": fields["prices"]}
    return _problem(known, desk, day, start_states, fields)


def _problem(
    known: PointInTime,
    desk: Desk,
    day: DeliveryDay,
    start_states: StartStates,
    fields: dict[str, Any],
) -> BiddingProblem:
    if "marginal_costs" not in fields:
        thermals = desk.units_of(ThermalUnit)
        fields["marginal_costs"] = {u.name: marginal_cost(known, desk, u) for u in thermals}
    return make_problem(
        f"desk {desk.name}, {day.label}",
        start=day.start,
        mtu_minutes=day.mtu_minutes,
        units=desk.units,
        imbalance=desk.imbalance,
        power_limits=power_limits(known, desk, day),
        start_states=dict(start_states),
        rules=load_area(desk.area).session().curve_rules(day.label),
        limits=desk.limits,
        risk_weight=desk.risk_weight,
        cvar_level=desk.cvar_level,
        price_points=desk.price_points,
        solver=SolverOptions(reduced_scenarios=desk.scenarios.reduced_count),
        **fields,
    )


def power_limits(known: PointInTime, desk: Desk, day: DeliveryDay) -> dict[str, FloatArray]:
    """Highest power (T,) of each battery and thermal unit that an outage lowers.

    Wind and solar output is scaled in the forecast (`curation.outages`), not limited here.
    """
    lowered = lowered_power(known, desk, day)
    names = [unit.name for unit in desk.units if isinstance(unit, BatteryUnit | ThermalUnit)]
    return {name: lowered[name] for name in names if name in lowered}


def marginal_cost(known: PointInTime, desk: Desk, unit: ThermalUnit) -> float:
    """Currency per MWh of electricity at the last closes known at the decision.

    Raises:
        InputError: No close of a product was known within a week.
    """
    if unit.fuel is None:
        return unit.marginal_cost()
    fuel, carbon = (
        _last_close(known, desk, product) for product in (unit.fuel.product, unit.fuel.co2_product)
    )
    return unit.marginal_cost(fuel, carbon)


def _last_close(known: PointInTime, desk: Desk, product: str) -> float:
    rows = known.as_of(
        "raw.fuel_prices",
        scope=fuel_scope(desk),
        start=known.decision_time - FUEL_MAX_AGE,
        where={"product": product},
    ).sort("price_date")
    if rows.is_empty():
        where = f"raw.fuel_prices: {product}"
        expected = f"a close within {FUEL_MAX_AGE.days} days of {known.decision_time.isoformat()}"
        raise InputError(where, expected=expected, found="none")
    return float(rows["price"][-1])


def recent_outputs(known: PointInTime, desk: Desk, day: DeliveryDay) -> dict[str, FloatArray]:
    """Output to expect without a forecast, per wind, solar and load unit, (T,) MW.

    The share of a plant that is out on the day is taken off what the whole plant made recently.
    """
    shares = output_shares(known, desk, day)
    return {
        unit.name: shares.get(unit.name, 1.0) * _recent_output(known, desk, day, unit)
        for unit in output_units(desk)
    }


def _recent_prices(known: PointInTime, desk: Desk, day: DeliveryDay) -> FloatArray:
    rows = known.as_of(
        "raw.market_prices",
        scope=desk.area,
        start=load_area(desk.area).session().delivery_day(_first(day)).start,
        end=day.start,
        where={"series": "day_ahead"},
    )
    return np.nan_to_num(_recent_mean(rows, "price", desk, day))


def _recent_output(
    known: PointInTime, desk: Desk, day: DeliveryDay, unit: OutputUnit
) -> FloatArray:
    """Mean metered power by MTU over the last week, MW (consumption for a load)."""
    readings = known.as_of(
        "raw.meter_readings",
        scope=desk.name,
        start=load_area(desk.area).session().delivery_day(_first(day)).start,
        end=day.start,
        where={"unit": unit.name},
    ).with_columns(power_mw=pl.col("energy_mwh") * 60 / pl.col("resolution_min"))
    if isinstance(unit, LoadUnit):
        sign, highest, absent = -1.0, unit.peak_mw, unit.peak_mw
    else:
        sign, highest, absent = 1.0, unit.capacity_mw, 0.0
    readings = as_if_available(known, desk, unit, readings)
    mean = sign * _recent_mean(readings, "power_mw", desk, day)
    return np.clip(np.where(np.isnan(mean), absent, mean), 0.0, highest)


def _first(day: DeliveryDay) -> date:
    return day.label - timedelta(days=FALLBACK_DAYS + 1)


def _recent_mean(rows: pl.DataFrame, value: str, desk: Desk, day: DeliveryDay) -> FloatArray:
    """Mean of the last days by time of day, (T,); NaN where nothing was known."""
    session = load_area(desk.area).session()
    slots = slots_per_day(day.mtu_minutes)
    last = day.label - timedelta(days=1)
    matrix = slot_matrix(rows, value, session, _first(day), last, slots)
    seen = np.isfinite(matrix)
    count = seen.sum(axis=0)
    mean = np.where(seen, matrix, 0.0).sum(axis=0) / np.maximum(count, 1)
    by_mtu: FloatArray = np.where(count > 0, mean, np.nan)[mtu_slots(day, session, slots)]
    return by_mtu
