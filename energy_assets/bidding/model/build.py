"""Joins the parts into one Pyomo model, with templated or plain rules.

Templating evaluates each rule once per family of rows. Pyomo keeps the switch in an undocumented
module flag; `_templated` is the only place that touches it, and a test holds the matrix of both
ways equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import sub
from typing import Any

from energy_assets.bidding.model.battery import Cells, add_battery
from energy_assets.bidding.model.curve import add_curve, add_given_position
from energy_assets.bidding.model.imbalance import add_imbalance
from energy_assets.bidding.model.parts import UnitTerms, parameter
from energy_assets.bidding.model.renewable import add_renewable
from energy_assets.bidding.model.risk import add_objective, day_ahead_income
from energy_assets.bidding.model.thermal import add_thermal
from energy_assets.bidding.model_data import ModelData

ModeCells = dict[str, Cells]


def build_model(data: ModelData, mode_cells: ModeCells | None = None, *, templated: bool) -> Any:
    """The Pyomo model of a problem.

    Args:
        data: Arrays of the problem.
        mode_cells: Per battery, the (scenario, MTU) cells that get a mode binary.
        templated: Use templated rules.
    """
    import pyomo.environ as pyo

    with _templated(templated):
        m = pyo.ConcreteModel()
        _add_sets(m, data)
        units = _add_units(m, data, mode_cells or {})
        grid = data.grid
        position = add_curve(m, data, grid) if grid else add_given_position(m, data)
        settlement = add_imbalance(m, data, units, position)
        day_ahead = day_ahead_income(m, data, position)

        def income(s: Any) -> Any:
            return reduce(sub, (unit.cost(s) for unit in units), day_ahead(s) + settlement(s))

        add_objective(m, data, income)
    return m


def _add_sets(m: Any, data: ModelData) -> None:
    import numpy as np
    import pyomo.environ as pyo

    per_hour, count = data.mtus_per_hour, data.mtu_count
    m.hours, m.last, m.mtus_per_hour = data.hours, count - 1, per_hour
    # A delivery day of 23 or 25 hours is one day; longer horizons are counted in whole days.
    m.days = max(1, round(count * data.hours / 24))
    m.S = pyo.RangeSet(0, data.scenario_count - 1)
    m.T = pyo.RangeSet(0, count - 1)
    m.H = pyo.RangeSet(0, data.hour_count - 1)
    m.T_later = pyo.Set(dimen=1, initialize=range(1, count))
    m.H_later = pyo.Set(dimen=1, initialize=range(1, data.hour_count))
    m.T_hourly = pyo.Set(dimen=1, initialize=range(per_hour, count, per_hour))
    m.T_within = pyo.Set(dimen=1, initialize=[t for t in range(count) if t % per_hour])
    m.hour_of = parameter(np.arange(count) // per_hour, m.T)


def _add_units(m: Any, data: ModelData, mode_cells: ModeCells) -> list[UnitTerms]:
    import pyomo.environ as pyo

    names = [renewable.name for renewable in data.renewables]
    names += [battery.unit.name for battery in data.batteries]
    names += [thermal.unit.name for thermal in data.thermals]
    m.unit = pyo.Block(names)
    terms = [add_renewable(m, m.unit[r.name], r) for r in data.renewables]
    for battery in data.batteries:
        name = battery.unit.name
        terms.append(add_battery(m, m.unit[name], battery, mode_cells.get(name, [])))
    terms += [add_thermal(m, m.unit[thermal.unit.name], thermal) for thermal in data.thermals]
    return terms


@contextmanager
def _templated(wanted: bool) -> Iterator[None]:
    from pyomo.core.base import constraint

    before = constraint.TEMPLATIZE_CONSTRAINTS
    constraint.TEMPLATIZE_CONSTRAINTS = wanted
    try:
        yield
    finally:
        constraint.TEMPLATIZE_CONSTRAINTS = before
