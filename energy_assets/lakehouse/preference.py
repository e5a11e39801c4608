"""One source per value: where several sources bring the same thing, the most preferred one counts.

A source is preferred by its place in the order a desk gives; sources not named take the place of
`OTHERS` in it, or come last, by name.
Without a period, rows that share a key are the same thing. With one (`period_start`,
`resolution_min`) they also are where their periods overlap, whatever their lengths: an hourly price
and the four quarter-hourly ones inside it must not be averaged. Of such rows the first source that
covers a row's whole period keeps it; finer rows of a preferred source that leave a gap in a coarser
row of the next one give way to it, so that a gap is filled and nothing is mixed (periods nest:
quarter-hours in half-hours in hours).

Belongs here: that rule, as pure functions on rows. Not here: which revision of a source counts
(`revisions`), which points are bad (`quality`), who states the order (`portfolio`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

OTHERS = "*"
_START, _LENGTH, _SOURCE = "period_start", "resolution_min", "source"
_MINUTE = 60_000_000


def preferred(rows: pl.DataFrame, key: Sequence[str], order: Sequence[str]) -> pl.DataFrame:
    """The rows that count, in the order they came.

    Args:
        rows: Rows in force, at most one per key and source; needs the key's columns and `source`.
        key: Columns that name the thing, the source left out (a table's key; without `issue_time`
            to choose among vintages of several sources).
        order: Sources, most preferred first.
    """
    return rows.filter(is_preferred(rows, key, order))


def is_preferred(rows: pl.DataFrame, key: Sequence[str], order: Sequence[str]) -> pl.Series:
    """Which rows count, as a mask over the rows (see `preferred`)."""
    if rows.is_empty() or rows[_SOURCE].n_unique() == 1:
        return pl.Series(np.ones(rows.height, dtype=bool))
    sources = ranked(rows[_SOURCE].unique().to_list(), order)
    rank = {source: place for place, source in enumerate(sources)}
    named = rows.select(*key, _SOURCE).with_columns(
        _rank=pl.col(_SOURCE).replace_strict(rank, return_dtype=pl.Int32)
    )
    if _START in key and _LENGTH in key:
        return _by_period(named, [name for name in key if name not in (_START, _LENGTH)])
    return named.select(pl.col("_rank") == pl.col("_rank").min().over(list(key))).to_series()


def newest_vintage(
    rows: pl.DataFrame, order: Sequence[str], key: Sequence[str] = (_START, _LENGTH)
) -> pl.DataFrame:
    """Of forecasts known in time, the newest of each source, then of the preferred source.

    Args:
        rows: Rows with `issue_time`, `source` and the key's columns.
        order: Sources, most preferred first; without any, the newest vintage of all counts.
        key: Columns that name what is forecast.
    """
    group = [*key, _SOURCE] if order else [*key]
    newest = rows.sort(*key, "issue_time", _SOURCE, maintain_order=True).unique(
        group, keep="last", maintain_order=True
    )
    return preferred(newest, key, order) if order else newest


def ranked(sources: Sequence[str], order: Sequence[str]) -> list[str]:
    """Sources from most to least preferred."""
    known = {source: place for place, source in enumerate(order)}
    others = known.get(OTHERS, len(known))
    return sorted(sources, key=lambda source: (known.get(source, others), source))


def _by_period(rows: pl.DataFrame, key: list[str]) -> pl.Series:
    """The mask where periods may overlap: source by source, in cells every period is made of."""
    cells = _cells(rows, key)
    taken = cells.head(0).select("_thing", "_cell", "_row")
    for rank in rows["_rank"].unique().sort():
        offered = cells.filter(pl.col("_rank") == rank).select("_thing", "_cell", "_row")
        met = offered.join(
            taken.rename({"_row": "_holder"}), on=["_thing", "_cell"], how="left"
        ).with_columns(free=pl.col("_holder").is_null())
        # A row with any free cell is kept whole; what it overlaps gives way.
        kept = met.filter(pl.col("free").any().over("_row"))
        evicted = kept["_holder"].drop_nulls().unique()
        taken = pl.concat(
            [
                taken.filter(~pl.col("_row").is_in(evicted.implode())),
                kept.select("_thing", "_cell", "_row").unique(),
            ]
        )
    mask = np.zeros(rows.height, dtype=bool)
    mask[taken["_row"].unique().to_numpy()] = True
    return pl.Series(mask)


def _cells(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """One row per row and cell: `_row`, `_rank`, `_thing` (the key as a number), `_cell`."""
    starts = rows[_START].to_physical().to_numpy() // _MINUTE
    lengths = rows[_LENGTH].to_numpy().astype(np.int64)
    step = int(np.gcd.reduce(np.concatenate([starts, lengths])))
    thing = pl.struct(key).rank("dense") if key else pl.lit(0, dtype=pl.UInt32)
    return (
        pl.DataFrame(
            {
                "_row": np.arange(rows.height),
                "_rank": rows["_rank"],
                "_thing": rows.select(pl.repeat(0, pl.len()) + thing).to_series(),
                "_cell": starts // step,
                "_count": lengths // step,
            }
        )
        .select(
            "_row",
            "_rank",
            "_thing",
            _cell=pl.int_ranges(pl.col("_cell"), pl.col("_cell") + pl.col("_count")),
        )
        .explode("_cell")
    )
