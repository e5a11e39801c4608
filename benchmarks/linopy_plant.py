"""The bidding model of battery, thermal units, wind and solar written with linopy, to compare.

The same equations as `energy_assets.bidding.model` for these units with a curve, imbalance and
CVaR: no reserves, blocks, intraday ladder, flexible load, hot starts or part load.
`model_build.py` measures it and checks that its optimum is ours.
"""

from __future__ import annotations

import warnings
from functools import reduce
from operator import add

import linopy
import numpy as np
import xarray as xr

from energy_assets.bidding.model.thermal import commitment_bounds
from energy_assets.bidding.model_data import BatteryData, ModelData, ThermalData


class LinopyPlant:
    """Collects what units inject and cost while the model grows."""

    def __init__(self, data: ModelData) -> None:
        self.data, self.model = data, linopy.Model()
        self.s = np.arange(data.scenario_count)
        self.t = np.arange(data.mtu_count)
        self.h = np.arange(data.hour_count)
        hour_of = self.t // data.mtus_per_hour
        self.hour_of = xr.DataArray(hour_of, dims="t", coords={"t": self.t})
        self.within = self.t[self.t % data.mtus_per_hour > 0]
        self.hourly = self.t[(self.t % data.mtus_per_hour == 0) & (self.t > 0)]
        self.injected: list = []
        self.costs: list = []

    def by_mtu(self, values: np.ndarray) -> xr.DataArray:
        """Figures (S, T) or (T,) as a labelled array."""
        if values.ndim == 1:
            return xr.DataArray(values, dims="t", coords={"t": self.t})
        return xr.DataArray(values, dims=("s", "t"), coords={"s": self.s, "t": self.t})

    def variable(self, name: str, upper: object = np.inf) -> linopy.Variable:
        """A variable by scenario and MTU, from 0."""
        return self.model.add_variables(
            0.0, upper, coords=[self.s, self.t], name=name, dims=["s", "t"]
        )

    def row(self, name: str, left: object, sign: str, right: object = 0.0) -> None:
        """Constraints left sign right."""
        self.model.add_constraints(left, sign, right, name=name)


def build_linopy(data: ModelData) -> linopy.Model:
    """The linopy model of a problem."""
    with warnings.catch_warnings():
        # Shifted variables are meant to count as 0 before the first MTU: its legacy semantics.
        warnings.simplefilter("ignore")
        return _build(data)


def _build(data: ModelData) -> linopy.Model:
    plant = LinopyPlant(data)
    for part in data.renewables:
        output = plant.variable(f"{part.name}_output", plant.by_mtu(part.available))
        plant.injected.append(1 * output)
        if part.variable_cost:
            plant.costs.append((part.variable_cost * data.hours * output).sum("t"))
    for battery in data.batteries:
        _battery(plant, battery)
    for thermal in data.thermals:
        _thermal(plant, thermal)
    _objective(plant, _settlement(plant, _curve(plant)))
    return plant.model


def _battery(plant: LinopyPlant, data: BatteryData) -> None:
    unit, hours, name = data.unit, plant.data.hours, data.unit.name
    limit = plant.by_mtu(data.power_limit)
    charge = plant.variable(f"{name}_charge", limit)
    discharge = plant.variable(f"{name}_discharge", limit)
    energy = plant.variable(f"{name}_energy", unit.energy_mwh)
    drawn = hours / unit.discharge_efficiency * discharge
    flow = hours * unit.charge_efficiency * charge - drawn
    first = energy.isel(t=0) - flow.isel(t=0)
    plant.row(f"{name}_start", first, "=", data.start_energy)
    change = (energy - energy.shift(t=1) - flow).isel(t=slice(1, None))
    plant.row(f"{name}_recursion", change, "=")
    if unit.end_energy_mwh is not None:
        plant.row(f"{name}_end", 1 * energy.isel(t=-1), "=", unit.end_energy_mwh)
    if unit.max_cycles_per_day is not None:
        plant.row(f"{name}_cycles", drawn.sum("t"), "<=", unit.max_cycles_per_day * unit.energy_mwh)
    plant.injected.append(discharge - charge)
    plant.costs.append((unit.wear_cost * hours * discharge).sum("t"))
    if unit.terminal_value:
        plant.costs.append(-unit.terminal_value * energy.isel(t=-1))


