"""Folders in which somebody drops files: what their feeds share, which files count, their lines.

Files are taken in the order of their names; hidden files and other suffixes are left alone, so a
writer may put a file under another name first and rename it when it is whole. A fault is one
`InputError` that names file and line.

Not here: what a row means (`fuel_folder`, `reserve_auctions`, `own_outages`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from energy_assets.errors import InputError
from energy_assets.lakehouse import Table, table

_LARGEST_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class DropFolderFeed:
    """A feed on one folder that fills one table; `fetch` is each source's own.

    Attributes:
        folder: Where the files are.
        scope: Scope of the rows.
    """

    SOURCE: ClassVar[str]
    TABLE: ClassVar[str]

    folder: Path
    scope: str

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{self.SOURCE}.{self.folder.name}"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return self.SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table(self.TABLE)

    @property
    def selection(self) -> dict[str, str]:
        """The source brings nothing else into the table."""
        return {}


@dataclass(frozen=True)
class CsvLine:
    """One line of a CSV file.

    Attributes:
        file: Name of the file.
        number: Line number; the header is line 1.
        cells: Stripped text by column name.
    """

    file: str
    number: int
    cells: dict[str, str]

    def fault(self, column: str, expected: str) -> InputError:
        """The error of a cell that is not what it should be."""
        where = f"{self.file}: line {self.number}, column {column!r}"
        found = self.cells.get(column, "")
        return InputError(where, expected=expected, found=found[:200] or "an empty field")


def dropped_files(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder with this suffix, by name.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError(folder.name, expected=f"a folder of {suffix} files", found="no folder")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() == suffix and not path.name.startswith(".") and path.is_file()
    )


def dropped_text(path: Path) -> str:
    """Text of a file, without a byte-order mark.

    Raises:
        InputError: It cannot be read, is not UTF-8 or far too large.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE_BYTES:
            expected = f"at most {_LARGEST_FILE_BYTES >> 20} MiB"
            raise InputError(path.name, expected=expected, found=f"{size >> 20} MiB")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {error.start}"
        raise InputError(path.name, expected="UTF-8 text", found=found) from error
    except OSError as error:
        found = type(error).__name__
        raise InputError(path.name, expected="a readable file", found=found) from error


def csv_lines(path: Path, delimiter: str) -> Iterator[CsvLine]:
    """The lines of a CSV file below its header; empty lines are skipped.

    Raises:
        InputError: No header, a repeated column, or a line with more or fewer fields than it.
    """
    reader = csv.reader(io.StringIO(dropped_text(path), newline=""), delimiter=delimiter)
    header: list[str] = []
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            where = f"{path.name}: line {reader.line_num}"
            raise InputError(where, expected="a CSV line", found=str(error)) from error
        if fields is None:
            break
        cells = [field.strip() for field in fields]
        if not any(cells):
            continue
        if not header:
            header = cells
            _require_distinct(path.name, header)
            continue
        if len(cells) != len(header):
            where = f"{path.name}: line {reader.line_num}"
            expected = f"{len(header)} fields separated by {delimiter!r}"
            raise InputError(where, expected=expected, found=f"{len(cells)} fields")
        yield CsvLine(path.name, reader.line_num, dict(zip(header, cells, strict=True)))
    if not header:
        raise InputError(path.name, expected="a header line", found="an empty file")


def _require_distinct(file: str, header: list[str]) -> None:
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{file}: line 1", expected="each column once", found=name)
