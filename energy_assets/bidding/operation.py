"""How the plant runs in every scenario, read from a solved model, and what it earns.

Profit here is cash: settlement prices without the model's aversion and without the price of soft
limits, so that it can be compared with settlement.

Not here: solving (`stochastic`), types of the result (`solution`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.handoff import SolverResult, SparseModel
from energy_assets.bidding.market_data import ReserveData
from energy_assets.bidding.model.risk import conditional_value_at_risk
from energy_assets.bidding.model_data import ModelData, ThermalData
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import (
    BiddingSolution,
    BlockOrder,
    IntradayPlan,
    PathBand,
    ReserveOffer,
    SoftBreach,
    UnitPlan,
)
from energy_assets.portfolio.units import LoadUnit, SolarUnit, WindUnit

# Volumes below this are solver noise, not orders.
LEAST_ORDER_MW = 1e-6
# Below this both-ways power is solver noise.
SIMULTANEOUS_MW = 1e-5

UnitPaths = dict[str, FloatArray]


@dataclass(frozen=True)
class Operation:
    """Decisions per scenario (S, T) in canonical order, by unit name.

    Attributes:
        output: Curtailable units, MW.
        charge: Batteries, MW at the connection.
        discharge: Batteries, MW at the connection.
        energy: Batteries, MWh at the end of the MTU.
        lowered: Flexible loads, consumption taken off, MW.
        raised: Flexible loads, consumption added, MW.
        power: Thermal units, MW.
        on: Thermal units, 0 or 1 by commitment case and hour (C, H).
        offered: Reserve products, volume by block and offer price (B, K) MW.
        missing: Reserve products, what of an award is not covered (S, B) MW.
        sell: Intraday sales by node, MTU and step (N, T, J) MW; None without a ladder.
        buy: Intraday purchases, the same.
        block_volume: Volume of each block candidate (J,) MW.
    """

    output: UnitPaths = field(default_factory=dict)
    lowered: UnitPaths = field(default_factory=dict)
    raised: UnitPaths = field(default_factory=dict)
    charge: UnitPaths = field(default_factory=dict)
    discharge: UnitPaths = field(default_factory=dict)
    energy: UnitPaths = field(default_factory=dict)
    power: UnitPaths = field(default_factory=dict)
    on: UnitPaths = field(default_factory=dict)
    offered: UnitPaths = field(default_factory=dict)
    missing: UnitPaths = field(default_factory=dict)
    sell: FloatArray | None = None
    buy: FloatArray | None = None
    block_volume: FloatArray | None = None

    def injection(self, data: ModelData) -> FloatArray:
        """Net injection of all units and forced output (S, T)."""
        total = data.forced.copy()
        for paths in (self.output, self.discharge, self.power, self.lowered):
            for path in paths.values():
                total += path
        for paths in (self.charge, self.raised):
            for path in paths.values():
                total -= path
        return total

    def intraday(self, data: ModelData) -> FloatArray:
        """Net sale intraday (S, T) MW."""
        if data.intraday is None or self.sell is None or self.buy is None:
            return np.zeros(data.price.shape)
        return data.intraday.volume(self.sell, self.buy)

    def awards(self, data: ModelData) -> UnitPaths:
        """Award of each reserve product (S, B) MW, what is missing taken off."""
        return {
            reserve.name: reserve.award(self.offered.get(reserve.name, reserve.prices))
            - self.missing.get(reserve.name, 0.0)
            for reserve in data.reserves
        }

    def called(self, data: ModelData) -> FloatArray:
        """Called reserve power (S, T) MW, upward positive."""
        total = np.zeros(data.price.shape)
        for reserve in data.reserves:
            total += reserve.called(reserve.award(self.offered.get(reserve.name, reserve.prices)))
        return total

    def surplus(self, data: ModelData, position: FloatArray) -> FloatArray:
        """Injection beyond everything sold or called (S, T) MW, given the auction's position."""
        sold = data.earlier + position + self.intraday(data) + self.called(data)
        surplus: FloatArray = self.injection(data) - sold
        return surplus

    def both_ways(self) -> dict[str, list[tuple[int, int]]]:
        """Per battery, the (scenario, MTU) in which it charges and discharges at once."""
        return {
            name: [
                (int(s), int(t))
                for s, t in np.argwhere(
                    np.minimum(self.charge[name], self.discharge[name]) > SIMULTANEOUS_MW
                )
            ]
            for name in self.charge
        }

    def market_income(self, data: ModelData, position: FloatArray) -> FloatArray:
        """Cash (S,) of auction, intraday and reserves; sessions that are over are history."""
        total = data.hours * (data.price * position).sum(axis=1)
        if data.intraday is not None and self.sell is not None and self.buy is not None:
            total = total + data.intraday.income(self.sell, self.buy, data.hours)
        for reserve in data.reserves:
            offered = self.offered.get(reserve.name, reserve.prices)
            called = reserve.called(reserve.award(offered))
            total = total + reserve.income(offered)
            total = total + data.hours * (reserve.energy_price * called).sum(axis=1)
        result: FloatArray = total
        return result

    def cost(self, data: ModelData) -> FloatArray:
        """Fuel, starts, wear, support and terminal value of each scenario (S,)."""
        hours, total = data.hours, np.zeros(data.scenario_count)
        for part in data.renewables:
            total += hours * part.variable_cost * self.output[part.name].sum(axis=1)
        for battery in data.batteries:
            unit = battery.unit
            total += hours * unit.wear_cost * self.discharge[unit.name].sum(axis=1)
            total -= unit.terminal_value * self.energy[unit.name][:, -1]
        for load in data.loads:
            rate = hours * load.flexibility.shift_cost
            total += rate * self.lowered[load.name].sum(axis=1)
        for thermal in data.thermals:
            on, power = self.on[thermal.unit.name], self.power[thermal.unit.name]
            running = np.repeat(on, data.mtus_per_hour, axis=1) @ thermal.running_cost * hours
            by_case = running + thermal.start_costs(on)
            total += hours * (power @ thermal.energy_cost) + by_case[thermal.case_of]
        return total


