"""The plant by merit at expected prices, without a solver, and how it follows a position.

- thermal units: the commitment that earns most at the scenarios' prices with part load and starts
  (`commitment_path`), and the band of power they can reach; a unit that cannot cross its band
  within one MTU keeps to one path it can follow;
- batteries: price thresholds (`battery_rule`); one that provides an awarded reserve keeps its room;
- wind and solar: their output, less what a price below their cost or a position curtails;
- flexible loads: as they come.

Not here: orders (`marginal_cost`, `last_accepted`), the optimum (`stochastic`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.ladder.battery_rule import energy_path, threshold_path
from energy_assets.bidding.ladder.commitment_path import best_commitment
from energy_assets.bidding.ladder.price_independent import must_run, way_to_end
from energy_assets.bidding.model_data import BatteryData, ModelData, ThermalData
from energy_assets.bidding.operation import Operation, UnitPaths
from energy_assets.errors import InfeasibleError


@dataclass(frozen=True)
class MeritPlan:
    """What is decided before prices are known, by unit name.

    Attributes:
        flow: Batteries, net injection (T,) MW.
        on: Thermal units, hours on (H,).
        least: Thermal units, power they keep to at any price (T,) MW.
        most: Thermal units, power they can reach (T,) MW.
    """

    flow: UnitPaths
    on: UnitPaths
    least: UnitPaths
    most: UnitPaths


def merit_plan(data: ModelData) -> MeritPlan:
    """The plan of every unit."""
    expected = data.probability @ data.price
    plans = {thermal.unit.name: _thermal_plan(thermal, data) for thermal in data.thermals}
    return MeritPlan(
        flow={battery.unit.name: _flow(battery, data, expected) for battery in data.batteries},
        on={name: on for name, (on, _, _) in plans.items()},
        least={name: least for name, (_, least, _) in plans.items()},
        most={name: most for name, (_, _, most) in plans.items()},
    )


def follow(data: ModelData, plan: MeritPlan, position: FloatArray) -> Operation:
    """The plant in every scenario for a position (S, T) MW: cheapest units first."""
    shape = data.price.shape
    nothing = {r.name: np.zeros(r.prices.shape) for r in data.reserves if r.awarded is None}
    wanted = data.earlier + position + Operation(offered=nothing).called(data) - data.forced
    for paths in (plan.flow, plan.least):
        wanted = wanted - sum(paths.values(), np.zeros(data.mtu_count))
    output, power = {}, {}
    for part in sorted(data.renewables, key=lambda each: (each.variable_cost, each.name)):
        needed = np.clip(wanted, 0.0, part.available)
        # A surplus that settlement pays for is worth making.
        output[part.name] = np.where(data.long_price >= part.variable_cost, part.available, needed)
        wanted = wanted - output[part.name]
    for thermal in sorted(data.thermals, key=lambda t: (float(t.energy_cost.mean()), t.unit.name)):
        name = thermal.unit.name
        added = np.clip(wanted, 0.0, plan.most[name] - plan.least[name])
        power[name] = plan.least[name] + added
        wanted = wanted - added
    flows = plan.flow
    return Operation(
        output=output,
        charge={name: np.broadcast_to(np.maximum(-f, 0), shape) for name, f in flows.items()},
        discharge={name: np.broadcast_to(np.maximum(f, 0), shape) for name, f in flows.items()},
        energy={
            b.unit.name: np.broadcast_to(energy_path(b, flows[b.unit.name], data.hours), shape)
            for b in data.batteries
        },
        power=power,
        lowered={load.name: np.zeros(shape) for load in data.loads},
        raised={load.name: np.zeros(shape) for load in data.loads},
        on={t.unit.name: np.tile(plan.on[t.unit.name], (t.case_count, 1)) for t in data.thermals},
        offered=nothing,
    )


def _flow(battery: BatteryData, data: ModelData, expected: FloatArray) -> FloatArray:
    up, down = _kept(data, battery.unit.name)
    if up.any() or down.any():
        return way_to_end(battery, data)
    return threshold_path(battery, expected, data.hours)


def _kept(data: ModelData, unit: str) -> tuple[FloatArray, FloatArray]:
    """Room up and down (T,) MW a unit keeps for awarded reserves: by prequalified volume."""
    up, down = np.zeros(data.mtu_count), np.zeros(data.mtu_count)
    for reserve in data.reserves:
        if reserve.awarded is None or unit not in reserve.share_limits:
            continue
        part = reserve.share_limits[unit] / sum(reserve.share_limits.values())
        kept = part * reserve.awarded[reserve.block_of] * reserve.active
        if reserve.market.direction != "down":
            up += kept
        if reserve.market.direction != "up":
            down += kept
    return up, down


def _thermal_plan(
    thermal: ThermalData, data: ModelData
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hours on (H,), least and most power (T,)."""
    try:
        cost = thermal.cold_start_cost
        on = best_commitment(thermal, _gain(thermal, data), data.hours, cost)
    except InfeasibleError:
        # Contradictory start states still have a lawful order: what runs has to be sold.
        path, on = must_run(thermal, data)
        return on, path, path
    running = np.repeat(on, data.mtus_per_hour)
    up, down = _kept(data, thermal.unit.name)
    highest = _reachable(
        thermal, np.maximum(thermal.power_limit - up, 0.0) * running, running, data
    )
    least = np.minimum(_lowest(thermal, down, running, data), highest)
    if _crosses(thermal, least, highest, running, data):
        return on, least, highest
    pays = data.probability @ data.price >= thermal.energy_cost
    path = _reachable(thermal, np.where(pays, highest, least), running, data)
    return on, path, path


