"""One resolution per time: an hour delivered both whole and in quarter-hours counts once.

A source may change its resolution in mid-series, answer in both at once, or deliver old hours again
in quarter-hours. Then rows of one thing (same key, source and vintage) overlap. The finest ones
count: a row gives way where finer rows, themselves in force, cover all of it. Finer rows that leave
a gap in a coarser one give way to it, so nothing is counted twice, averaged with itself or
invented. Knowledge does not enter: the rule is for rows of one point in time, so that an hour known
then is still read whole where its quarter-hours came later.

Belongs here: that rule, as a pure function on rows. Not here: the choice among sources
(`preference`), among revisions (`revisions`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from energy_assets.lakehouse.tables import Table

_START, _LENGTH = "period_start", "resolution_min"
_MICROSECONDS = 60_000_000

Mask = npt.NDArray[np.bool_]


def is_in_force(table: Table, rows: pl.DataFrame) -> Mask:
    """Which rows of one point in time count, as a mask over the rows.

    Args:
        table: A raw table.
        rows: Its rows as known at one time, sorted by scope, key and source.
    """
    kept = np.ones(rows.height, dtype=bool)
    if not {_START, _LENGTH} <= set(table.key) or not _may_overlap(rows):
        return kept
    thing = [name for name in ("scope", *table.key, "source") if name not in (_START, _LENGTH)]
    spans = rows.select(
        _row=pl.int_range(pl.len()),
        _thing=pl.struct(thing).rank("dense"),
        _start=pl.col(_START).to_physical(),
        _length=pl.col(_LENGTH).cast(pl.Int64) * _MICROSECONDS,
    ).sort("_start", maintain_order=True)
    # Finest first: what a half-hour lost to its quarters can no longer take an hour's place.
    for length in spans["_length"].unique().sort()[1:]:
        coarse = spans.filter(pl.col("_length") == length)
        finer = spans.filter(pl.col("_length") < length, pl.Series(kept)[spans["_row"]])
        kept[_giving_way(coarse, finer, length)] = False
    return kept


def _may_overlap(rows: pl.DataFrame) -> bool:
    """Whether two neighbours overlap; cheap, since every decision asks and few tables do."""
    lengths = rows[_LENGTH].to_numpy()
    if not len(lengths) or lengths.min() == lengths.max():
        return False
    starts = rows[_START].to_physical().to_numpy()
    ends = starts + lengths.astype(np.int64) * _MICROSECONDS
    return bool(((starts[1:] >= starts[:-1]) & (starts[1:] < ends[:-1])).any())


def _giving_way(coarse: pl.DataFrame, finer: pl.DataFrame, length: int) -> list[int]:
    """Rows to leave out: coarse ones wholly covered by finer ones, and finer ones in the others."""
    inside = finer.join_asof(
        coarse.select("_thing", "_start", _holder="_row", _from="_start"),
        on="_start",
        by="_thing",
        check_sortedness=False,
    ).filter(pl.col("_start") + pl.col("_length") <= pl.col("_from") + length)
    covered = pl.col("_length").sum().over("_holder") == length
    return (
        inside.select(
            pl.when(covered).then(pl.col("_holder")).otherwise(pl.col("_row")).alias("_row")
        )["_row"]
        .unique()
        .to_list()
    )