def read_operation(compiled: SparseModel, result: SolverResult, data: ModelData) -> Operation:
    """The plant's decisions from a solver result; noise around bounds is removed."""
    shape = (data.scenario_count, data.mtu_count)

    def read(unit: str, family: str) -> FloatArray:
        values = result.read(compiled, f"unit[{unit}].{family}").reshape(shape)
        values[values < 1e-9] = 0.0
        return values

    def rounded(unit: str) -> FloatArray:
        return np.rint(result.read(compiled, f"unit[{unit}].on")).reshape(-1, data.hour_count)

    def positive(family: str, *sizes: int) -> FloatArray:
        return np.maximum(result.read(compiled, family), 0.0).reshape(sizes)

    def offers(reserve: ReserveData) -> FloatArray:
        return positive(f"product[{reserve.name}].volume", *reserve.prices.shape)

    def missing(reserve: ReserveData) -> FloatArray:
        return positive(f"product[{reserve.name}].missing", shape[0], reserve.block_count)

    def trades(family: str) -> FloatArray | None:
        if data.intraday is None:
            return None
        return positive(family, data.intraday.node_count, *data.intraday.depth.shape)

    loads = [load.name for load in data.loads]
    batteries = [battery.unit.name for battery in data.batteries]
    thermals = [thermal.unit.name for thermal in data.thermals]
    return Operation(
        output={part.name: read(part.name, "output") for part in data.renewables},
        charge={name: read(name, "charge") for name in batteries},
        discharge={name: read(name, "discharge") for name in batteries},
        energy={name: read(name, "energy") for name in batteries},
        power={name: read(name, "power") for name in thermals},
        lowered={name: read(name, "lower") for name in loads},
        raised={name: read(name, "raise_") for name in loads},
        on={name: rounded(name) for name in thermals},
        offered={r.name: offers(r) for r in data.reserves if r.awarded is None},
        missing={r.name: missing(r) for r in data.reserves if r.awarded is not None},
        sell=trades("sell"),
        buy=trades("buy"),
        block_volume=None if data.blocks is None else positive("block_volume", -1),
    )


def cash(data: ModelData, operation: Operation, position: FloatArray) -> FloatArray:
    """Cash profit of each scenario (S,) for a position (S, T)."""
    surplus = operation.surplus(data, position)
    settled: FloatArray = np.where(surplus > 0, data.long_price, data.short_price) * surplus
    income = operation.market_income(data, position) + data.hours * settled.sum(axis=1)
    cash: FloatArray = income - operation.cost(data)
    return cash


def summarise(
    problem: BiddingProblem,
    data: ModelData,
    operation: Operation,
    position: FloatArray,
    **fields: Any,
) -> BiddingSolution:
    """The solution of a rung from the operation and position (S, T) in canonical order."""
    weights = data.probability
    profit = cash(data, operation, position)
    surplus = operation.surplus(data, position)
    back = np.argsort(data.order)
    return BiddingSolution(
        position=position[back],
        dispatch=unit_plans(problem, data, operation),
        imbalance=PathBand.over(surplus, weights),
        profit=profit[back],
        expected_value=float(weights @ profit),
        cvar=conditional_value_at_risk(profit, weights, data.cvar_level),
        soft_breaches=(*_soft_breaches(data, surplus), *_missing_awards(data, operation)),
        starts=tuple(problem.starts),
        reserve_offers=_reserve_offers(problem, data, operation),
        reserve_awards={
            name: PathBand.over(award, weights) for name, award in operation.awards(data).items()
        },
        block_orders=_block_orders(problem, operation),
        intraday=_intraday(data, operation),
        **fields,
    )


