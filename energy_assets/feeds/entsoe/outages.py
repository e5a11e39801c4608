"""Unavailability of generation: zipped documents A80 (units) and A77 (plants) to `raw.outages`.

Each document is one revision of one message; every revision the platform gives is a row or more,
and readers take the latest per message (the platform itself keeps only that one, so history
fetched later lacks the earlier ones). A09 (cancelled) and A13 (withdrawn) end a message; they
count also when the document says nothing more. Each stretch of equal available power is one part.

A message about a generating unit names the plant and the unit; the unit's code is the resource,
so that a plant's code in a desk file never stands for one of its units.

The reason's text is written by strangers: control characters go, 500 characters stay.

Not here: asking (`outage_feed`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import polars as pl

from energy_assets.feeds.entsoe.documents import Document, Node
from energy_assets.feeds.entsoe.periods import stretches_of
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.lakehouse import table

TABLE = "raw.outages"
UNKNOWN_RESOURCE = "unknown"
_RESOURCE = "production_RegisteredResource"
_TYPES: dict[str, Literal["planned", "forced"]] = {"A53": "planned", "A54": "forced"}
_STATUSES: dict[str, Literal["active", "withdrawn"]] = {
    "": "active",
    "A01": "active",
    "A02": "active",
    "A05": "active",
    "A09": "withdrawn",
    "A13": "withdrawn",
}
_LONGEST_CAUSE = 500
_PERIOD = "unavailability_Time_Period.timeInterval"


@dataclass(frozen=True)
class _Part:
    """A stretch of equal available power of one resource."""

    unit: str
    start: datetime
    end: datetime
    available_mw: float
    installed_mw: float | None
    outage_type: str
    cause: str


def outage_rows(documents: list[Document]) -> pl.DataFrame:
    """Rows of `raw.outages`, by resource code; the last of equal revisions counts.

    Raises:
        UnusableAnswerError: If a document cannot be used; names document and field.
    """
    rows = [row for document in documents for row in _rows(document)]
    schema = {
        name: dtype
        for name, dtype in table(TABLE).schema.items()
        if name in {column.name for column in table(TABLE).columns} or name == "knowledge_time"
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    newest = pl.col("issued_at") == pl.col("issued_at").max().over("message_id", "message_revision")
    key = ("message_id", "message_revision", "part")
    return frame.filter(newest).unique(key, keep="last", maintain_order=True)


def _rows(document: Document) -> Iterator[dict[str, object]]:
    root, issued = document.root, document.created
    status = root.optional("docStatus/value")
    if status not in _STATUSES:
        raise UnusableAnswerError(f"{root.where} with docStatus {status[:20]!r}, which is unknown")
    parts = [part for series in document.time_series for part in _parts(series, root)]
    if not parts:
        if _STATUSES[status] == "active":
            raise UnusableAnswerError(f"{root.where} without any Available_Period")
        parts = [_ending(root)]
    for number, part in enumerate(parts):
        yield {
            "message_id": root.text("mRID"),
            "message_revision": _revision(root),
            "part": number,
            "unit": part.unit,
            "issued_at": issued,
            "published_at": issued,
            "event_start": part.start,
            "event_end": part.end,
            "available_mw": part.available_mw,
            "installed_mw": part.installed_mw,
            "outage_type": part.outage_type,
            "event_status": _STATUSES[status],
            "cause": part.cause,
            "knowledge_time": issued,
        }


def _parts(series: Node, root: Node) -> Iterator[_Part]:
    unit, installed, kind = _resource(series), _installed(series), _type(series)
    cause = _cause(series) or _cause(root)
    for found in stretches_of(series, "quantity", "Available_Period"):
        series.require("quantity_Measure_Unit.name", "MAW")
        for start, end, power in zip(found.starts, found.ends, found.values, strict=True):
            span = _moment(int(start)), _moment(int(end))
            yield _Part(unit, *span, float(power), installed, kind, cause)


def _ending(root: Node) -> _Part:
    """The one part of a withdrawal that names no period."""
    start, end = root.interval(_PERIOD)
    series = next(root.children("TimeSeries"), None)
    cause = _cause(root)
    if series is None:
        return _Part(UNKNOWN_RESOURCE, start, end, 0.0, None, "forced", cause)
    installed = _installed(series)
    cause = _cause(series) or cause
    return _Part(_resource(series), start, end, installed or 0.0, installed, _type(series), cause)


def _resource(series: Node) -> str:
    unit = series.optional(f"{_RESOURCE}.pSRType.powerSystemResources.mRID")
    code = unit or series.optional(f"{_RESOURCE}.mRID")
    return _clean(code)[:40] or UNKNOWN_RESOURCE


def _installed(series: Node) -> float | None:
    name = f"{_RESOURCE}.pSRType.powerSystemResources.nominalP"
    text = series.optional(name)
    if not text:
        return None
    try:
        power = float(text)
    except ValueError:
        power = float("nan")
    if not np.isfinite(power):
        raise UnusableAnswerError(f"{series.where} with {name} {text[:20]!r}, not a number")
    return power


def _type(series: Node) -> str:
    code = series.text("businessType")
    if code not in _TYPES:
        raise UnusableAnswerError(f"{series.where} with businessType {code[:20]!r}, not A53 or A54")
    return _TYPES[code]


def _revision(root: Node) -> int:
    text = root.text("revisionNumber")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) < 10**9):
        raise UnusableAnswerError(f"{root.where} with revisionNumber {text[:20]!r}")
    return int(text[:9])


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _cause(node: Node) -> str:
    texts = [
        _clean(reason.optional("text") or reason.optional("code"))
        for reason in node.children("Reason")
    ]
    return "; ".join(text for text in texts if text)[:_LONGEST_CAUSE]


def _clean(text: str) -> str:
    """The text in one line without control, format and private characters."""
    spaced = "".join(" " if letter.isspace() else letter for letter in text[: 4 * _LONGEST_CAUSE])
    return "".join(
        letter for letter in " ".join(spaced.split()) if unicodedata.category(letter)[0] != "C"
    )
