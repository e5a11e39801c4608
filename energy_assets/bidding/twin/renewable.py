"""Curtailable wind and solar: columns and rows of `model.renewable`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

from energy_assets.bidding.model_data import RenewableData
from energy_assets.bidding.twin.assembly import Assembly
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms


def add_renewable(
    a: Assembly, horizon: Horizon, data: RenewableData, held: Held | None
) -> UnitTerms:
    """Add a curtailable unit; `a` prefixes its names."""
    output = a.columns("output", horizon.cells, upper=data.available)
    if held is not None:
        a.at_most("room_up", horizon.cells, [output, *held.up], data.available)
        a.at_most("room_down", horizon.cells, [*held.down, -output], 0.0)
    return UnitTerms([output], [output * (data.variable_cost * horizon.hours)])
