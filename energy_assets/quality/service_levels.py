"""Service levels judged: is an input fresh, complete and plausible enough for a decision?

The registry states the level per table (`Table.service`); this module holds rows against it. Each
rule gives one `Finding`:

- `freshness`: age of the newest knowledge time at the decision. Older than the level is `missing`
  (what is fresh enough no longer is there), close to it `suspect`;
- `completeness`: share of the input's grid that the rows cover. Less than the level is `missing`,
  less than all `suspect`;
- `plausibility`: points of the window that `quality.point_verdicts` calls suspect or quarantined.
  Decisions leave them out, so what they cost is in the completeness; here they only show.

Belongs here: the three rules on plain frames. Not here: which inputs a desk has (`desk_inputs`),
how a point is judged (`plausibility`), the levels themselves (`lakehouse.tables`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

GOOD, SUSPECT, MISSING = "good", "suspect", "missing"
FRESHNESS, COMPLETENESS, PLAUSIBILITY = "freshness", "completeness", "plausibility"
# A day-ahead price is 22 to 24 hours old when the next is decided: that is its rhythm, not age.
SUSPECT_SHARE_OF_AGE = 0.95
# Periods of different length meet on the shortest settlement period.
_QUARTER_MINUTES = 15


@dataclass(frozen=True)
class Finding:
    """What one rule found.

    Attributes:
        rule: `freshness`, `completeness` or `plausibility`.
        verdict: `good`, `suspect` or `missing`.
        detail: Expected and found, in words.
    """

    rule: str
    verdict: str
    detail: str


def freshness(rows: pl.DataFrame, at: datetime, max_age: timedelta) -> Finding:
    """Age of the newest of some rows at a moment.

    Args:
        rows: Rows with `knowledge_time`, UTC, none after `at`.
        at: Decision time, UTC.
        max_age: The table's freshness.
    """
    newest = rows.get_column("knowledge_time").max()
    if not isinstance(newest, datetime):
        return Finding(FRESHNESS, MISSING, f"expected news within {_hours(max_age)}, found none")
    age = at - newest
    verdict = GOOD if age <= max_age * SUSPECT_SHARE_OF_AGE else SUSPECT
    if age > max_age:
        verdict = MISSING
    detail = f"expected news within {_hours(max_age)}, found the newest {_hours(age)} old"
    return Finding(FRESHNESS, verdict, detail)


def completeness(
    rows: pl.DataFrame, start: datetime, end: datetime, minutes: int, share: float
) -> Finding:
    """How much of a grid some rows cover.

    Args:
        rows: Rows with `period_start` (UTC) and `resolution_min`.
        start: First moment of the grid, UTC.
        end: First moment after it.
        minutes: Length of the grid's periods.
        share: Share of the grid that must be covered.
    """
    expected = int((end - start).total_seconds() // (60 * minutes))
    covered = _covered(rows, end, minutes)
    verdict = GOOD if covered == expected else SUSPECT
    if covered == 0 or covered < share * expected:
        verdict = MISSING
    return Finding(
        COMPLETENESS, verdict, f"expected {expected} periods of {minutes} min, found {covered}"
    )


def plausibility(doubtful: pl.DataFrame) -> Finding:
    """Points of an input that were judged not good.

    Args:
        doubtful: Rows of `quality.point_verdicts` of the input's window, any verdict.
    """
    bad = doubtful.filter(pl.col("verdict") != "good").unique(
        ["series", "row_source", "point_time"]
    )
    if bad.is_empty():
        return Finding(PLAUSIBILITY, GOOD, "expected no doubtful point, found none")
    rules = ", ".join(bad["rule"].unique().sort())
    quarantined = bad.filter(pl.col("verdict") == "quarantined").height
    detail = (
        f"expected no doubtful point, found {bad.height}, "
        f"{quarantined} of them quarantined (rules: {rules})"
    )
    return Finding(PLAUSIBILITY, SUSPECT, detail)


def _covered(rows: pl.DataFrame, end: datetime, minutes: int) -> int:
    """Periods of the grid that are wholly covered."""
    quarters = (
        rows.select(
            "period_start", part=pl.int_ranges(0, pl.col("resolution_min"), _QUARTER_MINUTES)
        )
        .explode("part")
        .select(quarter=pl.col("period_start") + pl.duration(minutes=pl.col("part")))
        .unique()
        .filter(pl.col("quarter") < end)
        .group_by(slot=pl.col("quarter").dt.truncate(f"{minutes}m"))
        .len()
    )
    return quarters.filter(pl.col("len") * _QUARTER_MINUTES >= minutes).height


def _hours(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 72 else f"{hours:.1f} h"
