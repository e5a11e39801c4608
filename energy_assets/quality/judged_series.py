"""Stored rows as signals: one per series, source, resolution and vintage, on its day grid.

Vintages of a forecast are judged one after the other: the first issue of every period is one
signal, the second another, so that a signal has one value per slot and the same lead throughout.
Belongs here: rows to grids, and companions read once. Not here: what a series is
(`point_signals`), which points are written (`judging`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from energy_assets.lakehouse.lake import Lake
from energy_assets.lakehouse.point_verdicts import series_columns, value_column
from energy_assets.lakehouse.reading import select
from energy_assets.lakehouse.tables import Table, table
from energy_assets.portfolio import Desk
from energy_assets.quality.plausibility import Signal, calibrated, on_day_grid
from energy_assets.quality.plausibility.signal import MINUTES_PER_DAY, Floats
from energy_assets.quality.point_signals import Companion, Traits, traits

Moments = npt.NDArray[np.int64]
_LENGTHS = ("resolution_min", "interval_seconds")
_NEVER = np.iinfo(np.int64).min
_SHORTEST_MINUTES = 1


@dataclass(frozen=True)
class JudgedSeries:
    """One signal and the rows it was made of.

    Attributes:
        key: Key columns that name it.
        signal: The signal; values in its own sign.
        traits: What it is.
        rows: Its rows with `slot`, the place on the flat grid.
        known: Per slot, microseconds: when all rows up to it were known, companions included.
    """

    key: dict[str, object]
    signal: Signal
    traits: Traits
    rows: pl.DataFrame
    known: Moments
    first_day: int


@dataclass
class Companions:
    """Series that others should follow, each read once.

    Attributes:
        lake: Where they lie.
        start: Earliest time needed.
        end: Latest time needed.
    """

    lake: Lake
    start: datetime
    end: datetime
    _found: dict[Companion, pl.DataFrame] = field(default_factory=dict)

    def rows(self, wanted: Companion) -> pl.DataFrame:
        """Columns `minute`, `length`, `value`, `known`: one row per period, newest in time."""
        if wanted not in self._found:
            self._found[wanted] = self._read(wanted)
        return self._found[wanted]

    def _read(self, wanted: Companion) -> pl.DataFrame:
        source = table(wanted.table)
        rows = self.lake.revisions(
            source, select(wanted.scope, self.start, self.end, dict(wanted.where))
        )
        moment, vintage = (
            source.time_column,
            "issue_time" if source.has_vintages else "knowledge_time",
        )
        if source.has_vintages:
            # What was forecast after the fact would follow the measured values too well.
            rows = rows.filter(pl.col("knowledge_time") <= pl.col(moment))
        newest = rows.sort(moment, vintage, "revision", "source").unique(
            moment, keep="last", maintain_order=True
        )
        return newest.select(
            minute=pl.col(moment).dt.epoch("s") // 60,
            length=_length(source),
            value=pl.col(value_column(source)),
            known=pl.col("knowledge_time").dt.epoch("us"),
        )


def series_of(
    judged: Table, scope: str, rows: pl.DataFrame, desk: Desk | None, companions: Companions
) -> Iterator[JudgedSeries]:
    """The signals that rows of one state (one revision per key and source) make.

    Args:
        judged: Raw table.
        scope: Data set.
        rows: Rows with `point_time`, `value` and the table's columns.
        desk: Units, limits and sites.
        companions: Where expected series come from.
    """
    names = [name for name in series_columns(judged) if name != "issue_time"]
    by = [*names, *(name for name in _LENGTHS if name in judged.key), "source"]
    if judged.has_vintages:
        rank = pl.col("issue_time").rank("dense").over([*by, "point_time"])
        rows = rows.with_columns(vintage=rank.cast(pl.Int32))
        by.append("vintage")
    groups = rows.sort([*by, "point_time"]).partition_by(by, as_dict=True, maintain_order=True)
    made = {}
    for labels, group in groups.items():
        key = dict(zip(by, labels, strict=True))
        series = _one(judged, scope, key, group, desk, companions)
        if series is not None:
            made[labels] = series
    for labels, series in made.items():
        yield _with_second(series, [other for name, other in made.items() if name != labels])


def _one(
    judged: Table,
    scope: str,
    key: dict[str, object],
    group: pl.DataFrame,
    desk: Desk | None,
    companions: Companions,
) -> JudgedSeries | None:
    minutes = _minutes(judged, group)
    what = traits(judged, scope, key, minutes, desk)
    if what is None or MINUTES_PER_DAY % minutes:
        return None
    minute = (group["point_time"].dt.epoch("s") // 60).to_numpy() // minutes * minutes
    # Several moments of one slot (second-by-second telemetry): the last one stands for it.
    last = np.append(minute[1:] != minute[:-1], True)
    group, minute = group.filter(pl.Series(last)), minute[last]
    first_day, values = on_day_grid(minute, what.sign * group["value"].to_numpy(), minutes)
    slot = (minute - first_day * MINUTES_PER_DAY) // minutes
    known = np.full(values.size, _NEVER, dtype=np.int64)
    known[slot] = group["knowledge_time"].dt.epoch("us").to_numpy()
    signal = Signal(
        what.kind, minutes, values, what.low, what.high, what.ramp, aggregate=what.aggregate
    )
    if what.companion is not None:
        expected, seen = _expected(companions.rows(what.companion), first_day, signal, what)
        signal = replace(signal, expected=expected)
        known = np.maximum(known, seen)
    known = np.maximum.accumulate(known)
    return JudgedSeries(
        key, signal, what, group.with_columns(slot=pl.Series(slot)), known, first_day
    )


def _with_second(series: JudgedSeries, others: list[JudgedSeries]) -> JudgedSeries:
    """The series with the same quantity from another source beside it, for prices."""
    if series.signal.kind != "price":
        return series
    same = {name: value for name, value in series.key.items() if name != "source"}
    for other in others:
        if {name: value for name, value in other.key.items() if name != "source"} == same:
            second = _placed(other.signal.values, other.first_day, series)
            known = _placed_known(other, series)
            return replace(
                series,
                signal=replace(series.signal, second=second),
                known=np.maximum.accumulate(np.maximum(series.known, known)),
            )
    return series


def _placed(values: Floats, first_day: int, series: JudgedSeries) -> Floats:
    """Another grid's days in the place of this one's, NaN where it has none."""
    days = np.arange(series.signal.days) + series.first_day - first_day
    there = (days >= 0) & (days < len(values))
    placed = np.full((series.signal.days, values.shape[1]), np.nan)
    placed[there] = values[days[there]]
    return placed


def _placed_known(other: JudgedSeries, series: JudgedSeries) -> Moments:
    slots = series.signal.slots
    places = np.arange(series.known.size) + (series.first_day - other.first_day) * slots
    there = (places >= 0) & (places < other.known.size)
    known = np.full(series.known.size, _NEVER, dtype=np.int64)
    known[there] = other.known[places[there]]
    return known


def _expected(
    rows: pl.DataFrame, first_day: int, signal: Signal, what: Traits
) -> tuple[Floats | None, Moments]:
    """The companion on the signal's grid, through its curve where it is a driver."""
    seen = np.full(signal.values.size, _NEVER, dtype=np.int64)
    if rows.is_empty():
        return None, seen
    # Where a resolution changed, the more frequent one counts.
    length = int(np.bincount(rows["length"].to_numpy()).argmax())
    rows = rows.filter(pl.col("length") == length)
    minute = rows["minute"].to_numpy() // length * length
    _, once = np.unique(minute, return_index=True)
    start, values = on_day_grid(minute[once], rows["value"].to_numpy()[once], length)
    _, known = on_day_grid(minute[once], rows["known"].to_numpy()[once].astype(np.float64), length)
    on_grid = _days(_resized(values, signal.slots), start, first_day, signal.days)
    moments = _days(_latest(known, signal.slots), start, first_day, signal.days).ravel()
    there = np.isfinite(moments)
    seen[there] = moments[there].astype(np.int64)
    assert what.companion is not None
    if what.companion.is_driver:
        return calibrated(on_grid, signal.values, first_day=first_day), seen
    return what.sign * on_grid, seen