def _thermal(plant: LinopyPlant, data: ThermalData) -> None:
    unit, name, h, hours = data.unit, data.unit.name, plant.h, plant.data.hours
    on, start, stop = (
        plant.model.add_variables(coords=[h], dims=["h"], name=f"{name}_{kind}", binary=True)
        for kind in ("on", "start", "stop")
    )
    bounds = np.array(commitment_bounds(data, plant.data.mtus_per_hour), dtype=float)
    on.lower, on.upper = (xr.DataArray(bound, dims="h", coords={"h": h}) for bound in bounds)
    power = plant.variable(f"{name}_power", plant.by_mtu(data.power_limit))
    switch = on - on.shift(h=1) - start + stop
    plant.row(f"{name}_first_switch", switch.isel(h=0), "=", float(data.on))
    plant.row(f"{name}_switch", switch.isel(h=slice(1, None)), "=")
    plant.row(f"{name}_one_switch", start + stop, "<=", 1)
    for kind, hours_kept, changes in (
        ("up", unit.min_up_hours, start),
        ("down", unit.min_down_hours, stop),
    ):
        kept = reduce(add, (changes.shift(h=back) for back in range(1, hours_kept)), 1 * changes)
        room = kept - on if kind == "up" else kept + on
        plant.row(f"{name}_min_{kind}", room, "<=", 0 if kind == "up" else 1)
    seen = {
        kind: variable.isel(h=plant.hour_of)
        for kind, variable in (("on", on), ("start", start), ("stop", stop))
    }
    plant.row(f"{name}_most", power - plant.by_mtu(data.power_limit) * seen["on"], "<=")
    plant.row(f"{name}_least", unit.min_power_mw * seen["on"] - power, "<=")
    _ramps(plant, data, power, seen)
    plant.injected.append(1 * power)
    plant.costs.append((plant.by_mtu(data.energy_cost * hours) * power).sum("t"))
    plant.costs.append((unit.start_cost * start).sum())


def _ramps(plant: LinopyPlant, data: ThermalData, power: object, seen: dict) -> None:
    name, hours = data.unit.name, plant.data.hours
    up, down = data.ramp_up_mw(hours), data.ramp_down_mw(hours)
    first, last = data.start_limit_mw(hours), data.stop_limit_mw(hours)
    on, start, stop = seen["on"], seen["start"], seen["stop"]
    rise, before = power - power.shift(t=1), on.shift(t=1)
    from_start = data.start_power + up if data.on else 0.0
    plant.row(f"{name}_first_up", (power - first * start).isel(t=0), "<=", from_start)
    plant.row(f"{name}_up", (rise - up * on).sel(t=plant.within), "<=")
    at_hour = (rise - up * before - first * start).sel(t=plant.hourly)
    plant.row(f"{name}_up_at_hour", at_hour, "<=")
    if data.on:
        fall = (-1 * power - down * on - last * stop).isel(t=0)
        plant.row(f"{name}_first_down", fall, "<=", -data.start_power)
    outage = plant.by_mtu(data.outage_mw)
    fall = (-1 * rise - down * on).sel(t=plant.within)
    plant.row(f"{name}_down", fall, "<=", outage.sel(t=plant.within))
    fall = (-1 * rise - down * on - last * stop).sel(t=plant.hourly)
    plant.row(f"{name}_down_at_hour", fall, "<=", outage.sel(t=plant.hourly))


def _curve(plant: LinopyPlant) -> object:
    """Position by scenario and MTU."""
    data, grid = plant.data, plant.data.grid
    assert grid is not None
    mtu_of = np.repeat(plant.t, np.diff(grid.offsets))
    k = np.arange(grid.size)
    lower, upper = data.lowest[mtu_of], data.highest[mtu_of]
    volume = plant.model.add_variables(lower, upper, coords=[k], dims=["k"], name="volume")
    followed = np.array(grid.neighbours)
    low, high = (
        volume.isel(k=xr.DataArray(points, dims="m", coords={"m": followed}))
        for points in (followed, followed + 1)
    )
    plant.row("monotone", low - high, "<=")
    low, high = (volume.isel(k=plant.by_mtu(points)) for points in (grid.low, grid.high))
    return plant.by_mtu(grid.low_weight) * low + plant.by_mtu(grid.high_weight) * high


def _settlement(plant: LinopyPlant, position: object) -> object:
    """The balance; returns the income of each scenario."""
    data = plant.data
    long, short = (plant.variable(name, data.max_imbalance) for name in ("long", "short"))
    more, less = plant.variable("long_excess"), plant.variable("short_excess")
    surplus = reduce(add, plant.injected) - position
    plant.row("balance", surplus - long - more + short + less, "=", plant.by_mtu(-data.forced))
    earned = (data.long_price - data.aversion) * data.hours
    paid = (data.short_price + data.aversion) * data.hours
    excess = data.excess_price * data.hours
    income = plant.by_mtu(data.price * data.hours) * position
    income = income + plant.by_mtu(earned) * long - plant.by_mtu(paid) * short
    income = income + plant.by_mtu(earned - excess) * more - plant.by_mtu(paid + excess) * less
    return income.sum("t")


def _objective(plant: LinopyPlant, income: object) -> None:
    data, m = plant.data, plant.model
    weight, chance = data.risk_weight, xr.DataArray(data.probability, dims="s")
    profit = m.add_variables(coords=[plant.s], dims=["s"], name="profit")
    costs = reduce(add, plant.costs)
    plant.row("profit_row", profit - income + costs, "=")
    threshold = m.add_variables(name="threshold")
    shortfall = m.add_variables(0.0, coords=[plant.s], dims=["s"], name="shortfall")
    plant.row("tail", threshold - profit - shortfall, "<=")
    mean = ((1.0 - weight) * chance * profit).sum()
    beyond = (weight / (1.0 - data.cvar_level) * chance * shortfall).sum()
    m.add_objective(mean + weight * threshold - beyond, sense="max")
