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
from energy_assets.bidding.price_grid import IntArray, PriceGrid, price_grid
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.portfolio.units import (
    BatteryUnit,
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
    """A battery: its figures, highest power (T,) MW and start energy MWh."""

    unit: BatteryUnit
    power_limit: FloatArray
    start_energy: float


@dataclass(frozen=True)
class ThermalData:
    """A thermal unit: highest power (T,) MW, marginal cost (T,), start state."""

    unit: ThermalUnit
    power_limit: FloatArray
    marginal_cost: FloatArray
    on: bool
    hours_in_state: float
    start_power: float


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
        renewables: Curtailable units.
        batteries: Batteries.
        thermals: Thermal units.
        grid: Price points, or None where the position is given.
        position: The given position (S, T) MW, or None.
        lowest: Lowest position (T,) MW: purchase limit or what the plant can take.
        highest: Highest position (T,) MW.
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
    renewables: tuple[RenewableData, ...]
    batteries: tuple[BatteryData, ...]
    thermals: tuple[ThermalData, ...]
    grid: PriceGrid | None
    position: FloatArray | None
    lowest: FloatArray
    highest: FloatArray
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

    def subset(self, scenarios: IntArray, probability: FloatArray) -> ModelData:
        """The same problem on some of the scenarios with new probabilities."""
        renewables = tuple(replace(r, available=r.available[scenarios]) for r in self.renewables)
        return replace(
            self,
            order=self.order[scenarios],
            probability=probability,
            price=self.price[scenarios],
            long_price=self.long_price[scenarios],
            short_price=self.short_price[scenarios],
            forced=self.forced[scenarios],
            renewables=renewables,
            grid=None if self.grid is None else self.grid.subset(scenarios),
            position=None if self.position is None else self.position[scenarios],
        )


def model_data(problem: BiddingProblem, position: FloatArray | None = None) -> ModelData:
    """The arrays of a problem.

    Args:
        problem: The checked problem.
        position: Where the position is known (after the auction): net sale (S, T) MW.
    """
    long_price, short_price = imbalance_prices(problem)
    order = _canonical_order(problem, long_price, short_price)
    forced, renewables = _output(problem, order)
    batteries = tuple(_battery(problem, u) for u in problem.units if isinstance(u, BatteryUnit))
    thermals = tuple(_thermal(problem, u) for u in problem.units if isinstance(u, ThermalUnit))
    price, probability = problem.prices[order], problem.weights[order]
    flat = np.ones(problem.mtu_count)
    merit = [t.marginal_cost for t in thermals] + [r.variable_cost * flat for r in renewables]
    points = problem.price_points
    lowest, highest = _position_bounds(problem, forced, renewables, batteries, thermals)
    return ModelData(
        order=order,
        hours=problem.hours_per_mtu,
        probability=probability,
        price=price,
        long_price=long_price[order],
        short_price=short_price[order],
        aversion=problem.imbalance.aversion,
        forced=forced,
        renewables=renewables,
        batteries=batteries,
        thermals=thermals,
        grid=price_grid(price, probability, merit, problem.rules, points)
        if position is None
        else None,
        position=None if position is None else position[order],
        lowest=lowest,
        highest=highest,
        max_imbalance=problem.limits.max_imbalance_mw,
        excess_price=problem.rules.price(
            max(abs(problem.rules.price_min_ticks), problem.rules.price_max_ticks)
        ),
        risk_weight=problem.risk_weight,
        cvar_level=problem.cvar_level,
    )


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
    # lexsort takes its last key as the first one to sort by.
    return np.lexsort(np.hstack(columns).T[::-1]).astype(np.int64)


def _output(
    problem: BiddingProblem, order: IntArray
) -> tuple[FloatArray, tuple[RenewableData, ...]]:
    forced = np.zeros(problem.prices.shape)
    renewables = []
    for unit in problem.units:
        if isinstance(unit, LoadUnit):
            forced -= problem.availability[unit.name][order]
        elif isinstance(unit, WindUnit | SolarUnit):
            paths = problem.availability[unit.name][order]
            if unit.curtailable:
                renewables.append(RenewableData(unit.name, paths, unit.variable_cost))
            else:
                forced += paths
    return forced, tuple(renewables)


def _power_limit(problem: BiddingProblem, unit: Unit, rating: float) -> FloatArray:
    limit = problem.power_limits.get(unit.name, np.full(problem.mtu_count, rating))
    return np.minimum(limit, rating)


def _battery(problem: BiddingProblem, unit: BatteryUnit) -> BatteryData:
    energy = cast("float", problem.start_state(unit).energy_mwh)
    start = min(max(energy, 0.0), unit.energy_mwh)
    return BatteryData(unit, _power_limit(problem, unit, unit.power_mw), start)


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
    )


def _position_bounds(
    problem: BiddingProblem,
    forced: FloatArray,
    renewables: tuple[RenewableData, ...],
    batteries: tuple[BatteryData, ...],
    thermals: tuple[ThermalData, ...],
) -> tuple[FloatArray, FloatArray]:
    """Position limits, tightened to what the plant can deliver in any scenario."""
    zero = np.zeros(problem.mtu_count)
    storage = sum((b.power_limit for b in batteries), zero)
    thermal = sum((t.power_limit for t in thermals), zero)
    output = sum((r.available for r in renewables), forced)
    sale, purchase = problem.limits.max_sale_mw, problem.limits.max_purchase_mw
    highest = np.clip(output.max(axis=0) + storage + thermal, -purchase, sale)
    lowest = np.clip(forced.min(axis=0) - storage, -purchase, sale)
    return lowest, highest