def unit_plans(
    problem: BiddingProblem, data: ModelData, operation: Operation
) -> tuple[UnitPlan, ...]:
    """Expected operation of every unit, in the problem's order."""
    weights = data.probability
    plans = []
    for unit in problem.units:
        name = unit.name
        if name in operation.charge:
            net = operation.discharge[name] - operation.charge[name]
            energy = PathBand.over(operation.energy[name], weights)
            plans.append(UnitPlan(name, PathBand.over(net, weights), energy=energy))
        elif name in operation.power:
            on = _usual_hours(next(t for t in data.thermals if t.unit.name == name), operation)
            plans.append(UnitPlan(name, PathBand.over(operation.power[name], weights), on=on))
        elif name in operation.output:
            plans.append(UnitPlan(name, PathBand.over(operation.output[name], weights)))
        elif isinstance(unit, LoadUnit | WindUnit | SolarUnit):
            sign = -1.0 if isinstance(unit, LoadUnit) else 1.0
            path = sign * problem.availability[name][data.order]
            if name in operation.lowered:
                path = path + operation.lowered[name] - operation.raised[name]
            plans.append(UnitPlan(name, PathBand.over(path, weights)))
    return tuple(plans)


def _reserve_offers(
    problem: BiddingProblem, data: ModelData, operation: Operation
) -> tuple[ReserveOffer, ...]:
    offers = []
    for reserve in data.reserves:
        volumes = operation.offered.get(reserve.name, np.zeros(reserve.prices.shape))
        for block, k in np.argwhere(volumes > LEAST_ORDER_MW).tolist():
            start = problem.starts[reserve.market.block_of.index(block)]
            price, volume = float(reserve.prices[block, k]), float(volumes[block, k])
            offers.append(ReserveOffer(reserve.name, block, start, price, volume))
    return tuple(offers)


def _block_orders(problem: BiddingProblem, operation: Operation) -> tuple[BlockOrder, ...]:
    if operation.block_volume is None:
        return ()
    return tuple(
        BlockOrder(
            problem.starts[block.first_mtu], block.mtu_count, block.side, block.limit_price, volume
        )
        for block, volume in zip(problem.blocks, operation.block_volume.tolist(), strict=True)
        if volume > LEAST_ORDER_MW
    )


def _intraday(data: ModelData, operation: Operation) -> tuple[IntradayPlan, ...]:
    if data.intraday is None or operation.sell is None or operation.buy is None:
        return ()
    node_of = data.intraday.node_of
    probability = np.bincount(node_of, weights=data.probability).tolist()
    net_sale = (operation.sell - operation.buy).sum(axis=-1)
    return tuple(
        IntradayPlan(node, share, path)
        for node, (share, path) in enumerate(zip(probability, net_sale, strict=True))
    )


def _usual_hours(thermal: ThermalData, operation: Operation) -> tuple[bool, ...]:
    """Hours in which the unit runs in the likelier half of its commitments."""
    on = operation.on[thermal.unit.name]
    share = np.bincount(thermal.case_of, minlength=len(on)) / len(thermal.case_of)
    return tuple(bool(value) for value in share @ on > 0.5)


def _soft_breaches(data: ModelData, surplus: FloatArray) -> tuple[SoftBreach, ...]:
    beyond = np.abs(surplus) - data.max_imbalance
    broken = beyond > 1e-4
    return tuple(
        SoftBreach("max_imbalance_mw", int(t), int(broken[:, t].sum()), float(beyond[:, t].max()))
        for t in np.flatnonzero(broken.any(axis=0))
    )


def _missing_awards(data: ModelData, operation: Operation) -> list[SoftBreach]:
    breaches = []
    for reserve in data.reserves:
        missing = operation.missing.get(reserve.name, np.zeros((1, reserve.block_count)))
        for block in np.flatnonzero((missing > 1e-4).any(axis=0)).tolist():
            first = int(np.flatnonzero((reserve.block_of == block) & (reserve.active > 0))[0])
            count = int((missing[:, block] > 1e-4).sum())
            worst = float(missing[:, block].max())
            breaches.append(SoftBreach(f"cover of the {reserve.name} award", first, count, worst))
    return breaches
