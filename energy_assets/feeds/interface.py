"""What every feed is: a window and a point in time in, typed rows with a knowledge time out.

A feed serves one registry table for one scope. `fetch(window, as_of)` gives every row whose time
column lies in the window and which this desk could have known at `as_of`, in the table's own
columns plus `source`, `knowledge_time` and `knowledge_basis`: what `Lake.append_if_changed` takes.

Belongs here: the contract and the two steps every feed ends with (`typed_frame`, `known`). Not
here: any source (`epf_files`, `reference_market`), plausibility of values (`quality`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import polars as pl

from energy_assets.errors import InputError
from energy_assets.lakehouse import Table
from energy_assets.lakehouse.enforcement import caller_columns, conform


@dataclass(frozen=True)
class Window:
    """A half-open span of UTC time, [start, end).

    Raises:
        InputError: If an end carries no time zone or the span is empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            require_aware(f"window {name}", moment)
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.end <= self.start:
            found = f"{self.start.isoformat()} to {self.end.isoformat()}"
            raise InputError("window", expected="an end after its start", found=found)

    def widened(self, before: timedelta, after: timedelta = timedelta()) -> Window:
        """The window with room on both sides."""
        return Window(self.start - before, self.end + after)


class Feed(Protocol):
    """One source of one table's rows for one scope."""

    @property
    def name(self) -> str:
        """Name of the feed, unique inside a desk."""

    @property
    def source(self) -> str:
        """Value of the rows' `source` column."""

    @property
    def table(self) -> Table:
        """Registry table the rows are for."""

    @property
    def scope(self) -> str:
        """Scope of the rows: a market area or a desk."""

    @property
    def selection(self) -> Mapping[str, str]:
        """Column values that, with the source, tell this feed's rows from others in the table."""

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows of the window that could be known at `as_of`, sorted by key and knowledge time."""


def require_aware(where: str, moment: datetime) -> None:
    """Refuse a moment without a time zone.

    Raises:
        InputError: If it has none.
    """
    if moment.tzinfo is None:
        raise InputError(where, expected="a time zone", found=moment.isoformat())


def typed_frame(table: Table, frame: pl.DataFrame, *, source: str, basis: str) -> pl.DataFrame:
    """The frame in the registry's column order and dtypes, with its source and knowledge basis.

    Args:
        table: Registry table.
        frame: The table's own columns and `knowledge_time`, any order, castable dtypes.
        source: Source of every row.
        basis: Knowledge basis of every row: `published`, `observed` or `rule`.

    Raises:
        LakeError: If a column is missing, unknown, null or NaN where it must not be.
    """
    labelled = frame.with_columns(source=pl.lit(source), knowledge_basis=pl.lit(basis))
    present = [name for name in caller_columns(table) if name in labelled.columns]
    return conform(table, labelled.cast({name: table.schema[name] for name in present}))


def known(table: Table, frame: pl.DataFrame, window: Window, as_of: datetime) -> pl.DataFrame:
    """The rows of a typed frame inside the window and known at `as_of`, in key order."""
    require_aware("as_of", as_of)
    moment = pl.col(table.time_column)
    if table.schema[table.time_column] == pl.Date:
        moment = moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return frame.filter(
        (moment >= window.start) & (moment < window.end) & (pl.col("knowledge_time") <= as_of)
    ).sort(*table.key, "knowledge_time")
