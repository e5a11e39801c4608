"""The last rung: a price-independent schedule for must-run and obligations.

It needs no solver and is always valid: load bought, wind and solar sold at their expected output,
batteries idle (or on a straight way to their end energy), thermal units only where they must run.

Not here: when it is written (`runs`: first of all).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.curves import flat_orders
from energy_assets.bidding.ladder.battery_rule import energy_path
from energy_assets.bidding.model.thermal import commitment_bounds
from energy_assets.bidding.model_data import BatteryData, ModelData, ThermalData, model_data
from energy_assets.bidding.operation import Operation, summarise
from energy_assets.bidding.problem import BiddingProblem
from energy_assets.bidding.solution import BiddingSolution, Rung
from energy_assets.market.orders import CurveOrder


def price_independent(problem: BiddingProblem, *, reason: str = "") -> BiddingSolution:
    """The last rung: one price-independent order per MTU."""
    data = model_data(problem)
    operation = _operation(data)
    curves: tuple[CurveOrder, ...] = ()
    position = np.zeros(data.mtu_count)
    if problem.auction:
        nothing = np.zeros(data.price.shape)
        curves = flat_orders(problem, data.probability @ operation.surplus(data, nothing))
        tick = problem.rules.volume_tick_mw
        position = np.array([curve.points[0][1] * tick for curve in curves])
    return summarise(
        problem,
        data,
        operation,
        np.broadcast_to(position, data.price.shape),
        rung=Rung.PRICE_INDEPENDENT,
        curves=curves,
        objective=float("nan"),
        bound=float("nan"),
        gap=float("nan"),
        bound_scope="none",
        status="no solver",
        reason=reason,
    )


def way_to_end(battery: BatteryData, data: ModelData) -> FloatArray:
    """Net injection (T,) that leads from the start to the end energy in proportion to power."""
    unit = battery.unit
    end = battery.start_energy if unit.end_energy_mwh is None else unit.end_energy_mwh
    needed, limit = end - battery.start_energy, battery.power_limit
    total = float(limit.sum()) * data.hours
    if total <= 0 or needed == 0:
        return np.zeros(data.mtu_count)
    at_connection = (
        needed / unit.charge_efficiency if needed > 0 else needed * unit.discharge_efficiency
    )
    return -limit * min(1.0, max(-1.0, at_connection / total))


def must_run(thermal: ThermalData, data: ModelData) -> tuple[FloatArray, FloatArray]:
    """Power (T,) and hours on (H,): on only while it has to be, at the least it can."""
    lowest, _ = commitment_bounds(thermal, data.mtus_per_hour)
    on = np.array(lowest, dtype=float)
    unit, power = thermal.unit, thermal.start_power
    fall = np.inf if unit.ramp_down_mw_per_hour is None else unit.ramp_down_mw_per_hour * data.hours
    path = np.zeros(data.mtu_count)
    for t in range(data.mtu_count):
        floor = unit.min_power_mw * on[t // data.mtus_per_hour]
        power = max(floor, power - fall) if floor else 0.0
        path[t] = min(power, thermal.power_limit[t])
    return path, on


def _operation(data: ModelData) -> Operation:
    shape = data.price.shape
    flows = {battery.unit.name: way_to_end(battery, data) for battery in data.batteries}
    energy = {
        battery.unit.name: energy_path(battery, flows[battery.unit.name], data.hours)
        for battery in data.batteries
    }
    runs = {t.unit.name: must_run(t, data) for t in data.thermals}
    return Operation(
        output={part.name: part.available for part in data.renewables},
        charge={name: np.broadcast_to(np.maximum(-f, 0), shape) for name, f in flows.items()},
        discharge={name: np.broadcast_to(np.maximum(f, 0), shape) for name, f in flows.items()},
        energy={name: np.broadcast_to(path, shape) for name, path in energy.items()},
        power={name: np.broadcast_to(power, shape) for name, (power, _) in runs.items()},
        lowered={load.name: np.zeros(shape) for load in data.loads},
        raised={load.name: np.zeros(shape) for load in data.loads},
        on={
            thermal.unit.name: np.tile(runs[thermal.unit.name][1], (thermal.case_count, 1))
            for thermal in data.thermals
        },
        offered={r.name: np.zeros(r.prices.shape) for r in data.reserves if r.awarded is None},
    )
