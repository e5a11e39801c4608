"""The arrays the equations use, made once from a checked problem.

Scenarios are put into one canonical order here, so that the order they arrive in cannot change a
result, not even between equally good optima. Forced output (load, plant that cannot be curtailed)
is one constant net injection.

Not here: checks (`problem`), equations (`model`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.market_data import (
    BlockData,
    IntradayData,
    ReserveData,
    block_data,
    intraday_data,
    reserve_data,
)
from energy_assets.bidding.markets import ReserveMarket
from energy_assets.bidding.price_grid import IntArray, PriceGrid, price_grid
from energy_assets.bidding.problem import BiddingProblem, StartState
from energy_assets.portfolio.units import (
    BatteryUnit,
    LoadFlexibility,
    LoadUnit,
    SolarUnit,
    ThermalUnit,
    Unit,
    WindUnit,
)


@dataclass(frozen=True)
class RenewableData:
    """A curtailable unit: available power (S, T) MW, cost in currency/MWh."""

    name: str
    available: FloatArray
    variable_cost: float


@dataclass(frozen=True)
class BatteryData:
    """A battery: its figures, highest power (T,) MW, energy and what was drawn before, MWh."""

    unit: BatteryUnit
    power_limit: FloatArray
    start_energy: float
    drawn: float = 0.0

    def most_drawn(self, days: int) -> float:
        """What may still be drawn from store in so many delivery days, MWh."""
        cycles = self.unit.max_cycles_per_day
        if cycles is None:
            return np.inf
        return max(0.0, cycles * self.unit.energy_mwh * days - self.drawn)


@dataclass(frozen=True)
class FlexibleLoadData:
    """A flexible load.

    Attributes:
        name: Unit.
        flexibility: Its figures.
        lower: How far it can be lowered (S, T) MW.
        raise_: How far it can be raised (S, T) MW.
        shifted: Energy taken off before and not made up for, MWh.
        window_ends: MTUs by whose end everything is made up for; the last one is among them.
    """

    name: str
    flexibility: LoadFlexibility
    lower: FloatArray
    raise_: FloatArray
    shifted: float
    window_ends: IntArray


@dataclass(frozen=True)
class ThermalData:
    """A thermal unit.

    Attributes:
        unit: Its figures.
        power_limit: Highest power (T,) MW.
        marginal_cost: At capacity (T,), currency/MWh.
        on: Start state.
        hours_in_state: Hours in that state.
        start_power: Power before the first MTU, MW.
        case_of: Commitment case of each scenario (S,); all 0 where it is the first stage's.
    """

    unit: ThermalUnit
    power_limit: FloatArray
    marginal_cost: FloatArray
    on: bool
    hours_in_state: float
    start_power: float
    case_of: IntArray

    @property
    def case_count(self) -> int:
        """Number of commitments."""
        return int(self.case_of.max()) + 1

    @property
    def energy_cost(self) -> FloatArray:
        """Slope of the fuel line (T,), currency/MWh."""
        unit = self.unit
        room = unit.capacity_mw - unit.min_power_mw
        if unit.part_load_efficiency == 1.0 or unit.min_power_mw == 0 or room == 0:
            return self.marginal_cost
        # Through (Pmin, Pmin c / share) and (Pmax, Pmax c).
        at_minimum = unit.min_power_mw / unit.part_load_efficiency
        slope: FloatArray = self.marginal_cost * (unit.capacity_mw - at_minimum) / room
        return slope

    @property
    def running_cost(self) -> FloatArray:
        """What running costs without any output (T,), currency per hour."""
        cost: FloatArray = (self.marginal_cost - self.energy_cost) * self.unit.capacity_mw
        return cost

    @property
    def cold_start_cost(self) -> float:
        """Currency of a cold start."""
        cold = self.unit.cold_start_cost
        return self.unit.start_cost if cold is None else cold

    @property
    def outage_mw(self) -> FloatArray:
        """Fall of the highest power into each MTU (T,)."""
        limit = self.power_limit
        fall: FloatArray = np.maximum(-np.diff(limit, prepend=limit[0]), 0.0)
        return fall

    def ramp_up_mw(self, hours: float) -> float:
        """Largest rise from one MTU of so many hours to the next."""
        ramp = self.unit.ramp_up_mw_per_hour
        capacity = self.unit.capacity_mw
        return capacity if ramp is None else min(ramp * hours, capacity)

    def ramp_down_mw(self, hours: float) -> float:
        """Largest fall from one MTU to the next."""
        ramp = self.unit.ramp_down_mw_per_hour
        capacity = self.unit.capacity_mw
        return capacity if ramp is None else min(ramp * hours, capacity)

    def start_limit_mw(self, hours: float) -> float:
        """Most power in the first MTU on."""
        limit = self.unit.start_power_limit_mw
        return max(self.unit.min_power_mw, self.ramp_up_mw(hours)) if limit is None else limit

    def stop_limit_mw(self, hours: float) -> float:
        """Most power in the last MTU on."""
        limit = self.unit.stop_power_limit_mw
        return max(self.unit.min_power_mw, self.ramp_down_mw(hours)) if limit is None else limit

    def start_costs(self, on: FloatArray) -> FloatArray:
        """Cost of the starts of commitments (C, H), (C,)."""
        costs = np.zeros(len(on))
        for case, path in enumerate(on):
            off_hours = 0.0 if self.on else self.hours_in_state
            running = self.on
            for now in path > 0.5:
                if now and not running:
                    is_hot = off_hours < self.unit.cold_after_hours
                    costs[case] += self.unit.start_cost if is_hot else self.cold_start_cost
                off_hours = 0.0 if now else off_hours + 1.0
                running = bool(now)
        return costs


@dataclass(frozen=True)
class ModelData:
    """Everything the equations use; S scenarios in canonical order, T MTUs.

    Attributes:
        order: Position of each canonical scenario in the problem (S,).
        hours: Length of an MTU in hours.
        probability: (S,).
        price: Day-ahead price (S, T).
        long_price: What a surplus earns in settlement (S, T).
        short_price: What a deficit costs in settlement (S, T).
        aversion: What the model takes off and adds to those two.
        forced: Net injection that is not a decision (S, T) MW.
        earlier: Net sale of earlier sessions and obligations (T,) MW.
        renewables: Curtailable units.
        loads: Flexible loads.
        batteries: Batteries.
        thermals: Thermal units.
        grid: Price points, or None where no curve is offered.
        position: The auction's position (S, T) MW where it is known, or None.
        blocks: Block orders that may be offered, or None.
        reserves: Reserve products.
        intraday: The ladder, or None.
        lowest: Least volume of the curve (T,) MW: purchase limit or what the plant can take.
        highest: Most volume of the curve (T,) MW.
        position_limits: Least and most net sale of all sessions, MW.
        max_imbalance: MW in either direction.
        excess_price: What the model pays per MWh beyond that.
        risk_weight: Weight of the conditional value at risk.
        cvar_level: Its level.
    """

    order: IntArray
    hours: float
    probability: FloatArray
    price: FloatArray
    long_price: FloatArray
    short_price: FloatArray
    aversion: float
    forced: FloatArray
    earlier: FloatArray
    renewables: tuple[RenewableData, ...]
    loads: tuple[FlexibleLoadData, ...]
    batteries: tuple[BatteryData, ...]
    thermals: tuple[ThermalData, ...]
    grid: PriceGrid | None
    position: FloatArray | None
    blocks: BlockData | None
    reserves: tuple[ReserveData, ...]
    intraday: IntradayData | None
    lowest: FloatArray
    highest: FloatArray
    position_limits: tuple[float, float]
    max_imbalance: float
    excess_price: float
    risk_weight: float
    cvar_level: float

    @property
    def scenario_count(self) -> int:
        """S."""
        return int(self.price.shape[0])

    @property
    def mtu_count(self) -> int:
        """T."""
        return int(self.price.shape[1])

    @property
    def mtus_per_hour(self) -> int:
        """MTUs in an hour."""
        return round(1.0 / self.hours)

    @property
    def hour_count(self) -> int:
        """Hours of the horizon."""
        return self.mtu_count // self.mtus_per_hour

    @property
    def unit_names(self) -> list[str]:
        """Units with something to decide, in the order of the model."""
        names = [renewable.name for renewable in self.renewables]
        names += [load.name for load in self.loads]
        names += [battery.unit.name for battery in self.batteries]
        return names + [thermal.unit.name for thermal in self.thermals]

    def subset(self, scenarios: IntArray, probability: FloatArray) -> ModelData:
        """The same problem on some of the scenarios with new probabilities."""
        return replace(
            self,
            order=self.order[scenarios],
            probability=probability,
            price=self.price[scenarios],
            long_price=self.long_price[scenarios],
            short_price=self.short_price[scenarios],
            forced=self.forced[scenarios],
            renewables=tuple(replace(r, available=r.available[scenarios]) for r in self.renewables),
            loads=tuple(
                replace(load, lower=load.lower[scenarios], raise_=load.raise_[scenarios])
                for load in self.loads
            ),
            thermals=tuple(
                replace(t, case_of=_renumbered(t.case_of[scenarios])) for t in self.thermals
            ),
            grid=None if self.grid is None else self.grid.subset(scenarios),
            position=None if self.position is None else self.position[scenarios],
            blocks=None if self.blocks is None else self.blocks.subset(scenarios),
            reserves=tuple(reserve.subset(scenarios) for reserve in self.reserves),
            intraday=None if self.intraday is None else self.intraday.subset(scenarios),
        )


def _renumbered(labels: IntArray) -> IntArray:
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def model_data(problem: BiddingProblem, position: FloatArray | None = None) -> ModelData:
    """The arrays of a problem.

    Args:
        problem: The checked problem.
        position: Where the auction's outcome is known: net sale (S, T) MW.
    """
    long_price, short_price = imbalance_prices(problem)
    order = _canonical_order(problem, long_price, short_price)
    forced, renewables, loads = _output(problem, order)
    batteries = tuple(_battery(problem, u) for u in problem.units if isinstance(u, BatteryUnit))
    thermals = tuple(_thermal(problem, u) for u in problem.units if isinstance(u, ThermalUnit))
    price, probability = problem.prices[order], problem.weights[order]
    offers_curve = problem.auction and position is None
    if position is None and not problem.auction:
        position = np.zeros(price.shape)
    bare = ModelData(
        order=order,
        hours=problem.hours_per_mtu,
        probability=probability,
        price=price,
        long_price=long_price[order],
        short_price=short_price[order],
        aversion=problem.imbalance.aversion,
        forced=forced,
        earlier=_earlier(problem),
        renewables=renewables,
        loads=loads,
        batteries=batteries,
        thermals=thermals,
        grid=None,
        position=None if position is None else position[order],
        blocks=block_data(problem.blocks, price) if problem.blocks and offers_curve else None,
        reserves=_reserves(problem, order, price, probability),
        intraday=None if problem.intraday is None else intraday_data(problem.intraday, order),
        lowest=np.full(problem.mtu_count, -problem.limits.max_purchase_mw),
        highest=np.full(problem.mtu_count, problem.limits.max_sale_mw),
        position_limits=(-problem.limits.max_purchase_mw, problem.limits.max_sale_mw),
        max_imbalance=problem.limits.max_imbalance_mw,
        excess_price=problem.rules.price(
            max(abs(problem.rules.price_min_ticks), problem.rules.price_max_ticks)
        ),
        risk_weight=problem.risk_weight,
        cvar_level=problem.cvar_level,
    )
    return _with_curve(bare, problem) if offers_curve else bare


def _with_curve(data: ModelData, problem: BiddingProblem) -> ModelData:
    flat = np.ones(problem.mtu_count)
    merit = [t.energy_cost for t in data.thermals]
    merit += [r.variable_cost * flat for r in data.renewables]
    lowest, highest = _position_bounds(data)
    grid = price_grid(data.price, data.probability, merit, problem.rules, problem.price_points)
    return replace(data, grid=grid, lowest=lowest, highest=highest)


def _earlier(problem: BiddingProblem) -> FloatArray:
    if problem.earlier_position is None:
        return np.zeros(problem.mtu_count)
    return problem.earlier_position


def _reserves(
    problem: BiddingProblem, order: IntArray, price: FloatArray, probability: FloatArray
) -> tuple[ReserveData, ...]:
    units = {unit.name: unit for unit in problem.units}
    return tuple(
        reserve_data(
            market,
            order,
            price,
            probability,
            problem.hours_per_mtu,
            {name: _share_limit(units[name], most, market) for name, most in _sorted(market)},
        )
        for market in problem.reserves
    )


def _sorted(market: ReserveMarket) -> list[tuple[str, float]]:
    return sorted(market.providers.items())


def _share_limit(unit: Unit, most: float, market: ReserveMarket) -> float:
    """What a unit is prequalified for, and a thermal unit reaches in time."""
    if not isinstance(unit, ThermalUnit):
        return most
    ramps = [unit.ramp_up_mw_per_hour] if market.direction != "down" else []
    ramps += [unit.ramp_down_mw_per_hour] if market.direction != "up" else []
    hours = market.full_activation_minutes / 60.0
    return min([most, *(ramp * hours for ramp in ramps if ramp is not None)])


def imbalance_prices(problem: BiddingProblem) -> tuple[FloatArray, FloatArray]:
    """Settlement prices of a surplus and a deficit (S, T), without aversion."""
    if problem.long_prices is not None and problem.short_prices is not None:
        return problem.long_prices, problem.short_prices
    assert problem.imbalance.deviation_penalty is not None
    penalty = problem.imbalance.deviation_penalty
    return problem.prices - penalty, problem.prices + penalty


def _canonical_order(
    problem: BiddingProblem, long_price: FloatArray, short_price: FloatArray
) -> IntArray:
    names = sorted(problem.availability)
    columns = [problem.prices, *(problem.availability[name] for name in names)]
    columns += [long_price, short_price, problem.weights[:, None]]
    for market in problem.reserves:
        parts = (market.capacity_prices, market.activation, market.energy_prices)
        columns += [part for part in parts if part is not None]
    if problem.intraday is not None:
        columns.append(problem.intraday.prices)
    # lexsort takes its last key as the first one to sort by.
    return np.lexsort(np.hstack(columns).T[::-1]).astype(np.int64)


def _output(
    problem: BiddingProblem, order: IntArray
) -> tuple[FloatArray, tuple[RenewableData, ...], tuple[FlexibleLoadData, ...]]:
    forced = np.zeros(problem.prices.shape)
    renewables, loads = [], []
    for unit in problem.units:
        if isinstance(unit, LoadUnit):
            baseline = problem.availability[unit.name][order]
            forced -= baseline
            if unit.flexibility is not None:
                loads.append(_flexible(problem, unit, unit.flexibility, baseline))
        elif isinstance(unit, WindUnit | SolarUnit):
            paths = problem.availability[unit.name][order]
            if unit.curtailable:
                renewables.append(RenewableData(unit.name, paths, unit.variable_cost))
            else:
                forced += paths
    return forced, tuple(renewables), tuple(loads)


def _flexible(
    problem: BiddingProblem, unit: LoadUnit, terms: LoadFlexibility, baseline: FloatArray
) -> FlexibleLoadData:
    state = problem.start_states.get(unit.name, StartState())
    hours, last = problem.hours_per_mtu, problem.mtu_count - 1
    left = terms.recovery_hours - state.window_hours % terms.recovery_hours
    ends = np.arange(left, problem.mtu_count * hours, terms.recovery_hours) / hours - 1
    return FlexibleLoadData(
        unit.name,
        terms,
        lower=np.minimum(baseline, terms.lower_mw),
        raise_=np.full(baseline.shape, terms.raise_mw),
        shifted=state.shifted_mwh,
        window_ends=np.unique([*np.rint(ends).astype(np.int64), last]),
    )


def _power_limit(problem: BiddingProblem, unit: Unit, rating: float) -> FloatArray:
    limit = problem.power_limits.get(unit.name, np.full(problem.mtu_count, rating))
    return np.minimum(limit, rating)


def _battery(problem: BiddingProblem, unit: BatteryUnit) -> BatteryData:
    energy = cast("float", problem.start_state(unit).energy_mwh)
    start = min(max(energy, 0.0), unit.energy_mwh)
    limit = _power_limit(problem, unit, unit.power_mw)
    return BatteryData(unit, limit, start, problem.start_state(unit).drawn_mwh)


def _thermal(problem: BiddingProblem, unit: ThermalUnit) -> ThermalData:
    state = problem.start_state(unit)
    assert state.hours_in_state is not None
    assert state.power_mw is not None
    cost = problem.marginal_costs.get(unit.name, unit.constant_cost)
    assert cost is not None
    limit = _power_limit(problem, unit, unit.capacity_mw)
    return ThermalData(
        unit=unit,
        power_limit=limit,
        marginal_cost=np.broadcast_to(np.asarray(cost, dtype=float), (problem.mtu_count,)),
        on=bool(state.on),
        hours_in_state=state.hours_in_state,
        start_power=min(state.power_mw, float(limit[0])),
        case_of=_cases(problem, unit),
    )


def _cases(problem: BiddingProblem, unit: ThermalUnit) -> IntArray:
    if unit.name in problem.commit_late:
        return np.arange(problem.scenario_count, dtype=np.int64)
    return np.zeros(problem.scenario_count, dtype=np.int64)


def _position_bounds(data: ModelData) -> tuple[FloatArray, FloatArray]:
    """Limits of the auction's volume, tightened to what the plant can deliver in any scenario."""
    zero = np.zeros(data.mtu_count)
    storage = sum((b.power_limit for b in data.batteries), zero)
    thermal = sum((t.power_limit for t in data.thermals), zero)
    lowered = sum((load.lower.max(axis=0) for load in data.loads), zero)
    raised = sum((load.raise_.max(axis=0) for load in data.loads), zero)
    output = sum((r.available for r in data.renewables), data.forced)
    most = output.max(axis=0) + storage + thermal + lowered - data.earlier
    least = data.forced.min(axis=0) - storage - raised - data.earlier
    return np.clip(least, data.lowest, data.highest), np.clip(most, data.lowest, data.highest)
