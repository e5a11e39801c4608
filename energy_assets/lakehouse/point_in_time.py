"""Point-in-time reads: the only way forecasting and bidding look at raw data.

A `PointInTime` belongs to one decision. It refuses to look past its decision time, ignores rows
written at or after `ingested_before`, leaves out points that a verdict known by then calls suspect
or quarantined, and remembers which rows it handed out, so that their hash can be stored with the
bid run. A window is read once with all revisions; snapshots for many past times (hindcasts) come
from memory.

Not here: live or report reads of decision tables (`current`, `Lake.read`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import polars as pl

from energy_assets.errors import LakeError
from energy_assets.lakehouse.hashing import combined_hash
from energy_assets.lakehouse.point_verdicts import POINT_VERDICTS, LeftOut
from energy_assets.lakehouse.preference import is_preferred
from energy_assets.lakehouse.reading import Selection, Where, in_utc, select
from energy_assets.lakehouse.resolution import is_in_force
from energy_assets.lakehouse.revisions import Places, Revisions
from energy_assets.lakehouse.tables import Table, table

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


class RevisionReader(Protocol):
    """What a `PointInTime` needs of a lake."""

    def revisions(
        self, table: Table, selection: Selection, ingested_before: datetime | None
    ) -> pl.DataFrame:
        """All revisions of the selected keys."""
        ...


@dataclass(frozen=True)
class _Window:
    """One selection in memory, all revisions."""

    table: Table
    selection: Selection
    revisions: Revisions


class PointInTime:
    """Raw data as one decision may know it.

    Args:
        lake: Where to read.
        decision_time: Latest point in time that may be asked for.
        ingested_before: Only rows written before this are read (fixes a past run's inputs).
        source_order: Where several sources bring the same thing, the first one named here counts;
            all count if left out. Vintages made at different times are different things: who reads
            them chooses (`newest_vintage`).
    """

    def __init__(
        self,
        lake: RevisionReader,
        decision_time: datetime,
        ingested_before: datetime | None = None,
        *,
        source_order: Sequence[str] = (),
    ) -> None:
        self._lake = lake
        self.source_order = tuple(source_order)
        self.decision_time = in_utc(decision_time, "decision_time")
        self.ingested_before = (
            None if ingested_before is None else in_utc(ingested_before, "ingested_before")
        )
        self._windows: list[_Window] = []
        self._left_out: dict[int, LeftOut] = {}
        self._seen: dict[int, Mask] = {}

    def for_decision(self, decision_time: datetime) -> PointInTime:
        """The view of another decision, on the same rows in memory (backtests)."""
        other = PointInTime(
            self._lake, decision_time, self.ingested_before, source_order=self.source_order
        )
        other._windows, other._left_out = self._windows, self._left_out
        return other

    def preload(
        self,
        table_id: str,
        *,
        scope: str,
        start: datetime | None = None,
        end: datetime | None = None,
        where: Where | None = None,
    ) -> None:
        """Read a wide window once; `as_of` calls inside it with the same `where` use memory."""
        self._window(table(table_id), select(scope, start, end, where))

    def as_of(
        self,
        table_id: str,
        *,
        scope: str,
        at: datetime | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        where: Where | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Rows as known at a time, good points only, one resolution per time; by key, then source.

        Args:
            table_id: A raw table, e.g. `raw.market_prices`.
            scope: Area, desk or `global`.
            at: Point in time, the decision time by default.
            start: Earliest value of the table's time column (included).
            end: End of its range (excluded).
            where: Column to value or list of values.
            columns: Columns wanted; all by default.

        Raises:
            LakeError: If `at` lies after the decision time.
        """
        moment = self.decision_time if at is None else in_utc(at, "at")
        if moment > self.decision_time:
            msg = (
                f"{table_id}: expected a time not after the decision time "
                f"{self.decision_time.isoformat()}, found {moment.isoformat()}"
            )
            raise LakeError(msg)
        selection = select(scope, start, end, where)
        number = self._window(table(table_id), selection)
        window = self._windows[number]
        places = self._good(number, window.revisions.places(moment), moment, scope)
        rows = window.revisions.frame[places]
        after = [] if selection == window.selection else selection.time_filters(window.table)
        after += selection.after(window.table)
        if after:
            kept = rows.select(pl.all_horizontal(after).fill_null(value=False)).to_series()
            places, rows = places[kept.to_numpy()], rows.filter(kept)
        finest = is_in_force(window.table, rows)
        if not finest.all():
            places, rows = places[finest], rows.filter(finest)
        if self.source_order:
            counts = is_preferred(rows, window.table.key, self.source_order)
            places, rows = places[counts.to_numpy()], rows.filter(counts)
        seen = self._seen.setdefault(number, np.zeros(window.revisions.frame.height, dtype=bool))
        seen[places] = True
        return rows.select(columns) if columns is not None else rows

    def input_hash(self) -> str:
        """Hash of the content of every row handed out so far; order of reading does not count."""
        rows: set[str] = set()
        for number, mask in self._seen.items():
            window = self._windows[number]
            seen = window.revisions.frame.select("scope", "content_hash").filter(mask)
            name = window.table.id
            rows.update(f"{name}/{scope}/{content}" for scope, content in seen.iter_rows())
        return combined_hash(rows)

    def _good(self, number: int, places: Places, moment: datetime, scope: str) -> Places:
        """The places whose points are not suspect or quarantined, as known at a time."""
        window = self._windows[number]
        if not window.table.service.plausibility:
            return places
        if number not in self._left_out:
            verdicts = self._windows[self._window(table(POINT_VERDICTS), Selection(scope=scope))]
            rows = window.revisions.frame
            self._left_out[number] = LeftOut(window.table, rows, verdicts.revisions)
        return self._left_out[number].keep(places, moment)

    def _window(self, registered: Table, selection: Selection) -> int:
        for number, window in enumerate(self._windows):
            if window.table is registered and window.selection.covers(selection):
                return number
        frame = self._lake.revisions(registered, selection, self.ingested_before)
        self._windows.append(_Window(registered, selection, Revisions(registered, frame)))
        return len(self._windows) - 1
