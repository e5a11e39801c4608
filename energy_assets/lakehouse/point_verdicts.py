"""Which raw rows the verdicts on points leave out of a decision.

`quality.point_verdicts` names a point by table, series, source and time, with the value judged. A
verdict holds for rows of that value only: a corrected value is not doubtful because the old one
was. The verdict in force at a time is chosen like any raw revision.

Belongs here: how a point is named and the anti-join. Not here: judging (`quality.judging`), reading
(`point_in_time`).
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from energy_assets.errors import LakeError
from energy_assets.lakehouse.revisions import Places, Revisions
from energy_assets.lakehouse.tables import UTC_TIME, Table

POINT_VERDICTS = "quality.point_verdicts"
GOOD = "good"
# What tells rows of a series apart is not part of its name; a vintage is.
_NOT_IN_THE_NAME = frozenset({"resolution_min", "interval_seconds"})
_JOINED = ("series", "row_source", "point_time", "raw_value")


def series_columns(table: Table) -> list[str]:
    """Key columns that name a series of a table, in the order of the key."""
    return [n for n in table.key if n != table.time_column and n not in _NOT_IN_THE_NAME]


def series_name(table: Table) -> pl.Expr:
    """The name of a row's series: `column=value` joined by `,`."""
    parts = []
    for name in series_columns(table):
        column = pl.col(name)
        if table.column(name).dtype == UTC_TIME:
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        parts.append(pl.concat_str([pl.lit(f"{name}="), column.cast(pl.String)]))
    return pl.concat_str(parts, separator=",")


def point_time(table: Table) -> pl.Expr:
    """A row's value of the table's time column, as a UTC time."""
    return pl.col(table.time_column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def value_column(table: Table) -> str:
    """The column that is judged: the first own column of numbers.

    Raises:
        LakeError: If the table has none.
    """
    for column in table.columns:
        if column.dtype == pl.Float64:
            return column.name
    msg = f"{table.id}: no column of numbers to judge"
    raise LakeError(msg)


class LeftOut:
    """The rows of a window in memory that verdicts are about.

    Args:
        table: Raw table of the rows.
        rows: Rows of the window, all revisions, in the order of its places.
        verdicts: Revisions of `quality.point_verdicts` of the same scope.
    """

    def __init__(self, table: Table, rows: pl.DataFrame, verdicts: Revisions) -> None:
        self._verdicts = verdicts
        of_table = verdicts.frame.with_row_index("_verdict").filter(pl.col("table") == table.id)
        self._rows = self._numbers = np.zeros(0, dtype=np.intp)
        if of_table.is_empty() or rows.is_empty():
            return
        # Verdicts are few: the names of series are made for rows at their times only.
        near = rows.with_row_index("_row").select(
            "_row",
            "source",
            *series_columns(table),
            point_time=point_time(table),
            raw_value=pl.col(value_column(table)),
        )
        near = near.join(of_table.select("point_time").unique(), on="point_time", how="semi")
        named = near.select(
            "_row", "point_time", "raw_value", series=series_name(table), row_source="source"
        )
        pairs = named.join(of_table.select("_verdict", *_JOINED), on=_JOINED, how="inner")
        self._rows = pairs.get_column("_row").to_numpy().astype(np.intp)
        self._numbers = pairs.get_column("_verdict").to_numpy().astype(np.intp)
        self._doubtful = (verdicts.frame.get_column("verdict") != GOOD).to_numpy()

    def keep(self, places: Places, at: datetime) -> Places:
        """The places that no verdict in force at a time leaves out."""
        if not len(self._rows):
            return places
        in_force = np.zeros(self._verdicts.frame.height, dtype=bool)
        in_force[self._verdicts.places(at)] = True
        doubtful = self._rows[(in_force & self._doubtful)[self._numbers]]
        if not len(doubtful):
            return places
        kept: Places = places[~np.isin(places, doubtful)]
        return kept
