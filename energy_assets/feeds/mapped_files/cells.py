"""Cells of a file: CSV (plain or gz) as text, Parquet as stored, with the line each came from.

Belongs here: bytes to a frame with the named columns, and checking numbers. Not here: times
(`stamps`), units and codes (`values`).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import ComputeError, NoDataError, PolarsError, SchemaError

from energy_assets.errors import InputError
from energy_assets.feeds.mapped_files.mapping import FileSet

LINE = "_line"
_SHOWN = 12


def data_files(root: Path, files: FileSet) -> list[Path]:
    """The files a path or glob stands for, in order of name.

    Raises:
        InputError: There is none.
    """
    found = sorted(path for path in root.glob(files.path) if path.is_file())
    if not found:
        where = f"files[{files.name}].path"
        raise InputError(where, expected=f"a file below {root}", found=files.path)
    return found


def read_cells(path: Path, files: FileSet) -> pl.DataFrame:
    """The named columns of one file, text trimmed and empty cells null, and `_line`.

    Lines are counted as in an editor (a CSV's header is line 1); Parquet rows from 1.

    Raises:
        InputError: Names file, and the column expected with those found.
    """
    wanted = list(files.columns)
    try:
        if files.format == "parquet":
            _require_columns(path, wanted, list(pl.read_parquet_schema(path)))
            frame = pl.read_parquet(path, columns=wanted).with_row_index(LINE, offset=1)
        else:
            frame = _read_csv(path, files, wanted)
    except (PolarsError, OSError) as error:
        found = " ".join(str(error).split())[:200]
        raise InputError(path.name, expected=f"a readable {files.format}", found=found) from error
    if frame.is_empty():
        raise InputError(path.name, expected="rows", found="none")
    return _plain(frame)


def require_numbers(path: Path, files: FileSet, cells: pl.DataFrame) -> None:
    """Refuse text in a value column, unless it is a declared code.

    Raises:
        InputError: At the first such cell: file, row, column, expected, found.
    """
    codes: dict[str, set[str]] = {}
    for rows in files.tables:
        for value in rows.values:
            codes.setdefault(value.column, set()).update(value.text_codes)
    for column, texts in codes.items():
        cell = pl.col(column)
        number = numbers(cell, files.decimal)
        bad = cell.is_not_null() & (number.is_null() | number.is_infinite())
        if texts:
            bad = bad & ~cell.cast(pl.String).is_in(sorted(texts))
        wrong = cells.filter(bad)
        if not wrong.is_empty():
            expected = "a number"
            if texts:
                expected += f" or {', '.join(sorted(texts))}"
            refuse(path, wrong[LINE][0], column, expected, wrong[column][0])


def numbers(cell: pl.Expr, decimal: str) -> pl.Expr:
    """A cell as a number, null where it is none; NaN stays."""
    if decimal == ",":
        text = cell.cast(pl.String).str.replace_all(".", "", literal=True)
        cell = text.str.replace(",", ".", literal=True)
    return cell.cast(pl.Float64, strict=False)


def refuse(path: Path, line: int, column: str, expected: str, found: object) -> None:
    """Raise the error of one cell."""
    where = f"{path.name}: row {line}, column {column!r}"
    raise InputError(where, expected=expected, found=found)


def _read_csv(path: Path, files: FileSet, wanted: list[str]) -> pl.DataFrame:
    try:
        # All columns are read, so that a row with too many fields is refused, not cut.
        frame = pl.read_csv(
            path, separator=files.separator, skip_lines=files.preamble_lines, infer_schema=False
        )
        _require_columns(path, wanted, frame.columns)
        _require_whole_rows(path, files, len(frame.columns))
        frame = frame.select(wanted)
    except NoDataError as error:
        raise InputError(path.name, expected="a header and rows", found="an empty file") from error
    except (ComputeError, SchemaError) as error:
        found = " ".join(str(error).split())[:200]
        expected = f"{files.format} with as many fields in every row as in the header"
        raise InputError(path.name, expected=expected, found=found) from error
    text = pl.all().str.strip_chars().replace("", None)
    return frame.with_columns(text).with_row_index(LINE, offset=2 + files.preamble_lines)


def _require_whole_rows(path: Path, files: FileSet, fields: int) -> None:
    """Refuse a row cut short, which the parser would read as empty cells."""
    lines = pl.read_csv(
        path,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        infer_schema=False,
        skip_lines=files.preamble_lines,
    ).to_series()
    # A separator inside quotes cannot be told from one between fields by counting.
    if lines.str.contains('"', literal=True).any():
        return
    counted = lines.str.count_matches(files.separator, literal=True) + 1
    short = ((counted < fields) & (lines.str.len_bytes() > 0)).arg_true()
    if len(short):
        where = f"{path.name}: row {short[0] + 1 + files.preamble_lines}"
        raise InputError(where, expected=f"{fields} fields", found=lines[short[0]])


def _require_columns(path: Path, wanted: list[str], found: list[str]) -> None:
    for name in wanted:
        if name not in found:
            shown = ", ".join(found[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise InputError(path.name, expected=f"a column {name!r}", found=f"{shown}{more}")


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Categories as text, times in microseconds, NaN as no value."""
    casts: list[pl.Expr] = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Categorical | pl.Enum):
            casts.append(pl.col(name).cast(pl.String))
        elif isinstance(dtype, pl.Datetime):
            casts.append(pl.col(name).dt.cast_time_unit("us"))
        elif dtype.is_float():
            casts.append(pl.col(name).fill_nan(None))
    return frame.with_columns(casts)
