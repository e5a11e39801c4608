"""The ensemble that makes a target's forecasts at a point in time.

The champion as of then; where this code cannot make it any more, or its row cannot be read, the
newest champion before it that can be made; where there is none, what the desk file names. A step
down is noted, and the note goes with the forecast. Without any champion (a fresh lake, a replay of
days before the first training) the desk's own is the first choice and nothing is noted.

A decision, its replay and the training that goes before them ask here, so that the deadline finds
the models of what it forecasts with. A configuration that waits as challenger is in no answer.

Not here: how a champion is chosen (`champions`, `validation`), making an ensemble from its
configuration (`configurations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from energy_assets.errors import InputError
from energy_assets.forecasting.ensembles import Ensemble, desk_ensemble
from energy_assets.forecasting.lifecycle.champions import Champions, choice_of
from energy_assets.forecasting.lifecycle.configurations import rebuilt
from energy_assets.forecasting.targets import target_names
from energy_assets.lakehouse.lake import Lake
from energy_assets.portfolio import Desk


def ensembles_in_force(
    lake: Lake, desk: Desk, at: datetime, ingested_before: datetime | None = None
) -> dict[str, Ensemble]:
    """The ensemble of each target with a champion on record; the desk's own serves the others.

    Args:
        lake: The lake.
        desk: The desk.
        at: Point in time: choices known by then count.
        ingested_before: Rows written from then on are not read.

    Raises:
        InputError: It comes to the desk's own, and that names no member.
    """
    rows = Champions(lake, desk.name).rows(at, ingested_before, role="champion")
    found = {}
    for target in target_names(desk):
        champions = [row for row in rows.iter_rows(named=True) if row["target"] == target]
        if champions:
            found[target] = _best(desk, target, reversed(champions))
    return found


def _best(desk: Desk, target: str, champions: Iterable[Mapping[str, Any]]) -> Ensemble:
    """The first that can be made, with a note where that is not the first of all."""
    reason = ""
    for row in champions:
        try:
            ensemble = rebuilt(choice_of(row).configuration, target)
        except InputError as error:
            reason = reason or f"champion of {row['chosen_at']:%Y-%m-%d} not used: {error}"
            continue
        if not reason:
            return ensemble
        since = f"the champion of {row['chosen_at']:%Y-%m-%d} serves"
        return replace(ensemble, note=f"{target}: {reason}; {since}")
    return replace(
        desk_ensemble(desk, target), note=f"{target}: {reason}; the desk's own members serve"
    )
