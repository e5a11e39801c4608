"""Settlement of one delivery day to the cent.

Per period and component, cash received is positive:

- day_ahead: awarded MW × hours × clearing price, per MTU;
- imbalance: (metered − position) MWh × imbalance price, per settlement period; the position is the
  awarded power over the settlement period (`imbalance_prices` says which price);
- fuel_and_co2: − injected MWh × energy cost, per meter period of the unit;
- start: − start cost in each period a thermal unit comes on;
- wear: − discharged MWh × wear cost.

Rounding: every row is computed in exact decimals and rounded once, to the cent, halves to even.
Totals are sums of rounded rows and nothing else, so report, ledger and backtest agree to the cent.

Resolutions may differ: see `day_series`. Not here: totals (`ledger`), cost rates (`unit_costs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse.tables import table
from energy_assets.market.clock import DeliveryDay
from energy_assets.trading.day_series import DaySeries, exact
from energy_assets.trading.imbalance_prices import ImbalanceTariff
from energy_assets.trading.unit_costs import UnitCosts

MARKET_UNIT = "portfolio"
_MARKET_COMPONENTS = ("day_ahead", "imbalance")
# Floats have at most 17 digits, so products of three of them stay exact.
_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_Row = tuple[datetime, int, str, str, float, float, int]


@dataclass(frozen=True)
class SettlementInputs:
    """Everything one day's settlement reads.

    Attributes:
        day: The session's delivery day.
        awards: Own columns of `trading.awards`.
        meter_readings: Own columns of `raw.meter_readings`, the revision in force only.
        units: Every unit of the desk; each must be metered in each period of the day.
        imbalance: How deviations are priced.
        costs: Cost rates of the units.
        schedules: Own columns of `bids.unit_schedules`; where a thermal unit has `committed`
            there, starts follow it, else the meter (on while it injects).
        settlement_minutes: Imbalance settlement period; the award's MTU where left out.
    """

    day: DeliveryDay
    awards: pl.DataFrame
    meter_readings: pl.DataFrame
    units: tuple[str, ...]
    imbalance: ImbalanceTariff
    costs: tuple[UnitCosts, ...] = ()
    schedules: pl.DataFrame | None = field(default=None)
    settlement_minutes: int | None = None


def settle(inputs: SettlementInputs) -> pl.DataFrame:
    """Cash of one delivery day.

    Returns:
        The own columns of `trading.settlement`. Day-ahead and imbalance have a row in every period,
        costs only where there is energy or a start. A start has no energy: its `price` is the cost
        of the start.

    Raises:
        InputError: Names the series, unit and MTU that is missing, double or of a wrong length.
    """
    _require_known_units(inputs)
    with localcontext(_EXACT):
        meters = {unit: _meter(unit, inputs) for unit in inputs.units}
        rows = [*_day_ahead(inputs), *_imbalance(inputs, meters)]
        for costs in inputs.costs:
            rows.extend(_energy_costs(costs, meters[costs.unit], inputs.day))
            rows.extend(_starts(costs, meters[costs.unit], inputs))
    schema = {column.name: column.dtype for column in table("trading.settlement").columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def cents(amount: Decimal) -> int:
    """An amount of currency in cents, halves to even."""
    return int((amount * 100).to_integral_value(ROUND_HALF_EVEN))


def _require_known_units(inputs: SettlementInputs) -> None:
    metered = set(inputs.meter_readings["unit"].unique().to_list())
    for where, names in (
        ("meter readings", metered),
        ("unit costs", {costs.unit for costs in inputs.costs}),
    ):
        unknown = sorted(names - set(inputs.units))
        if unknown:
            expected = f"units {', '.join(inputs.units)}"
            raise InputError(where, expected=expected, found=", ".join(unknown))


def _meter(unit: str, inputs: SettlementInputs) -> DaySeries:
    readings = inputs.meter_readings.filter(pl.col("unit") == unit)
    return DaySeries.read(readings, "energy_mwh", inputs.day, f"meter of {unit}")


def _row(
    start: datetime, minutes: int, component: str, unit: str, volume: Decimal, price: Decimal
) -> _Row:
    sign = 1 if component in _MARKET_COMPONENTS else -1
    cash = cents(sign * volume * price)
    return start, minutes, component, unit, float(volume), float(price), cash


def _hours(minutes: int) -> Decimal:
    return Decimal(minutes) / 60


def _day_ahead(inputs: SettlementInputs) -> Iterator[_Row]:
    volume = DaySeries.read(inputs.awards, "volume_mw", inputs.day, "award volume")
    price = DaySeries.read(inputs.awards, "price", inputs.day, "award price")
    hours = _hours(volume.minutes)
    for start, power, level in zip(
        inputs.day.grid(volume.minutes), volume.values, price.values, strict=True
    ):
        yield _row(start, volume.minutes, "day_ahead", MARKET_UNIT, power * hours, level)


def _imbalance(inputs: SettlementInputs, meters: dict[str, DaySeries]) -> Iterator[_Row]:
    awarded = DaySeries.read(inputs.awards, "volume_mw", inputs.day, "award volume")
    minutes = inputs.settlement_minutes or awarded.minutes
    hours = _hours(awarded.minutes)
    energies = tuple(power * hours for power in awarded.values)
    position = DaySeries("position", awarded.minutes, energies).amounts(minutes)
    prices = _imbalance_prices(inputs, minutes)
    metered = [meter.amounts(minutes) for meter in meters.values()]
    for index, start in enumerate(inputs.day.grid(minutes)):
        volume = sum((energy[index] for energy in metered), Decimal()) - position[index]
        long_price, short_price = prices[index]
        price = long_price if volume >= 0 else short_price
        yield _row(start, minutes, "imbalance", MARKET_UNIT, volume, price)


def _imbalance_prices(
    inputs: SettlementInputs, minutes: int
) -> tuple[tuple[Decimal, Decimal], ...]:
    day_ahead = DaySeries.read(inputs.awards, "price", inputs.day, "award price")
    # Only the penalty rule reads day-ahead prices: a settlement period longer than the MTU has
    # none, and that must not stop areas with a published imbalance price.
    finer = day_ahead.levels(minutes) if day_ahead.minutes % minutes == 0 else ()
    pairs = inputs.imbalance.pairs(inputs.day, minutes, finer)
    if not pairs:
        expected = f"day-ahead prices that hold for {minutes}-min settlement periods"
        raise InputError("imbalance price", expected=expected, found=f"{day_ahead.minutes} min")
    return pairs


def _energy_costs(costs: UnitCosts, meter: DaySeries, day: DeliveryDay) -> Iterator[_Row]:
    rates = (("fuel_and_co2", costs.energy_cost), ("wear", costs.wear_cost))
    for component, rate in rates:
        if rate == 0:
            continue
        for start, energy in zip(day.grid(meter.minutes), meter.values, strict=True):
            if energy > 0:
                yield _row(start, meter.minutes, component, costs.unit, energy, exact(rate))


def _starts(costs: UnitCosts, meter: DaySeries, inputs: SettlementInputs) -> Iterator[_Row]:
    if costs.start_cost == 0:
        return
    minutes, states = _on_states(costs.unit, meter, inputs)
    price = exact(costs.start_cost)
    before = costs.on_before
    for start, on in zip(inputs.day.grid(minutes), states, strict=True):
        if on and not before:
            yield start, minutes, "start", costs.unit, 0.0, float(price), -cents(price)
        before = on


def _on_states(
    unit: str, meter: DaySeries, inputs: SettlementInputs
) -> tuple[int, tuple[bool, ...]]:
    if inputs.schedules is not None:
        plan = inputs.schedules.filter(pl.col("unit") == unit)
        if len(plan) and plan["committed"].null_count() == 0:
            numbers = plan.with_columns(pl.col("committed").cast(pl.Float64))
            series = DaySeries.read(numbers, "committed", inputs.day, f"commitment of {unit}")
            return series.minutes, tuple(value > 0 for value in series.values)
    return meter.minutes, tuple(energy > 0 for energy in meter.values)
