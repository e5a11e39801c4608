"""A battery by price thresholds: charge below one price, discharge above another.

Thresholds are quantiles of the expected prices, equally far from both ends of the day; of a few
pairs, and standing still, the one that earns most at expected prices is taken. Every step stays
where the end energy and the cycle limit can still be kept. The end energy is reached if it can be,
else approached.

Not here: the optimum (`model.battery`).
"""

from __future__ import annotations

import numpy as np

from energy_assets.bidding.arrays import FloatArray
from energy_assets.bidding.model_data import BatteryData

# Share of MTUs on each side of the day that a pair of thresholds uses; 0 stands still.
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def threshold_path(battery: BatteryData, prices: FloatArray, hours: float) -> FloatArray:
    """Net injection (T,) MW at expected prices (T,), currency/MWh."""
    paths = [_path(battery, _wanted(prices, share), hours) for share in SHARES]
    return max(paths, key=lambda path: _worth(battery, path, prices, hours))


def energy_path(battery: BatteryData, flow: FloatArray, hours: float) -> FloatArray:
    """Energy in store (T,) MWh at the end of each MTU for a net injection (T,) MW."""
    unit = battery.unit
    stored = np.where(flow < 0, -flow * unit.charge_efficiency, -flow / unit.discharge_efficiency)
    energy: FloatArray = battery.start_energy + hours * np.cumsum(stored)
    return energy


def _wanted(prices: FloatArray, share: float) -> FloatArray:
    """-1 where to charge, 1 where to discharge, else 0 (T,)."""
    if share == 0.0:
        return np.zeros(len(prices))
    low, high = np.quantile(prices, [share, 1.0 - share])
    if low >= high:
        return np.zeros(len(prices))
    wanted: FloatArray = (prices >= high).astype(np.float64) - (prices <= low)
    return wanted


def _path(battery: BatteryData, wanted: FloatArray, hours: float) -> FloatArray:
    unit = battery.unit
    gain = battery.power_limit * hours * unit.charge_efficiency
    drop = battery.power_limit * hours / unit.discharge_efficiency
    left = np.inf if unit.max_cycles_per_day is None else _cycle_energy(battery, hours)
    least, most = _corridor(battery, gain, drop)
    energy, flow = battery.start_energy, np.zeros(len(wanted))
    for t, way in enumerate(wanted.tolist()):
        reach = energy - min(drop[t], left), energy + gain[t]
        target = min(max(energy - way * (drop[t] if way > 0 else gain[t]), least[t]), most[t])
        if unit.end_energy_mwh is not None and way < 0:
            # What is charged beyond the end energy has to be drawn again, within the cycle limit.
            target = min(target, max(unit.end_energy_mwh + left, energy))
        target = min(max(target, reach[0]), reach[1])
        change = target - energy
        left -= max(-change, 0.0)
        rate = 1.0 / unit.charge_efficiency if change > 0 else unit.discharge_efficiency
        flow[t] = -change * rate / hours
        energy = target
    return flow


def _cycle_energy(battery: BatteryData, hours: float) -> float:
    days = max(1, round(len(battery.power_limit) * hours / 24))
    return (battery.unit.max_cycles_per_day or 0.0) * battery.unit.energy_mwh * days


def _corridor(
    battery: BatteryData, gain: FloatArray, drop: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Least and most energy (T,) after each MTU from which the end energy is still in reach."""
    unit = battery.unit
    least, most = np.zeros(len(gain)), np.full(len(gain), unit.energy_mwh)
    if unit.end_energy_mwh is not None:
        after = [np.append(np.cumsum(each[::-1])[::-1][1:], 0.0) for each in (gain, drop)]
        least = np.maximum(least, unit.end_energy_mwh - after[0])
        most = np.minimum(most, unit.end_energy_mwh + after[1])
    return least, most


def _worth(battery: BatteryData, flow: FloatArray, prices: FloatArray, hours: float) -> float:
    unit = battery.unit
    income = hours * float(prices @ flow - unit.wear_cost * np.maximum(flow, 0.0).sum())
    return income + unit.terminal_value * float(energy_path(battery, flow, hours)[-1])
