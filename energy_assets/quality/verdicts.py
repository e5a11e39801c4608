"""Verdicts on every input of a decision, as known at its decision time.

Per input and rule of its table's service level (`service_levels`) one verdict: `good`, `suspect`
(usable, something is off) or `missing` (the forecast that needs it steps down). Completeness counts
MTUs of the session's grid, so 23- and 25-hour days are complete with 23 and 25 hours.

Belongs here: reading an input's rows as known, the verdicts on it, the overall one. Not here: which
inputs a desk has (`desk_inputs`), rows refused on the way in (`screening`), what a rung does about
a verdict (`forecasting`, `bidding`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.lakehouse.point_verdicts import POINT_VERDICTS
from energy_assets.lakehouse.tables import TABLES, UTC_TIME
from energy_assets.portfolio import Desk
from energy_assets.quality.desk_inputs import (
    FUEL_MAX_AGE,
    Input,
    fuel_scope,
    inputs,
    system_series,
)
from energy_assets.quality.service_levels import (
    GOOD,
    MISSING,
    SUSPECT,
    Finding,
    completeness,
    freshness,
    plausibility,
)

__all__ = [
    "FUEL_MAX_AGE",
    "GOOD",
    "MISSING",
    "SUSPECT",
    "Input",
    "Verdict",
    "fuel_scope",
    "inputs",
    "overall",
    "system_series",
    "unusable",
    "verdict_frame",
    "verdicts",
]

_ORDER = {GOOD: 0, SUSPECT: 1, MISSING: 2}


@dataclass(frozen=True)
class Verdict:
    """What one rule found of one input.

    Attributes:
        source: The input.
        rule: `freshness`, `completeness` or `plausibility`.
        verdict: good, suspect or missing.
        detail: Expected and found, in words.
    """

    source: Input
    rule: str
    verdict: str
    detail: str


def verdicts(known: PointInTime, desk: Desk, day: date) -> list[Verdict]:
    """The verdicts on every input of the desk's decision for a delivery day."""
    wanted = inputs(desk, day)
    for scope in sorted({each.scope for each in wanted}):
        # One read for all inputs, and for all days of a backtest.
        known.preload(POINT_VERDICTS, scope=scope)
    return [
        Verdict(each, found.rule, found.verdict, found.detail)
        for each in wanted
        for found in _findings(known, each)
    ]


def overall(found: list[Verdict], feeds: str | None = None) -> str:
    """The worst verdict, of all inputs or of those that one forecast depends on."""
    relevant = [v.verdict for v in found if feeds is None or v.source.feeds == feeds]
    return max(relevant, key=_ORDER.__getitem__, default=GOOD)


def unusable(found: list[Verdict], feeds: str) -> str:
    """Why one forecast has to step down, in a line; empty where nothing is missing."""
    lines = [
        f"{v.source.name}: {v.rule}: {v.detail}"
        for v in found
        if v.source.feeds == feeds and v.verdict == MISSING
    ]
    return "; ".join(lines)


def verdict_frame(found: list[Verdict]) -> pl.DataFrame:
    """Own columns of `quality.verdicts`."""
    columns = {c.name: c.dtype for c in TABLES["quality.verdicts"].columns}
    rows = [
        (v.source.name, v.rule, v.verdict, v.source.start, v.source.end, v.detail) for v in found
    ]
    return pl.DataFrame(rows, schema={**columns, "window_start": UTC_TIME}, orient="row")


def _findings(known: PointInTime, wanted: Input) -> list[Finding]:
    rows = known.as_of(
        wanted.table,
        scope=wanted.scope,
        start=wanted.start,
        end=wanted.end,
        where=dict(wanted.where),
    )
    found = []
    if wanted.max_age is not None:
        found.append(freshness(rows, known.decision_time, wanted.max_age))
    if wanted.minutes is not None:
        found.append(completeness(rows, wanted.start, wanted.end, wanted.minutes, wanted.coverage))
    return [*found, plausibility(_doubtful(known, wanted))]


def _doubtful(known: PointInTime, wanted: Input) -> pl.DataFrame:
    points = known.as_of(POINT_VERDICTS, scope=wanted.scope, start=wanted.start, end=wanted.end)
    # Of a forecast every vintage is a series of its own, named after the input's.
    named = pl.col("series")
    of_input = (named == wanted.series) | named.str.starts_with(f"{wanted.series},")
    return points.filter(pl.col("table") == wanted.table, of_input)
