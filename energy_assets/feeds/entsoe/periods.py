"""Points of a period as blocks of time with a value.

Curve type A01 names every block, and one that is missing is a gap. A03 leaves out a point that
repeats the one before, so a value holds until the next position; a position without a value ends
it and is a gap too. Nothing else fills anything.

Resolutions up to an hour are counted in UTC. Longer ones follow the market's clock, so that a day
or a four-hour product stays in place on days of 23 and 25 hours.

Not here: documents (`documents`), what a value means (the modules that call this).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from energy_assets.feeds.entsoe.documents import Node
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.lakehouse.tables.model import UTC_TIME

# Wall clock of products longer than an hour (the SDAC day of every zone).
_MARKET_CLOCK = "Europe/Brussels"
_HOUR = 60
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+", re.ASCII)
_RESOLUTION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", re.ASCII)
_MOST_BLOCKS = 3_000_000
_MICROSECONDS_PER_MINUTE = 60_000_000

Micros = np.ndarray[tuple[int], np.dtype[np.int64]]
Values = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Points:
    """Points of one period.

    Attributes:
        positions: 1-based positions, ascending.
        values: Values; NaN where the point has none.
    """

    positions: Micros
    values: Values


@dataclass(frozen=True)
class Blocks:
    """Blocks of equal length with a value each.

    Attributes:
        starts: Start of each block, microseconds since 1970 UTC.
        minutes: Length in minutes by the resolution (a 25-hour day counts 1440).
        values: Values, none missing.
    """

    starts: Micros
    minutes: int
    values: Values

    def frame(self, **labels: str) -> pl.DataFrame:
        """`period_start`, `resolution_min`, `value` and the labels as columns."""
        count = len(self.starts)
        columns = [
            pl.Series("period_start", self.starts).cast(UTC_TIME),
            pl.Series("resolution_min", np.full(count, self.minutes, np.int32)),
            pl.Series("value", self.values),
        ]
        columns += [pl.Series(name, [label] * count, pl.String) for name, label in labels.items()]
        return pl.DataFrame(columns)


@dataclass(frozen=True)
class Stretches:
    """Spans of any length with a value each, in time order.

    Attributes:
        starts: Start of each span, microseconds since 1970 UTC.
        ends: End of each span.
        values: Values, none missing; neighbours that touch differ.
    """

    starts: Micros
    ends: Micros
    values: Values


@dataclass(frozen=True)
class _Grid:
    """The block edges of a period."""

    origin: int
    minutes: int
    count: int
    long_edges: Micros | None = None

    def edge(self, places: Micros) -> Micros:
        """Edges by number, from 0."""
        if self.long_edges is not None:
            return self.long_edges[places]
        return self.origin + places * (self.minutes * _MICROSECONDS_PER_MINUTE)


def empty_blocks(*labels: str) -> pl.DataFrame:
    """The frame of no block."""
    columns: dict[str, pl.DataType | type[pl.DataType]] = {
        "period_start": UTC_TIME,
        "resolution_min": pl.Int32,
        "value": pl.Float64,
    }
    return pl.DataFrame(schema={**columns, **dict.fromkeys(labels, pl.String)})


def blocks_of(series: Node, field: str, period_name: str = "Period") -> list[Blocks]:
    """The blocks of a time series, one entry per period.

    Args:
        series: The time series.
        field: Name of the value in a point.
        period_name: Name of its periods.

    Raises:
        UnusableAnswerError: If a period, position, number or curve type cannot be used.
    """
    return [
        fill(period, read_points(period, field), is_held(series))
        for period in series.children(period_name)
    ]


def stretches_of(series: Node, field: str, period_name: str) -> list[Stretches]:
    """The stretches of equal value of a time series, one entry per period.

    Nothing is expanded: a message may span years in minutes.

    Raises:
        UnusableAnswerError: If a period, position, number or curve type cannot be used.
    """
    held = is_held(series)
    return [
        _stretches(_grid(period), period, read_points(period, field), held)
        for period in series.children(period_name)
    ]


def is_held(series: Node) -> bool:
    """Whether a value holds until the next position (A03)."""
    curve = series.optional("curveType") or "A01"
    if curve not in {"A01", "A03"}:
        raise UnusableAnswerError(f"{series.where} with curveType {curve[:20]!r}, not A01 or A03")
    return curve == "A03"


def read_points(period: Node, field: str) -> Points:
    """Positions and values of a period."""
    point_tag, position_tag = f"{period.space}Point", f"{period.space}position"
    value_tag = f"{period.space}{field}"
    positions, values = [], []
    for point in period.element.iterfind(point_tag):
        positions.append(_position(point.findtext(position_tag), period))
        values.append(_value(point.findtext(value_tag), field, period))
    order = np.argsort(positions, kind="stable")
    return Points(np.asarray(positions, np.int64)[order], np.asarray(values, np.float64)[order])


def fill(period: Node, points: Points, held: bool) -> Blocks:
    """The blocks of a period's points."""
    grid = _grid(period)
    if grid.count > _MOST_BLOCKS:
        raise UnusableAnswerError(f"{period.where} of {grid.count} blocks")
    places, values = _places(period, points, grid), points.values
    if held and len(places):
        lengths = np.diff(np.append(places, grid.count))
        places, values = np.arange(places[0], grid.count), np.repeat(values, lengths)
    known = ~np.isnan(values)
    return Blocks(grid.edge(places[known]), grid.minutes, values[known])


