"""Settlement of one delivery day to the cent.

Per period and component, cash received is positive:

- day_ahead: awarded MW × hours × clearing price, per MTU;
- intraday_auction: the same, per auction;
- intraday: traded MW × hours × price of the trade, per MTU and side;
- reserve_capacity: awarded MW × hours of the block × price paid, per product;
- reserve_energy: energy called, upward positive × its price, per product;
- imbalance: (metered − position − called) MWh × imbalance price, per settlement period; the
  position is all that was sold in auctions and trades (`imbalance_prices` says which price);
- fuel_and_co2: − injected MWh × energy cost, per meter period of the unit;
- running: − hours on × running cost;
- start: − cost of a hot or cold start in each period a thermal unit comes on;
- wear: − discharged MWh × wear cost;
- load_shift: − MWh a flexible load was lowered by × shift cost.

Rounding: every row is computed in exact decimals and rounded once, to the cent, halves to even.
Totals are sums of rounded rows and nothing else, so report, ledger and backtest agree to the cent.

Market rows carry the unit `portfolio`, or the auction, side or product where a component has
several. Resolutions may differ: see `day_series`. Not here: totals (`ledger`), cost rates
(`unit_costs`).
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
from energy_assets.trading.day_series import DaySeries, energy_by_period, exact
from energy_assets.trading.imbalance_prices import ImbalanceTariff
from energy_assets.trading.positions import DAY_AHEAD, Sold
from energy_assets.trading.unit_costs import UnitCosts

MARKET_UNIT = "portfolio"
_COSTS = ("fuel_and_co2", "wear", "load_shift")
# Floats have at most 17 digits, so products of three of them stay exact.
_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_Row = tuple[datetime, int, str, str, float, float, int]


@dataclass(frozen=True)
class OtherMarkets:
    """What was sold of a delivery day beside its day-ahead auction, and called.

    Attributes:
        sold: Awards of intraday auctions by session, and trades.
        reserve_awards: Own columns of `trading.reserve_awards`.
        activations: Own columns of `trading.reserve_activations`.
    """

    sold: Sold = field(default_factory=lambda: Sold({}))
    reserve_awards: pl.DataFrame | None = None
    activations: pl.DataFrame | None = None


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
        others: What was sold in other markets, and called.
        lowered: `unit`, `period_start`, `resolution_min` and `energy_mwh` a flexible load was
            lowered by.
    """

    day: DeliveryDay
    awards: pl.DataFrame
    meter_readings: pl.DataFrame
    units: tuple[str, ...]
    imbalance: ImbalanceTariff
    costs: tuple[UnitCosts, ...] = ()
    schedules: pl.DataFrame | None = field(default=None)
    settlement_minutes: int | None = None
    others: OtherMarkets = field(default_factory=OtherMarkets)
    lowered: pl.DataFrame | None = None


def settle(inputs: SettlementInputs) -> pl.DataFrame:
    """Cash of one delivery day.

    Returns:
        The own columns of `trading.settlement`. Day-ahead and imbalance have a row in every period,
        others only where there is energy, a start or an hour on. Starts and hours on have no
        energy: their `price` is the cost of the start, or of an hour. The volume of reserve
        capacity is MW times hours.

    Raises:
        InputError: Names the series, unit and MTU that is missing, double or of a wrong length.
    """
    _require_known_units(inputs)
    with localcontext(_EXACT):
        meters = {unit: _meter(unit, inputs) for unit in inputs.units}
        rows = [*_day_ahead(inputs), *_other_markets(inputs.others), *_imbalance(inputs, meters)]
        for costs in inputs.costs:
            rows.extend(_energy_costs(costs, meters[costs.unit], inputs.day))
            rows.extend(_hours_on(costs, meters[costs.unit], inputs))
            rows.extend(_load_shift(costs, inputs))
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
    sign = -1 if component in _COSTS else 1
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


def _other_markets(others: OtherMarkets) -> Iterator[_Row]:
    for session, awards in others.sold.awards.items():
        yield from _priced(awards, "intraday_auction", pl.lit(session), "volume_mw")
    yield from _trades(others.sold.trades)
    if others.reserve_awards is not None:
        product = pl.col("product")
        yield from _priced(others.reserve_awards, "reserve_capacity", product, "volume_mw")
    if others.activations is not None:
        yield from _priced(others.activations, "reserve_energy", pl.col("product"), "called_mw")


