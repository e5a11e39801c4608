"""Joins the parts into one Pyomo model, with templated or plain rules.

Templating evaluates each rule once per family of rows. Pyomo keeps the switch in an undocumented
module flag; `_templated` is the only place that touches it, and a test holds the matrix of both
ways equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from operator import add, sub
from typing import Any

from energy_assets.bidding.model.battery import Cells, add_battery
from energy_assets.bidding.model.blocks import add_blocks
from energy_assets.bidding.model.curve import (
    add_curve,
    add_given_position,
    add_position_limits,
    auction_income,
)
from energy_assets.bidding.model.flexible_load import add_flexible_load
from energy_assets.bidding.model.imbalance import add_imbalance
from energy_assets.bidding.model.intraday import add_intraday
from energy_assets.bidding.model.parts import Held, Injection, UnitTerms, parameter
from energy_assets.bidding.model.renewable import add_renewable
from energy_assets.bidding.model.reserve import add_reserves
from energy_assets.bidding.model.risk import add_objective
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
        reserves = add_reserves(m, data)
        units = _add_units(m, data, mode_cells or {}, reserves.held if reserves else {})
        position = _add_auction(m, data)
        incomes = [auction_income(m, data, position)]
        sold = [position]
        if data.intraday is not None:
            traded, income = add_intraday(m, data.intraday, data.hours)
            sold.append(traded)
            incomes.append(income)
            add_position_limits(m, data, sold)
        if reserves is not None:
            incomes.append(reserves.income)
            sold += [reserves.called] if reserves.called else []
        incomes.append(add_imbalance(m, data, units, sold))

        def profit(s: Any) -> Any:
            earned = reduce(add, (income(s) for income in incomes))
            return reduce(sub, (unit.cost(s) for unit in units), earned)

        add_objective(m, data, profit)
    return m


def _add_auction(m: Any, data: ModelData) -> Injection:
    """The auction's position: curve and blocks, or what is known of it."""
    if data.grid is None:
        return add_given_position(m, data)
    curve = add_curve(m, data, data.grid)
    if data.blocks is None:
        return curve
    blocks = add_blocks(m, data.blocks)
    return lambda s, t: curve(s, t) + blocks(s, t)


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
    # Where a reserve block begins, stores have to hold its energy already.
    begins: set[int] = set()
    for reserve in data.reserves:
        label = np.where(reserve.active > 0, reserve.block_of, -1)
        begins |= set((1 + np.flatnonzero(np.diff(label))).tolist())
    m.T_block = pyo.Set(dimen=1, initialize=sorted(begins))


def _add_units(
    m: Any, data: ModelData, mode_cells: ModeCells, held: Mapping[str, Held]
) -> list[UnitTerms]:
    import pyomo.environ as pyo

    m.unit = pyo.Block(data.unit_names)
    terms = [add_renewable(m, m.unit[r.name], r, held.get(r.name)) for r in data.renewables]
    terms += [add_flexible_load(m, m.unit[x.name], x, held.get(x.name)) for x in data.loads]
    for battery in data.batteries:
        name = battery.unit.name
        cells = mode_cells.get(name, [])
        terms.append(add_battery(m, m.unit[name], battery, cells, held.get(name)))
    for thermal in data.thermals:
        name = thermal.unit.name
        terms.append(add_thermal(m, m.unit[name], thermal, held.get(name)))
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
