"""Reading a file in EPF format: every row checked, every fault named by file, row and column.

EPF format (Lago et al. 2021): CSV, plain or gz; a column with the local hour start, a price column,
any number of day-ahead forecast columns; 24 rows for every day, normalised at clock changes. Rows
are counted as lines of the file: the header is row 1.

Belongs here: bytes to a checked frame in local time. Not here: UTC, market areas, knowledge times
(`epf_files`).
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import polars as pl

from energy_assets.errors import InputError
from energy_assets.portfolio import FileColumns

_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")
_FIRST_DATA_ROW = 2
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class EpfFile:
    """A checked file.

    Attributes:
        local_starts: Local hour starts, naive, every hour once.
        prices: Day-ahead prices in currency/MWh.
        forecasts: One column of MW per role of the desk file.
    """

    local_starts: pl.Series
    prices: pl.Series
    forecasts: pl.DataFrame


def read_epf_file(path: Path, columns: FileColumns) -> EpfFile:
    """The whole checked file.

    Read again only when the file has changed (path, time of change or size).

    Raises:
        InputError: At the first fault, naming file, row and column.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(path.name, expected="a readable file", found=str(path)) from error
    roles = tuple(sorted(columns.forecasts.items()))
    return _read(path, stat.st_mtime_ns, stat.st_size, columns.time, columns.price, roles)


@lru_cache(maxsize=8)
def _read(
    path: Path,
    changed: int,  # noqa: ARG001 - part of the cache key
    size: int,  # noqa: ARG001 - part of the cache key
    time_column: str,
    price_column: str,
    roles: tuple[tuple[str, str], ...],
) -> EpfFile:
    text = _text(path)
    cells = _cells(path.name, text, [time_column, price_column, *(name for _, name in roles)])
    starts = _local_starts(path.name, cells.get_column(time_column))
    _require_whole_days(path.name, starts)
    prices = _numbers(path.name, cells.get_column(price_column))
    forecasts = [_numbers(path.name, cells.get_column(name)).alias(role) for role, name in roles]
    return EpfFile(starts, prices, pl.DataFrame(forecasts))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(path.name, expected="a readable file", found=str(error)) from error
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(path.name, expected="a readable gz file", found=str(error)) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        where = f"{path.name}: row {row}"
        raise InputError(where, expected="UTF-8 text", found=f"byte {error.start}") from error
    return text.replace("\r\n", "\n").rstrip("\n")


def _cells(file: str, text: str, wanted: list[str]) -> pl.DataFrame:
    """The wanted columns as text; every row has as many fields as the header."""
    header, _, body = text.partition("\n")
    if not body:
        found = "only a header" if header else "an empty file"
        raise InputError(file, expected="a header and 24 rows a day", found=found)
    names = header.split(",")
    for name in wanted:
        if names.count(name) != 1:
            raise InputError(f"{file}: row 1", expected=f"one column {name!r}", found=header)
    rows = pl.Series(body.split("\n"))
    fields = rows.str.count_matches(",", literal=True) + 1
    ragged = (fields != len(names)).arg_true()
    if len(ragged):
        _refuse(file, ragged[0], "", f"{len(names)} fields", rows[ragged[0]])
    return pl.read_csv(
        io.StringIO(text), columns=wanted, infer_schema=False, quote_char=None
    ).with_columns(pl.all().fill_null("").str.strip_chars())


def _local_starts(file: str, cells: pl.Series) -> pl.Series:
    starts = pl.select(
        pl.coalesce(
            pl.lit(cells).str.to_datetime(form, time_unit="us", strict=False)
            for form in _TIME_FORMATS
        )
    ).to_series()
    bad = starts.is_null() | (starts != starts.dt.truncate("1h"))
    if bad.any():
        row = bad.arg_true()[0]
        _refuse(file, row, cells.name, "a local hour start, YYYY-MM-DD HH:00", cells[row])
    return starts.alias(cells.name)


def _require_whole_days(file: str, starts: pl.Series) -> None:
    """Every hour once, in time order, from hour 0 of the first day to hour 23 of the last."""
    steps = starts.diff()
    wrong = (steps != _HOUR).fill_null(value=False).arg_true()
    if len(wrong):
        _refuse_step(file, starts, wrong[0])
    first, last = starts[0], starts[-1]
    if first.hour != 0:
        _refuse(file, 0, starts.name, "24 rows a day: hour 0 of the first day", _hour(first))
    if last.hour != 23:
        found = f"the file ends at {_hour(last)}"
        _refuse(file, len(starts) - 1, starts.name, "24 rows a day: hour 23 of the last day", found)


def _refuse_step(file: str, starts: pl.Series, row: int) -> None:
    before, here = starts[row - 1], starts[row]
    expected = _hour(before + _HOUR)
    if here == before:
        _refuse(file, row, starts.name, expected, f"{_hour(here)} a second time (duplicate hour)")
    if here < before:
        _refuse(file, row, starts.name, expected, f"{_hour(here)} (hours out of order)")
    missing = (here - before) // _HOUR - 1
    _refuse(file, row, starts.name, expected, f"{_hour(here)} (gap: {missing} missing)")


def _numbers(file: str, cells: pl.Series) -> pl.Series:
    numbers = cells.cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.is_finite()
    if bad.any():
        row = bad.arg_true()[0]
        found = cells[row] or "an empty field"
        _refuse(file, row, cells.name, "a finite number", found)
    return numbers


def _refuse(file: str, row: int, column: str, expected: str, found: object) -> None:
    place = f"{file}: row {row + _FIRST_DATA_ROW}"
    where = f"{place}, column {column!r}" if column else place
    raise InputError(where, expected=expected, found=found)


def _hour(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
