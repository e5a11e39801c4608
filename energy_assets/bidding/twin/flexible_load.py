"""Flexible load: columns and rows of `model.flexible_load`.

Not here: what the equations mean (there).
"""

from __future__ import annotations

from energy_assets.bidding.model_data import FlexibleLoadData
from energy_assets.bidding.twin.assembly import Assembly, Terms
from energy_assets.bidding.twin.parts import Held, Horizon, UnitTerms


def add_flexible_load(
    a: Assembly, horizon: Horizon, data: FlexibleLoadData, held: Held | None
) -> UnitTerms:
    """Add a flexible load; `a` prefixes its names."""
    cells, scenarios, terms = horizon.cells, horizon.scenarios, data.flexibility
    lower = a.columns("lower", cells, upper=data.lower)
    raise_ = a.columns("raise_", cells, upper=data.raise_)
    lowered, raised = a.columns("lowered", cells), a.columns("raised", cells)
    _add_recursion(a, horizon, "lowered", lower, lowered)
    _add_recursion(a, horizon, "raised", raise_, raised)
    a.at_most("most_lowered", cells, [lowered, -raised], terms.energy_mwh)
    a.at_most("most_raised", cells, [raised, -lowered], terms.energy_mwh)
    a.equal("made_up", (scenarios,), [raised[:, -1], -lowered[:, -1]], 0.0)
    within = data.recovery_mtus
    axes = (scenarios, horizon.mtus[:-within])
    a.at_most("raised_in_time", axes, [lowered[:, :-within], -raised[:, within:]], 0.0)
    a.at_most("lowered_in_time", axes, [raised[:, :-within], -lowered[:, within:]], 0.0)
    if held is not None:
        a.at_most("room_up", cells, [lower, -raise_, *held.up], data.lower)
        a.at_most("room_down", cells, [raise_, -lower, *held.down], data.raise_)
    return UnitTerms([lower, -raise_], [lower * (terms.shift_cost * horizon.hours)])


def _add_recursion(a: Assembly, horizon: Horizon, name: str, power: Terms, energy: Terms) -> None:
    moved = power * -horizon.hours
    a.equal(f"first_{name}", (horizon.scenarios,), [energy[:, 0], moved[:, 0]], 0.0)
    later = [energy[:, 1:], -energy[:, :-1], moved[:, 1:]]
    a.equal(f"next_{name}", (horizon.scenarios, horizon.mtus[1:]), later, 0.0)
