"""Content hashes: what makes two rows, or two batches, the same.

A row is laid out as a fixed-width canonical record (one null flag and one field per column, in
registry order) and hashed with BLAKE2b, 128 bits:

- integers, dates and time stamps as little-endian 64-bit integers;
- floats as their IEEE bits, with one zero and one NaN;
- strings as the BLAKE2b digest of their UTF-8 bytes, computed once per distinct value.

Column names and kinds enter through BLAKE2b's personalisation, so equal bytes under other columns
differ. The layout needs numpy only, so a hash is the same in any process, on any platform and
under any polars release (polars' own `hash_rows` promises none of that), and costs about one second
per million rows. A batch hash is the hash of its sorted row hashes: row order does not count.

Not here: which columns count as content (`tables.Column.volatile`) or what equality leads to
(`revisions`, `writing`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

_DIGEST_BYTES = 16
_SEPARATOR = b"\n"

Bytes2D = npt.NDArray[np.uint8]


def row_hashes(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Hex digest of every row over the named columns.

    Args:
        frame: Any frame that has the columns.
        columns: Columns that are content, in registry order.

    Returns:
        A string series of `frame.height` digests named `content_hash`.
    """
    name = "content_hash"
    if frame.is_empty():
        return pl.Series(name, [], dtype=pl.String)
    kinds = [_kind(frame.schema[column]) for column in columns]
    header = "|".join(f"{column}:{kind}" for column, kind in zip(columns, kinds, strict=True))
    person = blake2b(header.encode(), digest_size=16).digest()
    records = np.concatenate(
        [part for column in columns for part in _fields(frame.get_column(column))], axis=1
    )
    rows = np.ascontiguousarray(records).view(f"V{records.shape[1]}").ravel().tolist()
    digests = [blake2b(row, digest_size=_DIGEST_BYTES, person=person).hexdigest() for row in rows]
    return pl.Series(name, digests, dtype=pl.String)


def combined_hash(hashes: Iterable[str]) -> str:
    """Hash of a set of rows from their row hashes; independent of their order."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    digest.update(_SEPARATOR.join(value.encode() for value in sorted(hashes)))
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """Hash of one text, e.g. a raw row kept as JSON."""
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return str(dtype)


def _fields(column: pl.Series) -> tuple[Bytes2D, Bytes2D]:
    nulls = column.is_null().to_numpy().astype(np.uint8).reshape(-1, 1)
    if column.dtype == pl.String:
        return nulls, _text_field(column)
    if column.dtype.is_float():
        values = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0  # -0.0 becomes 0.0
        return nulls, _bytes(np.where(np.isnan(values), np.nan, values).view(np.int64))
    if column.dtype.is_temporal():
        column = column.dt.cast_time_unit("us") if column.dtype == pl.Datetime else column
    return nulls, _bytes(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy())


def _text_field(column: pl.Series) -> Bytes2D:
    distinct = column.fill_null("").unique(maintain_order=True)
    digests = b"".join(
        blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() for text in distinct.to_list()
    )
    table = np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST_BYTES)
    places = pl.DataFrame({"text": distinct}).with_row_index("place")
    index = (
        column.fill_null("")
        .to_frame("text")
        .join(places, on="text", how="left", maintain_order="left")
    )
    field: Bytes2D = table[index.get_column("place").to_numpy()]
    return field


def _bytes(values: npt.NDArray[np.int64]) -> Bytes2D:
    little = values if sys.byteorder == "little" else values.byteswap()
    return np.ascontiguousarray(little).view(np.uint8).reshape(-1, 8)
