"""REMIT messages of Elexon Insights about unavailable plant: raw.outages, told to the desk.

    GET /remit/list/by-publish?from=…&to=…&latestRevisionOnly=false[&assetId=…]
    GET /remit?messageId=1&messageId=2…

Every revision is fetched, in bulk by message id. A desk that names assets (`unit_codes`) gets their
messages only; without any, everybody's. Message id is `mrid`, revision `revisionNumber`; issued,
published and known at `publishTime`. An `outageProfile` gives one part per segment, else the event
is the one part. Only messages about electricity facilities are read.

Read with care, since the source leaves it open (unverified): `Inactive` and `Dismissed` both end a
message; an event without an end lasts until another revision says so (`OPEN_END`); an active
message without any capacity is read as a full outage; one that is not `Planned` is forced. The
cause is free text of the participant and kept as it came.

Not here: availability of a unit over time (`curation`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from pydantic import AwareDatetime, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from energy_assets.feeds.elexon.settlement_periods import SOURCE, zulu
from energy_assets.feeds.interface import Window, known, typed_frame
from energy_assets.feeds.json_answers import AnswerModel, ask_json, unusable
from energy_assets.feeds.source_session import SourceSession
from energy_assets.lakehouse import Table, table
from energy_assets.lakehouse.tables import UTC_TIME

OPEN_END = datetime(2100, 1, 1, tzinfo=UTC)
_ELECTRICITY = "UnavailabilitiesOfElectricityFacilities"
_STATUSES = {"active": "active", "inactive": "withdrawn", "dismissed": "withdrawn"}
# Spans and numbers of ids of one request (general knowledge; a refusal would name them).
_LIST_CHUNK = timedelta(days=7)
_IDS_AT_ONCE = 50


class _Answer(AnswerModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Listed(_Answer):
    id: int


class _List(_Answer):
    data: list[_Listed]


class _Segment(_Answer):
    start_time: AwareDatetime
    end_time: AwareDatetime
    capacity: float


class _Message(_Answer):
    id: int
    mrid: str
    revision_number: int
    publish_time: AwareDatetime
    message_type: str | None = None
    unavailability_type: str | None = None
    asset_id: str | None = None
    affected_unit: str | None = None
    registration_code: str | None = None
    normal_capacity: float | None = None
    available_capacity: float | None = None
    unavailable_capacity: float | None = None
    event_status: str
    event_start_time: AwareDatetime
    event_end_time: AwareDatetime | None = None
    cause: str | None = None
    outage_profile: list[_Segment] | None = None


class _Messages(_Answer):
    data: list[_Message]


_LIST = TypeAdapter(_List)
_MESSAGES = TypeAdapter(_Messages)


@dataclass(frozen=True)
class RemitMessages:
    """The messages a desk reads.

    Attributes:
        scope: Desk.
        unit_codes: Asset id by unit of the desk.
        session: Requests.
    """

    scope: str
    unit_codes: Mapping[str, str]
    session: SourceSession

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.outages"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table("raw.outages")

    @property
    def selection(self) -> dict[str, str]:
        """The source brings nothing else into the table."""
        return {}

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Messages published in the window and by `as_of`.

        Raises:
            SourceUnavailableError: No usable answer.
        """
        ids = self._ids(window.start, min(window.end, as_of))
        rows = [
            row
            for first in range(0, len(ids), _IDS_AT_ONCE)
            for message in self._messages(ids[first : first + _IDS_AT_ONCE])
            for row in self._rows(message)
        ]
        schema = {column.name: column.dtype for column in self.table.columns}
        frame = pl.DataFrame(rows, schema={**schema, "knowledge_time": UTC_TIME})
        typed = typed_frame(self.table, frame, source=SOURCE, basis="published")
        return known(self.table, typed, window, as_of)

    def _ids(self, start: datetime, last: datetime) -> list[int]:
        """Ids of the messages published in [start, last]; a list may end in one of the next."""
        found: set[int] = set()
        assets = sorted(set(self.unit_codes.values())) or [""]
        while start < last:
            end = min(start + _LIST_CHUNK, last)
            span = {"from": zulu(start), "to": zulu(end), "latestRevisionOnly": "false"}
            for asset in assets:
                params = {**span, "assetId": asset} if asset else span
                answer = ask_json(self.session, "remit/list/by-publish", params, _LIST)
                found.update(listed.id for listed in answer.data)
            start = end
        return sorted(found)

    def _messages(self, ids: list[int]) -> list[_Message]:
        answer = ask_json(self.session, "remit", {"messageId": ids}, _MESSAGES)
        missing = set(ids) - {message.id for message in answer.data}
        if missing:
            found = f"{len(missing)} of {len(ids)} listed messages missing, first {min(missing)}"
            raise unusable(self.session, "/remit", found)
        return [message for message in answer.data if message.message_type == _ELECTRICITY]

    def _rows(self, message: _Message) -> Iterator[dict[str, Any]]:
        status = _STATUSES.get(message.event_status.lower())
        if status is None:
            found = f"message {message.id} with eventStatus {message.event_status!r}"
            raise unusable(self.session, "/remit", found)
        is_planned = (message.unavailability_type or "").lower() == "planned"
        for number, (start, end, available) in enumerate(_parts(message)):
            yield {
                "message_id": message.mrid,
                "message_revision": message.revision_number,
                "part": number,
                "unit": self._unit(message),
                "issued_at": message.publish_time,
                "published_at": message.publish_time,
                "event_start": start,
                "event_end": end,
                "available_mw": available,
                "installed_mw": message.normal_capacity,
                "outage_type": "planned" if is_planned else "forced",
                "event_status": status,
                "cause": message.cause or "",
                "knowledge_time": message.publish_time,
            }

    def _unit(self, message: _Message) -> str:
        """The desk's name of the unit; the source's own code where it is no desk's."""
        codes = [message.asset_id, message.affected_unit, message.registration_code]
        for unit, code in self.unit_codes.items():
            if code in codes:
                return unit
        return next((code for code in codes if code), "unknown")


def _parts(message: _Message) -> list[tuple[datetime, datetime, float]]:
    """Start, end and power left of every part."""
    if message.outage_profile:
        return [
            (segment.start_time, segment.end_time, segment.capacity)
            for segment in message.outage_profile
        ]
    available = message.available_capacity
    normal, missing = message.normal_capacity, message.unavailable_capacity
    if available is None and normal is not None and missing is not None:
        available = normal - missing
    return [(message.event_start_time, message.event_end_time or OPEN_END, available or 0.0)]