def _resized(values: Floats, slots: int) -> Floats:
    """Means of shorter slots (NaN unless all are there), or longer ones repeated."""
    if values.shape[1] <= slots:
        return np.repeat(values, slots // values.shape[1], axis=1)
    mean: Floats = values.reshape(len(values), slots, -1).mean(axis=2)
    return mean


def _latest(known: Floats, slots: int) -> Floats:
    if known.shape[1] <= slots:
        return np.repeat(known, slots // known.shape[1], axis=1)
    latest: Floats = np.fmax.reduce(known.reshape(len(known), slots, -1), axis=2)
    return latest


def _days(values: Floats, start: int, first_day: int, days: int) -> Floats:
    rows = np.arange(days) + first_day - start
    there = (rows >= 0) & (rows < len(values))
    placed = np.full((days, values.shape[1]), np.nan)
    placed[there] = values[rows[there]]
    return placed


def _length(source: Table) -> pl.Expr:
    if "resolution_min" in source.schema:
        return pl.col("resolution_min").cast(pl.Int64)
    return pl.max_horizontal(
        pl.col("interval_seconds").cast(pl.Int64) // 60, pl.lit(_SHORTEST_MINUTES)
    )


def _minutes(judged: Table, group: pl.DataFrame) -> int:
    """Length of the slots of a group of rows."""
    if "resolution_min" in group.columns:
        return int(group["resolution_min"][0])
    if judged.name == "fuel_prices":
        return MINUTES_PER_DAY
    seconds = int(group["interval_seconds"][0])
    if not seconds:
        gaps = group["point_time"].diff().dt.total_seconds().drop_nulls()
        gaps = gaps.filter(gaps > 0)
        seconds = int(gaps.median() or 60) if len(gaps) else 60  # type: ignore[arg-type]
    return max(seconds // 60, _SHORTEST_MINUTES)