def _priced(rows: pl.DataFrame, component: str, unit: pl.Expr, power: str) -> Iterator[_Row]:
    """Power times hours times price of each row that has power."""
    columns = ("period_start", "resolution_min", power, "price")
    for start, minutes, volume, price, name in rows.select(*columns, unit=unit).iter_rows():
        if volume:
            energy = exact(volume) * _hours(minutes)
            yield _row(start, minutes, component, name, energy, exact(price))


def _trades(trades: pl.DataFrame) -> Iterator[_Row]:
    """One row per MTU and side; its price is the mean of what was traded."""
    groups: dict[tuple[datetime, int, str], list[tuple[Decimal, Decimal]]] = {}
    for start, minutes, side, price, volume in trades.select(
        "period_start", "resolution_min", "side", "price", "volume_mw"
    ).iter_rows():
        sign = 1 if side == "sale" else -1
        energy = sign * exact(volume) * _hours(minutes)
        groups.setdefault((start, minutes, side), []).append((energy, exact(price)))
    for (start, minutes, side), parts in sorted(groups.items()):
        energy = sum((part for part, _ in parts), Decimal())
        cash = sum((part * price for part, price in parts), Decimal())
        mean = float(cash / energy) if energy else 0.0
        yield start, minutes, "intraday", side, float(energy), mean, cents(cash)


def _imbalance(inputs: SettlementInputs, meters: dict[str, DaySeries]) -> Iterator[_Row]:
    awarded = DaySeries.read(inputs.awards, "volume_mw", inputs.day, "award volume")
    minutes = inputs.settlement_minutes or awarded.minutes
    sold = Sold({DAY_AHEAD: inputs.awards, **inputs.others.sold.awards}, inputs.others.sold.trades)
    position = sold.energies(inputs.day, minutes)
    called = _called(inputs, minutes)
    prices = _imbalance_prices(inputs, minutes)
    metered = [meter.amounts(minutes) for meter in meters.values()]
    for index, start in enumerate(inputs.day.grid(minutes)):
        injected = sum((energy[index] for energy in metered), Decimal())
        volume = injected - position[index] - called[index]
        long_price, short_price = prices[index]
        price = long_price if volume >= 0 else short_price
        yield _row(start, minutes, "imbalance", MARKET_UNIT, volume, price)


def _called(inputs: SettlementInputs, minutes: int) -> tuple[Decimal, ...]:
    """Reserve energy called in each settlement period, MWh."""
    rows: list[tuple[datetime, int, Decimal]] = []
    activations = inputs.others.activations
    if activations is not None:
        calls = activations.select("period_start", "resolution_min", "called_mw")
        rows = [(start, length, exact(mw) * _hours(length)) for start, length, mw in calls.rows()]
    return energy_by_period(rows, inputs.day, minutes, "called reserve")


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


def _hours_on(costs: UnitCosts, meter: DaySeries, inputs: SettlementInputs) -> Iterator[_Row]:
    """Starts, and what being on costs beside the energy."""
    if not (costs.start_cost or costs.cold_start_cost or costs.running_cost):
        return
    minutes, states = _on_states(costs.unit, meter, inputs)
    before, minutes_off = costs.on_before, round(60 * costs.hours_off_before)
    hourly = exact(costs.running_cost)
    for start, on in zip(inputs.day.grid(minutes), states, strict=True):
        if on and not before:
            price = exact(costs.cost_of_start(minutes_off / 60))
            yield start, minutes, "start", costs.unit, 0.0, float(price), -cents(price)
        if on and hourly:
            cash = -cents(hourly * _hours(minutes))
            yield start, minutes, "running", costs.unit, 0.0, float(hourly), cash
        before, minutes_off = on, 0 if on else minutes_off + minutes


def _load_shift(costs: UnitCosts, inputs: SettlementInputs) -> Iterator[_Row]:
    if costs.shift_cost == 0 or inputs.lowered is None:
        return
    mine = inputs.lowered.filter(pl.col("unit") == costs.unit)
    for start, minutes, energy in mine.select(
        "period_start", "resolution_min", "energy_mwh"
    ).iter_rows():
        if energy > 0:
            price = exact(costs.shift_cost)
            yield _row(start, minutes, "load_shift", costs.unit, exact(energy), price)


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
