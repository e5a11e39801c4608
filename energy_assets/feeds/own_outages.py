"""Outage messages the plant drops into a folder, one JSON file per message: raw.outages.

    {
      "message_id": "gas-2026-017",
      "revision": 2,
      "unit": "gas_turbine",
      "created_at": "2026-03-02T08:40:00+01:00",
      "published_at": null,
      "status": "active",
      "type": "forced",
      "parts": [
        {"start": "2026-03-02T08:00:00+01:00", "end": "2026-03-02T20:00:00+01:00",
         "available_mw": 40}
      ],
      "cause": "vibration on bearing 3"
    }

`published_at` null or left out: the market has not been told yet. `status` is active or withdrawn,
`type` planned or forced. The desk knows a message from `created_at` on (knowledge basis
`observed`), so before the market may; the row shows it, for governance to block on. Publishing an
unchanged message means writing its file again with `published_at`, or a new revision.

Messages are checked strictly; one bad file is one error that names it, and nothing is returned.

Not here: messages as the market sees them (`entsoe`, `elexon`), availability (`curation`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.drop_folder import DropFolderFeed, dropped_files, dropped_text
from energy_assets.feeds.interface import Feed, Window, known, typed_frame
from energy_assets.lakehouse import Table
from energy_assets.lakehouse.tables import UTC_TIME
from energy_assets.portfolio import (
    BatteryUnit,
    Desk,
    FeedSpec,
    LoadUnit,
    OwnOutagesFeed,
    input_error,
)
from energy_assets.portfolio.units import NonNegative
from energy_assets.portfolio.validation import broken_rule

SOURCE = "own_outages"
_LONGEST_FOUND = 200


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OutagePart(_Model):
    """Power left in a span of time."""

    start: AwareDatetime
    end: AwareDatetime
    available_mw: NonNegative

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> OutagePart:
        if self.end <= self.start:
            expected = f"a time after start ({self.start.isoformat()})"
            raise broken_rule("end", expected, self.end.isoformat())
        return self


class OutageMessage(_Model):
    """One file: a revision of a message about one unit of the desk."""

    message_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    unit: str
    created_at: AwareDatetime
    published_at: AwareDatetime | None = None
    status: Literal["active", "withdrawn"]
    type: Literal["planned", "forced"]
    parts: Annotated[tuple[OutagePart, ...], Field(min_length=1, max_length=1000)]
    cause: Annotated[str, Field(max_length=4000)] = ""

    @model_validator(mode="after")
    def _consistent(self) -> OutageMessage:
        for number, (earlier, later) in enumerate(pairwise(self.parts), start=1):
            if later.start < earlier.end:
                expected = f"a time not before the end of the part before ({earlier.end})"
                raise broken_rule(f"parts[{number}].start", expected, later.start)
        if self.published_at is not None and self.published_at < self.created_at:
            expected = f"a time not before created_at ({self.created_at})"
            raise broken_rule("published_at", expected, self.published_at)
        return self


@dataclass(frozen=True)
class OwnOutages(DropFolderFeed):
    """The messages of one folder.

    Attributes:
        desk: Desk whose units they are about.
    """

    SOURCE = SOURCE
    TABLE = "raw.outages"

    desk: Desk

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Messages created in the window and by `as_of`.

        Raises:
            InputError: At the first bad file.
        """
        capacities = {unit.name: _capacity(unit) for unit in self.desk.units}
        messages: dict[tuple[str, int], OutageMessage] = {}
        for path in dropped_files(self.folder, ".json"):
            message = _message(path)
            _require_own(path.name, message, capacities)
            first = messages.setdefault((message.message_id, message.revision), message)
            if first != message:
                expected = f"one content for revision {message.revision} of {message.message_id}"
                raise InputError(path.name, expected=expected, found="another in an earlier file")
        rows = [
            row for message in messages.values() for row in _rows(message, capacities[message.unit])
        ]
        frame = _frame(self.table, rows)
        typed = typed_frame(self.table, frame, source=SOURCE, basis="observed")
        return known(self.table, typed, window, as_of)


def feeds_of(spec: FeedSpec, access: Access, desk: Desk) -> list[Feed]:
    """The feed of a desk's folder of outage messages."""
    assert isinstance(spec, OwnOutagesFeed)
    return [OwnOutages(access.data_root / spec.folder, desk.name, desk)]


def _frame(registered: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {column.name: column.dtype for column in registered.columns}
    return pl.DataFrame(rows, schema={**schema, "knowledge_time": UTC_TIME})


def _rows(message: OutageMessage, capacity: float) -> list[dict[str, Any]]:
    return [
        {
            "message_id": message.message_id,
            "message_revision": message.revision,
            "part": number,
            "unit": message.unit,
            "issued_at": message.created_at,
            "published_at": message.published_at,
            "event_start": part.start,
            "event_end": part.end,
            "available_mw": part.available_mw,
            "installed_mw": capacity,
            "outage_type": message.type,
            "event_status": message.status,
            "cause": message.cause,
            "knowledge_time": message.created_at,
        }
        for number, part in enumerate(message.parts)
    ]


def _message(path: Path) -> OutageMessage:
    text = dropped_text(path)
    try:
        return OutageMessage.model_validate_json(text)
    except ValidationError as error:
        raise _short(input_error(path.name, _document(text), error)) from None


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(error: InputError) -> InputError:
    """The same error, with no more of a stranger's text than a line holds."""
    found = str(error.found)
    if len(found) <= _LONGEST_FOUND:
        return error
    return InputError(
        error.where, expected=error.expected, found=found[:_LONGEST_FOUND] + "…", hint=error.hint
    )


def _require_own(file: str, message: OutageMessage, capacities: dict[str, float]) -> None:
    if message.unit not in capacities:
        expected = f"one of {', '.join(sorted(capacities))}"
        raise InputError(f"{file}: unit", expected=expected, found=message.unit[:_LONGEST_FOUND])
    capacity = capacities[message.unit]
    for number, part in enumerate(message.parts):
        if part.available_mw > capacity:
            expected = f"at most {capacity:g}, the power of {message.unit}"
            where = f"{file}: parts[{number}].available_mw"
            raise InputError(where, expected=expected, found=part.available_mw)


def _capacity(unit: Any) -> float:
    if isinstance(unit, BatteryUnit):
        return unit.power_mw
    if isinstance(unit, LoadUnit):
        return unit.peak_mw
    return float(unit.capacity_mw)
