"""Why a problem has no solution, in words: the unit and the limit.

Imbalance limits are soft, so only a unit's own limits can make a problem infeasible. `check`
covers the limits that arithmetic decides before any model is built; `explain` asks the solver unit
by unit for the rest.

Not here: malformed input (`problem`).
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from energy_assets.bidding.builds import compiled_model
from energy_assets.bidding.handoff import Highs, SolverInfeasibleError
from energy_assets.bidding.model_data import BatteryData, ModelData
from energy_assets.bidding.problem import BiddingProblem, SolverOptions
from energy_assets.errors import InfeasibleError

TOLERANCE = 1e-6


def check(problem: BiddingProblem, data: ModelData) -> None:
    """Raise if a limit cannot be kept whatever the prices are.

    Raises:
        InfeasibleError: Names the unit and the limit.
    """
    for battery in data.batteries:
        _check_battery(battery, data)
    if data.position is None:
        _check_purchase(problem, data)


def _check_battery(battery: BatteryData, data: ModelData) -> None:
    unit = battery.unit
    if unit.end_energy_mwh is None:
        return
    needed = unit.end_energy_mwh - battery.start_energy
    hours = float(battery.power_limit.sum()) * data.hours
    gain, drop = hours * unit.charge_efficiency, hours / unit.discharge_efficiency
    if needed > gain + TOLERANCE:
        _fail(unit.name, "end_energy_mwh", f"needs {needed:g} MWh more, can charge {gain:g} MWh")
    if -needed > drop + TOLERANCE:
        _fail(unit.name, "end_energy_mwh", f"has {-needed:g} MWh too many, can draw {drop:g} MWh")
    if unit.max_cycles_per_day is not None:
        days = max(1, round(data.mtu_count * data.hours / 24))
        most = unit.max_cycles_per_day * unit.energy_mwh * days
        if -needed > most + TOLERANCE:
            _fail(
                unit.name, "max_cycles_per_day", f"has to draw {-needed:g}, may draw {most:g} MWh"
            )


def _check_purchase(problem: BiddingProblem, data: ModelData) -> None:
    load = -data.forced
    own = sum((b.power_limit for b in data.batteries), np.zeros(data.mtu_count))
    own = own + sum((t.power_limit for t in data.thermals), np.zeros(data.mtu_count))
    supply = sum((r.available for r in data.renewables), np.zeros(load.shape)) + own
    most = problem.limits.max_purchase_mw + data.max_imbalance
    uncovered = load - supply - most
    scenario, mtu = np.unravel_index(int(uncovered.argmax()), uncovered.shape)
    if uncovered[scenario, mtu] > TOLERANCE:
        text = (
            f"load needs {load[scenario, mtu]:g} MW in MTU {mtu + 1}; own supply "
            f"{supply[scenario, mtu]:g}, purchase and imbalance limits {most:g} MW"
        )
        _fail("load", "limits.max_purchase_mw", text)


def explain(data: ModelData, options: SolverOptions) -> InfeasibleError:
    """The error that names the unit and the limits the solver could not keep together."""
    alone = replace(data, renewables=(), batteries=(), thermals=(), risk_weight=0.0)
    parts = {b.unit.name: replace(alone, batteries=(b,)) for b in data.batteries}
    parts |= {t.unit.name: replace(alone, thermals=(t,)) for t in data.thermals}
    for name, part in parts.items():
        rows = _conflict(part, options)
        if rows is not None:
            return InfeasibleError(f"unit {name}: {_limits(rows, data)} cannot be kept together")
    return InfeasibleError("no unit is infeasible alone; the given commitment cannot be kept")


def _conflict(data: ModelData, options: SolverOptions) -> list[str] | None:
    solver = Highs(compiled_model(data, options.build), options)
    try:
        solver.solve()
    except SolverInfeasibleError:
        return solver.irreducible_rows()
    return None


def _limits(rows: list[str], data: ModelData) -> str:
    families = sorted({match[1] for row in rows if (match := re.search(r"\.(\w+)(\[|$)", row))})
    positions = sorted({int(match[1]) for row in rows if (match := re.search(r",(\d+)\]$", row))})
    text = ", ".join(families) or "its limits"
    if positions:
        text += f" in MTUs {positions[0] + 1} to {positions[-1] + 1} of {data.mtu_count}"
    return text


def _fail(unit: str, limit: str, text: str) -> None:
    msg = f"unit {unit}, {limit}: {text}"
    raise InfeasibleError(msg)
