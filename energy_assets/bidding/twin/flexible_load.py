"""Flexible load: columns and rows of `model.flexible_load`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

from energy_assets.bidding.model_data import FlexibleLoadData
from energy_assets.bidding.twin.assembly import Assembly
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms, at


def add_flexible_load(
    a: Assembly, horizon: Horizon, data: FlexibleLoadData, held: Held | None
) -> UnitTerms:
    """Add a flexible load; `a` prefixes its names."""
    cells, scenarios, mtus = horizon.cells, horizon.scenarios, horizon.mtus
    most = data.flexibility.energy_mwh
    lower = a.columns("lower", cells, upper=data.lower)
    raise_ = a.columns("raise_", cells, upper=data.raise_)
    outstanding = a.columns("outstanding", cells, lower=-most, upper=most)
    moved = [lower * -horizon.hours, raise_ * horizon.hours]
    first = [outstanding[:, 0], *at(moved, 0)]
    a.equal("first_outstanding", (scenarios,), first, data.shifted)
    later = [outstanding[:, 1:], -outstanding[:, :-1], *at(moved, mtus[1:])]
    a.equal("next_outstanding", (scenarios, mtus[1:]), later, 0.0)
    ends = data.window_ends
    a.equal("made_up", (scenarios, ends), [outstanding[:, ends]], 0.0)
    if held is not None:
        a.at_most("room_up", cells, [lower, -raise_, *held.up], data.lower)
        a.at_most("room_down", cells, [raise_, -lower, *held.down], data.raise_)
    return UnitTerms([lower, -raise_], [lower * (data.flexibility.shift_cost * horizon.hours)])
