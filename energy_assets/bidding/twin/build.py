"""Joins the parts into one sparse model.

Not here: the parts' equations (one module each), Pyomo (`model.build`).
"""

from __future__ import annotations

from collections.abc import Mapping

from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.twin.assembly import Assembly, TwinModel
from energy_assets.bidding.twin.auction import add_auction
from energy_assets.bidding.twin.battery import Cells, add_battery
from energy_assets.bidding.twin.flexible_load import add_flexible_load
from energy_assets.bidding.twin.imbalance import add_imbalance
from energy_assets.bidding.twin.intraday import add_intraday, add_position_limits
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms
from energy_assets.bidding.twin.renewable import add_renewable
from energy_assets.bidding.twin.reserve import add_reserves
from energy_assets.bidding.twin.risk import add_objective
from energy_assets.bidding.twin.thermal import add_thermal


def build_twin(
    data: ModelData, mode_cells: Mapping[str, Cells] | None = None, *, keep_pattern: bool = False
) -> TwinModel:
    """The sparse model of a problem, equal to the compiled Pyomo model.

    Args:
        data: Arrays of the problem.
        mode_cells: Per battery, the (scenario, MTU) cells that get a mode binary.
        keep_pattern: Keep entries that happen to be 0 and rows that happen to say nothing, so that
            the same plant with other figures gives the same pattern.
    """
    a, horizon = Assembly(), Horizon.of(data)
    reserves = add_reserves(a, horizon, data)
    units = _add_units(a, horizon, data, mode_cells or {}, reserves.held)
    position, income = add_auction(a, horizon, data)
    sold, incomes = [position], [income]
    if data.intraday is not None:
        traded, income = add_intraday(a, horizon, data.intraday)
        add_position_limits(a, horizon, data, position, traded)
        sold.append(traded)
        incomes.append(income)
    sold += reserves.called
    incomes += reserves.incomes
    incomes.append(add_imbalance(a, horizon, data, units, sold))
    add_objective(a, horizon, data, incomes, units)
    return a.compile(keep_pattern=keep_pattern)


def _add_units(
    a: Assembly,
    horizon: Horizon,
    data: ModelData,
    mode_cells: Mapping[str, Cells],
    held: Mapping[str, Held],
) -> list[UnitTerms]:
    def block(name: str) -> Assembly:
        return a.within(f"unit[{name}]")

    units = [add_renewable(block(r.name), horizon, r, held.get(r.name)) for r in data.renewables]
    units += [add_flexible_load(block(x.name), horizon, x, held.get(x.name)) for x in data.loads]
    for battery in data.batteries:
        name = battery.unit.name
        cells = mode_cells.get(name, [])
        units.append(add_battery(block(name), horizon, battery, cells, held.get(name)))
    for thermal in data.thermals:
        name = thermal.unit.name
        units.append(add_thermal(block(name), horizon, thermal, held.get(name)))
    return units
