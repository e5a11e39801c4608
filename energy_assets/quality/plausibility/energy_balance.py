"""State of charge: stored energy has to change by what power put in and took out.

Rule `energy_balance`. Over a window of hours the change of stored energy is compared with
integrated charging times its efficiency less discharging over its own. Either signal may be the
wrong one, so both are flagged. Not here: limits of stored energy (`limits`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_assets.quality.plausibility.signal import Finding, Floats, Places, spread
from energy_assets.quality.plausibility.thresholds import EnergyBalanceThresholds


@dataclass(frozen=True)
class Storage:
    """A battery's two signals on one grid, in time order.

    Attributes:
        power_mw: Mean power of the slot, discharge positive.
        energy_mwh: Stored energy at the start of the slot.
        minutes: Length of a slot.
        capacity_mwh: Usable energy.
        charge_efficiency: Stored per taken.
        discharge_efficiency: Delivered per drawn.
    """

    power_mw: Floats
    energy_mwh: Floats
    minutes: int
    capacity_mwh: float
    charge_efficiency: float
    discharge_efficiency: float


def energy_balance(storage: Storage, use: EnergyBalanceThresholds) -> list[Finding]:
    """Windows in which stored energy and power do not fit.

    The room of a window of h hours is `tolerance` of the capacity plus `throughput_tolerance` of
    the energy that went through, for efficiencies that are not exactly the nominal ones.
    """
    hours = storage.minutes / 60
    power, energy = storage.power_mw.ravel(), storage.energy_mwh.ravel()
    into = np.maximum(-power, 0) * hours * storage.charge_efficiency
    out = np.maximum(power, 0) * hours / storage.discharge_efficiency
    flagged = np.zeros(power.size, dtype=bool)
    score = np.zeros(power.size)
    evidence: Places = np.arange(power.size)
    for window_hours in use.window_hours:
        steps = max(round(window_hours / hours), 1)
        if steps >= power.size:
            continue
        moved = _rolling(into - out, steps)
        through = _rolling(into + out, steps)
        change = energy[steps:] - energy[:-steps]
        room = use.tolerance * storage.capacity_mwh + use.throughput_tolerance * through
        off = np.abs(change - moved) - room
        starts = np.flatnonzero(off > 0)
        fresh = spread(power.size, starts, starts + steps + 1) & ~flagged
        flagged |= fresh
        last = np.minimum(np.flatnonzero(fresh) + steps, power.size - 1)
        evidence[fresh] = last
        score[fresh] = off[starts].max() if len(starts) else 0.0
    if not flagged.any():
        return []
    expected = "stored energy to change by what power put in and took out"
    measure = "MWh apart, beyond the room for losses,"
    return [Finding("energy_balance", "suspect", flagged, evidence, score, expected, measure)]


def _rolling(values: Floats, steps: int) -> Floats:
    """Sum of each `steps` slots; one element per window that ends before the last slot."""
    kernel = np.ones(steps)
    sums: Floats = np.convolve(values, kernel, mode="valid")[: values.size - steps]
    return sums
