"""From cells to moments: the start and length of each row's period, and moments a row states.

Belongs here: parsing stamps, periods of a day, row-number grids, and errors that name the cell.
Not here: what a clock convention means (`clocks`), which files exist (`cells`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from energy_assets.feeds.mapped_files.cells import LINE, refuse
from energy_assets.feeds.mapped_files.clocks import (
    IN_STAMP,
    Convention,
    moment_in,
    moments,
    starts_of_days,
)
from energy_assets.feeds.mapped_files.time_spec import MomentColumn, Stamps, TimeSpec

PERIOD_INDEX = "_period"
_ISO_MINUTES = r"^PT(?:(\d+)H)?(?:(\d+)M)?$"


@dataclass(frozen=True)
class Periods:
    """What the time columns of a file say.

    Attributes:
        frame: Per row `_start` (UTC; null where the hour does not exist), `_minutes` (length) and
            `_day` (local day as written).
        averaged: Rows inside an autumn hour that stands for two.
    """

    frame: pl.DataFrame
    averaged: int


def periods(path: Path, spec: TimeSpec, cells: pl.DataFrame, groups: list[str]) -> Periods:
    """Start and length of the period of every row.

    Args:
        path: File, for errors.
        spec: How the file states time.
        cells: Its rows, with `_period` where periods lie side by side.
        groups: Columns that tell the file's series apart.

    Raises:
        InputError: A cell is no time, no period of its day, or an hour that cannot be.
    """
    convention = spec.effective_convention
    assert convention is not None
    minutes = _minutes(path, spec, cells)
    length = minutes * 60_000_000
    if spec.date:
        return _numbered(path, spec, convention, cells, minutes)
    stamp = _parsed(path, spec, spec.column, cells)
    if convention == "row_number":
        return _counted(path, spec, cells.select(LINE, *groups), stamp, minutes)
    ends = spec.stamp == "period_end"
    duration = length.cast(pl.Duration("us"))
    if spec.clock == IN_STAMP:
        start = stamp - duration if ends else stamp
        return Periods(_frame(start, minutes, start.dt.date()), 0)
    # A wall clock shows the true end of a period; where hours are numbered, the end is a label.
    on_the_clock = convention in ("utc", "local_with_both_hours")
    local = stamp - duration if ends and not on_the_clock else stamp
    found = moments(local, spec.clock, convention, cells.select(groups) if groups else None)
    _require_hours(path, spec, convention, cells, found.utc)
    start = found.utc - duration if ends and on_the_clock else found.utc
    averaged = 0 if convention == "local_with_both_hours" else int(found.repeated.sum())
    day = (stamp - duration if ends else stamp).dt.date()
    return Periods(_frame(start, minutes, day), averaged)


def stated_moments(path: Path, spec: MomentColumn, cells: pl.DataFrame) -> pl.Series:
    """A moment each row states, in UTC: an issue time, a publication.

    Raises:
        InputError: A cell is no such moment.
    """
    plus = timedelta(minutes=spec.plus_min)
    if spec.date:
        day = _parsed(path, spec, spec.date, cells).dt.date()
        number = _whole(path, spec.period, cells)
        starts = starts_of_days(day, spec.clock)["start"]
        return starts + (number - 1) * timedelta(minutes=spec.period_min) + plus
    stamp = _parsed(path, spec, spec.column, cells)
    if spec.clock == IN_STAMP:
        return stamp + plus
    convention: Convention = "autumn_hour_dropped"
    utc = moments(stamp, spec.clock, convention).utc
    if utc.null_count():
        row = utc.is_null().arg_true()[0]
        expected = f"a time that exists in {spec.clock}"
        refuse(path, cells[LINE][row], spec.column, expected, cells[spec.column][row])
    return utc + plus


def _numbered(
    path: Path, spec: TimeSpec, convention: Convention, cells: pl.DataFrame, minutes: pl.Series
) -> Periods:
    """Day and number of the period in it."""
    day = _parsed(path, spec, spec.date, cells).dt.date()
    column = spec.period or PERIOD_INDEX
    number = _whole(path, column, cells)
    passed = ((number - 1) * minutes * 60_000_000).cast(pl.Duration("us"))
    if convention in ("normalised_24", "spring_hour_shifted"):
        local = day.cast(pl.Datetime("us")) + passed
        found = moments(local, spec.clock, convention)
        start, averaged = found.utc, int(found.repeated.sum())
        inside = (number >= 1) & (local.dt.date() == day)
    else:
        bounds = starts_of_days(day, spec.clock)
        start, averaged = bounds["start"] + passed, 0
        inside = (number >= 1) & (start < bounds["end"])
    if not inside.all():
        row = (~inside).arg_true()[0]
        expected = f"a {minutes[row]}-minute period of {day[row]} in {spec.clock}"
        refuse(path, cells[LINE][row], column, expected, cells[column][row])
    return Periods(_frame(start, minutes, day), averaged)


def _counted(
    path: Path, spec: TimeSpec, rows: pl.DataFrame, stamp: pl.Series, minutes: pl.Series
) -> Periods:
    """A grid by row number; stamps only have to lie nearer to their own place than to the next."""
    assert spec.start is not None
    groups = [name for name in rows.columns if name != LINE]
    number = pl.int_range(pl.len())
    place = rows.select(number.over(groups) if groups else number).to_series()
    passed = (place * minutes * 60_000_000).cast(pl.Duration("us"))
    local = passed + spec.start
    drift = (stamp - local).abs()
    far = drift * 2 >= (minutes * 60_000_000).cast(pl.Duration("us"))
    if far.any():
        row = far.arg_true()[0]
        refuse(path, rows[LINE][row], spec.column, f"a time near {local[row]}", str(stamp[row]))
    start = passed + moment_in(spec.clock, spec.start)
    return Periods(_frame(start, minutes, local.dt.date()), 0)


def _require_hours(
    path: Path, spec: TimeSpec, convention: Convention, cells: pl.DataFrame, utc: pl.Series
) -> None:
    """Only conventions that fill or shift the spring hour may name one that does not exist."""
    if convention in ("normalised_24", "spring_hour_shifted") or not utc.null_count():
        return
    row = utc.is_null().arg_true()[0]
    expected = f"a time that exists in {spec.clock} ({convention})"
    refuse(path, cells[LINE][row], spec.column, expected, str(cells[spec.column][row]))


def _parsed(path: Path, spec: Stamps, column: str, cells: pl.DataFrame) -> pl.Series:
    """The stamps of a column: naive local times, or UTC where each carries its offset."""
    found = cells[column]
    if isinstance(found.dtype, pl.Datetime):
        zoned = found.dtype.time_zone is not None
        stamps = found.dt.convert_time_zone("UTC") if zoned else found
    elif found.dtype == pl.Date:
        stamps = found.cast(pl.Datetime("us"))
    else:
        text = found.cast(pl.String)
        stamps = pl.select(pl.coalesce(_as_time(text, form) for form in spec.formats)).to_series()
    if stamps.null_count():
        row = stamps.is_null().arg_true()[0]
        cell = cells[column][row]
        refuse(path, cells[LINE][row], column, f"a time as {' or '.join(spec.formats)}", cell)
    assert isinstance(stamps.dtype, pl.Datetime)
    if (stamps.dtype.time_zone is None) == (spec.clock == IN_STAMP):
        carried = "an offset in each stamp" if spec.clock == IN_STAMP else "stamps with no offset"
        expected = f"{carried}, as clock {spec.clock} says"
        refuse(path, cells[LINE][0], column, expected, str(cells[column][0]))
    return stamps


def _as_time(text: pl.Series, form: str) -> pl.Expr:
    if "%z" in form:
        return pl.lit(text).str.to_datetime(form, time_unit="us", strict=False)
    if "%H" not in form:
        return pl.lit(text).str.to_date(form, strict=False).cast(pl.Datetime("us"))
    if "%M" not in form:
        # An hour alone is no time to the parser.
        text, form = text + "00", form + "%M"
    return pl.lit(text).str.to_datetime(form, time_unit="us", strict=False)


def _minutes(path: Path, spec: TimeSpec, cells: pl.DataFrame) -> pl.Series:
    if spec.resolution_min is not None:
        return pl.repeat(spec.resolution_min, cells.height, dtype=pl.Int64, eager=True)
    cell = cells[spec.resolution_column]
    text = cell.cast(pl.String)
    iso = text.str.extract_groups(_ISO_MINUTES).struct.unnest().cast(pl.Int64).fill_null(0)
    hours, rest = iso.get_columns()
    minutes = text.cast(pl.Int64, strict=False).fill_null(hours * 60 + rest)
    if (wrong := minutes.is_null() | (minutes <= 0)).any():
        row = wrong.arg_true()[0]
        column = spec.resolution_column
        refuse(path, cells[LINE][row], column, "minutes, or a length such as PT15M", cell[row])
    return minutes


def _whole(path: Path, column: str, cells: pl.DataFrame) -> pl.Series:
    number = cells[column].cast(pl.Int64, strict=False)
    if number.null_count():
        row = number.is_null().arg_true()[0]
        refuse(path, cells[LINE][row], column, "the number of a period", cells[column][row])
    return number


def _frame(start: pl.Series, minutes: pl.Series, day: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"_start": start, "_minutes": minutes, "_day": day})
