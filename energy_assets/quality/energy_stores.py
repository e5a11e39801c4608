"""Batteries among judged series: power and stored energy held against each other.

Belongs here: finding the two signals of a battery and handing them to the check on one grid. Not
here: the check (`plausibility.energy_balance`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from energy_assets.portfolio import BatteryUnit, Desk
from energy_assets.quality.judged_series import JudgedSeries
from energy_assets.quality.plausibility import Finding, Storage, energy_balance, thresholds_of


def store_findings(found: list[JudgedSeries], desk: Desk | None) -> dict[int, list[Finding]]:
    """Findings on power and stored energy of the desk's batteries, by place in `found`."""
    result: dict[int, list[Finding]] = defaultdict(list)
    for unit in () if desk is None else desk.units_of(BatteryUnit):
        mine = {
            str(series.key["signal"]): number
            for number, series in enumerate(found)
            if series.key.get("unit") == unit.name
        }
        if {"power", "stored_energy"} <= set(mine):
            pair = (mine["power"], mine["stored_energy"])
            for number, said in _compared(unit, found, pair).items():
                result[number] += said
    return result


def _compared(
    unit: BatteryUnit, found: list[JudgedSeries], pair: tuple[int, int]
) -> dict[int, list[Finding]]:
    power, energy = (found[number] for number in pair)
    if power.signal.minutes != energy.signal.minutes:
        return {}
    first = max(power.first_day, energy.first_day)
    last = min(each.first_day + each.signal.days for each in (power, energy))
    if last <= first:
        return {}
    values = [
        each.signal.values[first - each.first_day : last - each.first_day].ravel()
        for each in (power, energy)
    ]
    storage = Storage(
        values[0],
        values[1],
        power.signal.minutes,
        unit.energy_mwh,
        unit.charge_efficiency,
        unit.discharge_efficiency,
    )
    said = energy_balance(storage, thresholds_of("power").energy_balance)
    return {
        number: [_on_whole_grid(each, found[number], first) for each in said] for number in pair
    }


def _on_whole_grid(finding: Finding, series: JudgedSeries, first: int) -> Finding:
    """The finding of a span of days in the slots of a longer series."""
    offset = (first - series.first_day) * series.signal.slots
    size = series.signal.flat.size
    span = slice(offset, offset + finding.flagged.size)
    flagged = np.zeros(size, dtype=bool)
    score = np.zeros(size)
    evidence = np.arange(size)
    flagged[span] = finding.flagged & np.isfinite(series.signal.flat[span])
    score[span] = finding.score
    evidence[span] = finding.evidence + offset
    return replace(finding, flagged=flagged, score=score, evidence=evidence)