def _gain(thermal: ThermalData, data: ModelData) -> FloatArray:
    """Expected margin of each hour on (H,): the minimum at any price, the rest where it pays."""
    unit = thermal.unit
    margin = data.price - thermal.energy_cost
    rest = np.maximum(thermal.power_limit - unit.min_power_mw, 0.0)
    by_mtu = data.probability @ (unit.min_power_mw * margin + rest * np.maximum(margin, 0.0))
    by_mtu = data.hours * (by_mtu - thermal.running_cost)
    gain: FloatArray = by_mtu.reshape(-1, data.mtus_per_hour).sum(axis=1)
    return gain


def _reachable(
    thermal: ThermalData, cap: FloatArray, running: FloatArray, data: ModelData
) -> FloatArray:
    """The highest path (T,) below a cap that keeps ramps, starts and stops."""
    rise, fall = thermal.ramp_up_mw(data.hours), thermal.ramp_down_mw(data.hours)
    start, stop = thermal.start_limit_mw(data.hours), thermal.stop_limit_mw(data.hours)
    path, outage = cap.copy(), thermal.outage_mw
    before, ran = thermal.start_power, thermal.on
    for t in range(len(path)):
        if running[t]:
            path[t] = min(path[t], before + rise if ran else start)
        before, ran = float(path[t]), bool(running[t])
    for t in range(len(path) - 1, 0, -1):
        if running[t - 1]:
            room = path[t] + fall if running[t] else stop
            path[t - 1] = min(path[t - 1], room + outage[t])
    return path


def _lowest(
    thermal: ThermalData, kept: FloatArray, running: FloatArray, data: ModelData
) -> FloatArray:
    """The lowest path (T,): the minimum with room kept, after coming down from the start power."""
    fall, outage = thermal.ramp_down_mw(data.hours), thermal.outage_mw
    path = (thermal.unit.min_power_mw + kept) * running
    before = thermal.start_power if thermal.on else 0.0
    for t in range(len(path)):
        if running[t]:
            path[t] = max(path[t], before - fall - outage[t])
        before = float(path[t])
    return path


def _crosses(
    thermal: ThermalData,
    least: FloatArray,
    most: FloatArray,
    running: FloatArray,
    data: ModelData,
) -> bool:
    """Whether the unit may be anywhere in its band in any MTU after being anywhere in it before."""
    both = (running[1:] > 0) & (running[:-1] > 0)
    up = (most[1:] - least[:-1])[both] <= thermal.ramp_up_mw(data.hours) + 1e-9
    allowed = thermal.ramp_down_mw(data.hours) + thermal.outage_mw[1:][both]
    down = (most[:-1] - least[1:])[both] <= allowed + 1e-9
    return bool(up.all() and down.all())
