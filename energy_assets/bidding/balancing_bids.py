"""Balancing energy bids of a re-plan: what capacity awards oblige to, and free room beside it.

A capacity award obliges to energy bids of the same volume (regelleistung.net). Free volume is what
the providers could still deliver beyond their plan in nearly all scenarios. One bid per product and
MTU, at what the energy costs the desk:

    up     the dearest provider: thermal marginal cost, a store's replacement cost
           (mean price ahead / discharge efficiency + wear), a load's mean price + shift cost
    down   the cheapest provider: thermal marginal cost saved, mean price ahead x charge efficiency,
           a renewable's variable cost

Prices and volumes are in ticks of the market's rules; volumes are cut down.

Not here: when bids are made (`replan_run`), which of them are called (`trading`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.markets import ReserveMarket
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution
from energy_assets.market.balancing import BalancingEnergyRules
from energy_assets.portfolio import BatteryUnit, LoadUnit, ThermalUnit
from energy_assets.portfolio.units import Unit


@dataclass(frozen=True)
class BalancingEnergyBid:
    """One bid.

    Attributes:
        product: Reserve product.
        start: UTC start of its MTU.
        minutes: Length of the MTU.
        price: Energy price, currency/MWh.
        volume_mw: Volume.
        obliged_mw: Part of it that a capacity award obliges to.
    """

    product: str
    start: datetime
    minutes: int
    price: float
    volume_mw: float
    obliged_mw: float


def balancing_bids(
    problem: BiddingProblem,
    solution: BiddingSolution,
    rules: BalancingEnergyRules,
    at: datetime,
    *,
    with_free_room: bool = False,
) -> list[BalancingEnergyBid]:
    """Bids for every MTU whose gate is still open.

    Symmetric products (FCR) are activated by frequency, not by bids.

    Args:
        problem: The re-plan's problem; its awarded products oblige.
        solution: Its plan.
        rules: Figures in force.
        at: When the bids are made.
        with_free_room: Whether room beyond the awards is offered.
    """
    gate = timedelta(minutes=rules.gate_minutes)
    found = []
    for market in problem.reserves:
        if market.direction == "symmetric" or market.awarded_mw is None:
            continue
        prices, obliged = _prices(problem, market), _obliged(market)
        free = np.zeros(problem.mtu_count)
        if with_free_room:
            free = np.maximum(_room(problem, solution, market) - obliged, 0.0)
        for t, start in enumerate(problem.starts):
            if start - gate < at:
                continue
            volume = _in_ticks(obliged[t], rules) + _in_ticks(free[t], rules)
            if volume >= rules.min_volume_mw - 1e-9:
                found.append(
                    BalancingEnergyBid(
                        market.name,
                        start,
                        problem.mtu_minutes,
                        _price_in_ticks(float(prices[t]), rules),
                        volume,
                        _in_ticks(obliged[t], rules),
                    )
                )
    return found


def _obliged(market: ReserveMarket) -> FloatArray:
    assert market.awarded_mw is not None
    blocks = np.array(market.block_of)
    obliged: FloatArray = np.where(blocks >= 0, market.awarded_mw[blocks], 0.0)
    return obliged


def _prices(problem: BiddingProblem, market: ReserveMarket) -> FloatArray:
    """Price of a product's energy by MTU (T,)."""
    units = {unit.name: unit for unit in problem.units}
    costs = [_energy_cost(problem, units[name], market.direction) for name in market.providers]
    stacked = np.stack(costs)
    prices: FloatArray = stacked.max(axis=0) if market.direction == "up" else stacked.min(axis=0)
    return prices


def _energy_cost(problem: BiddingProblem, unit: Unit, direction: str) -> FloatArray:
    """What a MWh up costs, or a MWh down saves, by MTU (T,)."""
    count = problem.mtu_count
    mean = problem.weights @ problem.prices
    ahead = np.cumsum(mean[::-1])[::-1] / np.arange(count, 0, -1)
    if isinstance(unit, ThermalUnit):
        cost = problem.marginal_costs.get(unit.name, unit.constant_cost)
        return np.broadcast_to(np.asarray(cost, dtype=np.float64), (count,))
    if isinstance(unit, BatteryUnit):
        if direction == "up":
            return np.asarray(ahead / unit.discharge_efficiency + unit.wear_cost)
        return np.asarray(ahead * unit.charge_efficiency)
    if isinstance(unit, LoadUnit):
        shift = 0.0 if unit.flexibility is None else unit.flexibility.shift_cost
        return np.asarray(ahead + (shift if direction == "up" else 0.0))
    return np.full(count, unit.variable_cost)


def _room(problem: BiddingProblem, solution: BiddingSolution, market: ReserveMarket) -> FloatArray:
    """What the providers could deliver beyond their plan in 95 % of the scenarios, MW (T,)."""
    total = np.zeros(problem.mtu_count)
    for unit in problem.units:
        if unit.name not in market.providers or not isinstance(unit, ThermalUnit | BatteryUnit):
            continue
        plan = solution.plan(unit.name)
        if market.direction == "up":
            room = _highest(problem, unit, plan.on) - plan.power.p95
        else:
            room = plan.power.p05 - _lowest(problem, unit, plan.on)
        total += np.clip(room, 0.0, market.providers[unit.name])
    return total


def _highest(
    problem: BiddingProblem, unit: ThermalUnit | BatteryUnit, on: tuple[bool, ...]
) -> FloatArray:
    rating = unit.power_mw if isinstance(unit, BatteryUnit) else unit.capacity_mw
    limit = problem.power_limits.get(unit.name, np.full(problem.mtu_count, rating))
    return limit * _running(problem, on)


def _lowest(
    problem: BiddingProblem, unit: ThermalUnit | BatteryUnit, on: tuple[bool, ...]
) -> FloatArray:
    if isinstance(unit, BatteryUnit):
        return -_highest(problem, unit, on)
    return np.where(_running(problem, on) > 0, unit.min_power_mw, 0.0)


def _running(problem: BiddingProblem, on: tuple[bool, ...]) -> FloatArray:
    if not on:
        return np.ones(problem.mtu_count)
    running: FloatArray = np.repeat(np.array(on, dtype=np.float64), 60 // problem.mtu_minutes)
    return running


def _in_ticks(volume: float, rules: BalancingEnergyRules) -> float:
    tick = rules.volume_tick_mw
    return math.floor(volume / tick + 1e-6) * tick


def _price_in_ticks(price: float, rules: BalancingEnergyRules) -> float:
    kept = min(max(price, rules.minimum), rules.maximum)
    return round(round(kept / rules.price_tick) * rules.price_tick, 6)