def _stretches(grid: _Grid, period: Node, points: Points, held: bool) -> Stretches:
    places, values = _places(period, points, grid), points.values
    ends = np.append(places[1:], grid.count) if held else places + 1
    known = ~np.isnan(values)
    places, ends, values = places[known], ends[: len(values)][known], values[known]
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = (np.diff(values) != 0) | (places[1:] != ends[:-1])
    is_last = np.append(is_new[1:], True)[: len(values)]
    return Stretches(grid.edge(places[is_new]), grid.edge(ends[is_last]), values[is_new])


def _places(period: Node, points: Points, grid: _Grid) -> Micros:
    """0-based places of the points, each inside the period and there once."""
    positions = points.positions
    if len(positions) and (positions[0] < 1 or positions[-1] > grid.count):
        outside = positions[0] if positions[0] < 1 else positions[-1]
        raise UnusableAnswerError(f"{period.where} with position {outside} of {grid.count}")
    if len(np.unique(positions)) != len(positions):
        raise UnusableAnswerError(f"{period.where} with a position twice")
    return positions - 1


def resolution_minutes(period: Node) -> int:
    """Length of a period's blocks in minutes."""
    text = period.text("resolution")
    match = _RESOLUTION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = days * 24 * _HOUR + hours * _HOUR + minutes
    if total <= 0:
        expected = "not a length in days, hours and minutes"
        raise UnusableAnswerError(f"{period.where} with resolution {text[:20]!r}, {expected}")
    return total


def _grid(period: Node) -> _Grid:
    start, end = period.interval("timeInterval")
    minutes = resolution_minutes(period)
    zone = ZoneInfo("UTC" if minutes <= _HOUR else _MARKET_CLOCK)
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end))
    count, rest = divmod(last - first, timedelta(minutes=minutes))
    if rest or count < 1:
        text = f"{start.isoformat()} to {end.isoformat()}"
        found = f"{period.where} of {text}, not a whole number of {minutes}-minute blocks"
        raise UnusableAnswerError(found)
    origin = int(start.timestamp()) * 1_000_000
    if minutes <= _HOUR:
        return _Grid(origin, minutes, count)
    moments = [first + timedelta(minutes=minutes * number) for number in range(count + 1)]
    in_utc = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in moments)
    edges = np.asarray([int(moment.timestamp()) * 1_000_000 for moment in in_utc], np.int64)
    return _Grid(origin, minutes, count, edges)


def _position(text: str | None, period: Node) -> int:
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise UnusableAnswerError(f"{period.where} with position {text[:20]!r}")
    return int(text)


def _value(text: str | None, field: str, period: Node) -> float:
    text = (text or "").strip()
    if not text:
        return float("nan")
    if not _NUMBER.fullmatch(text):
        raise UnusableAnswerError(f"{period.where} with {field} {text[:20]!r}, not a number")
    return float(text)
