"""Documents of the Transparency Platform as it writes them, built from arrays.

Namespaces, headers, element order and codes are those of real answers; every value is this
project's. Not here: which document a question gets (`entsoe`), figures (`entsoe_market`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

URN = "urn:iec62325.351:tc57wg16"
SPACES = {
    "Publication": f"{URN}:451-3:publicationdocument:7:3",
    "GL": f"{URN}:451-6:generationloaddocument:3:0",
    "Balancing": f"{URN}:451-6:balancingdocument:4:4",
    "Unavailability": f"{URN}:451-6:outagedocument:3:0",
    "Acknowledgement": f"{URN}:451-1:acknowledgementdocument:7:0",
}
CREATED = "2026-01-15T08:00:00Z"
MINUTE = 60_000_000


def moment_text(moment: int | datetime, seconds: bool = False) -> str:
    """A moment as documents write it."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment / 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if seconds else "%Y-%m-%dT%H:%MZ")


@dataclass(frozen=True)
class PointSeries:
    """Values of one period, by position; a None is a missing point."""

    start: int
    minutes: int
    values: tuple[str | None, ...]
    field: str
    extra: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """End of the period."""
        return self.start + len(self.values) * self.minutes * MINUTE


def resolution(minutes: int) -> str:
    """A resolution as documents write it."""
    return {240: "PT4H", 1440: "P1D"}.get(minutes, f"PT{minutes}M")


def period(points: PointSeries, curve: str, name: str = "Period") -> str:
    """A period; A03 leaves out what repeats the point before."""
    lines, before = [], None
    for position, value in enumerate(points.values, start=1):
        if value is not None and not (curve == "A03" and value == before):
            extra = "".join(points.extra)
            lines.append(
                f"<Point><position>{position}</position>"
                f"<{points.field}>{value}</{points.field}>{extra}</Point>"
            )
        before = value
    return (
        f"<{name}><timeInterval><start>{moment_text(points.start)}</start>"
        f"<end>{moment_text(points.end)}</end></timeInterval>"
        f"<resolution>{resolution(points.minutes)}</resolution>\n" + "\n".join(lines) + f"</{name}>"
    )


def periods(points: PointSeries, curve: str) -> str:
    """A period, split at its gaps where the curve could not show them (A03)."""
    if curve != "A03" or None not in points.values:
        return period(points, curve) if any(value is not None for value in points.values) else ""
    found, start = [], 0
    for stop in [
        *[n for n, value in enumerate(points.values) if value is None],
        len(points.values),
    ]:
        if stop > start:
            moment = points.start + start * points.minutes * MINUTE
            part = points.values[start:stop]
            found.append(
                period(PointSeries(moment, points.minutes, part, points.field, points.extra), curve)
            )
        start = stop + 1
    return "".join(found)


def time_series(number: int, head: Mapping[str, str], curve: str, body: str) -> str:
    """A time series; a head entry whose name holds `Domain.mRID` gets its coding scheme."""
    fields = "".join(_element(name, value) for name, value in head.items())
    return (
        f"<TimeSeries><mRID>{number}</mRID>{fields}<curveType>{curve}</curveType>{body}"
        "</TimeSeries>\n"
    )


def market_document(
    kind: str, document_type: str, body: str, *, process: str = "", mrid: str = "", **head: str
) -> bytes:
    """A document of one kind with the usual header."""
    process_element = f"<process.processType>{process}</process.processType>" if process else ""
    extra = "".join(_element(name.replace("__", "."), value) for name, value in head.items())
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{kind}_MarketDocument xmlns="{SPACES[kind]}"><mRID>{mrid or "a1b2c3d4e5f6"}</mRID>'
        f"<revisionNumber>1</revisionNumber><type>{document_type}</type>{process_element}"
        '<sender_MarketParticipant.mRID codingScheme="A01">10X1001A1001A450'
        "</sender_MarketParticipant.mRID>"
        "<sender_MarketParticipant.marketRole.type>A32</sender_MarketParticipant.marketRole.type>"
        '<receiver_MarketParticipant.mRID codingScheme="A01">10X1001A1001A450'
        "</receiver_MarketParticipant.mRID>"
        "<receiver_MarketParticipant.marketRole.type>A33"
        "</receiver_MarketParticipant.marketRole.type>"
        f"<createdDateTime>{CREATED}</createdDateTime>{extra}\n{body}</{kind}_MarketDocument>\n"
    )
    return text.encode()


def acknowledgement(text: str, code: str = "999") -> bytes:
    """An acknowledgement with a reason."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Acknowledgement_MarketDocument xmlns="{SPACES["Acknowledgement"]}">'
        f"<mRID>c0ffee</mRID><createdDateTime>{CREATED}</createdDateTime>"
        f"<Reason><code>{code}</code><text>{escape(text)}</text></Reason>"
        "</Acknowledgement_MarketDocument>"
    ).encode()


NO_DATA = acknowledgement("No matching data found for Data item (demo) and interval.")


@dataclass(frozen=True)
class OutageMessage:
    """One revision of an outage message.

    Attributes:
        mrid: Message id.
        created: When this revision was made.
        start: Start of the event.
        end: End of the event.
        revision: Revision number.
        document_type: A80 generating unit, A77 plant.
        business_type: A53 planned, A54 forced.
        status: docStatus; empty leaves it out.
        plant: Code of the plant.
        unit: Code of the generating unit; empty leaves it out.
        installed_mw: Power without the outage.
        available: Minute offset from the start to available power, MW.
        reason: Text of the reason.
        has_periods: Whether the availability is given at all.
        has_series: Whether the message names its resource at all.
    """

    mrid: str
    created: datetime
    start: datetime
    end: datetime
    revision: int = 1
    document_type: str = "A80"
    business_type: str = "A54"
    status: str = ""
    plant: str = "11WD2PLANT00001A"
    unit: str = "11WD2UNIT000001B"
    installed_mw: float = 800.0
    available: tuple[tuple[int, float], ...] = ((0, 0.0),)
    reason: str = "Failure of a feed pump"
    has_periods: bool = True
    has_series: bool = True


def outage_document(message: OutageMessage, zone: str) -> bytes:
    """The document of one revision."""
    status = f"<docStatus><value>{message.status}</value></docStatus>" if message.status else ""
    body = _outage_series(message, zone) if message.has_series else ""
    reason = f"<Reason><code>B18</code><text>{escape(message.reason)}</text></Reason>"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Unavailability_MarketDocument xmlns="{SPACES["Unavailability"]}">'
        f"<mRID>{message.mrid}</mRID><revisionNumber>{message.revision}</revisionNumber>"
        f"<type>{message.document_type}</type><process.processType>A26</process.processType>"
        f"<createdDateTime>{moment_text(message.created, seconds=True)}</createdDateTime>"
        f"<unavailability_Time_Period.timeInterval><start>{moment_text(message.start)}</start>"
        f"<end>{moment_text(message.end)}</end></unavailability_Time_Period.timeInterval>{status}"
        f"{body}{reason}</Unavailability_MarketDocument>"
    )
    return text.encode()


def _outage_series(message: OutageMessage, zone: str) -> str:
    resource = "production_RegisteredResource"
    system = f"{resource}.pSRType.powerSystemResources"
    head = {
        "businessType": message.business_type,
        "biddingZone_Domain.mRID": zone,
        "quantity_Measure_Unit.name": "MAW",
    }
    plant = _element(f"{resource}.mRID", message.plant) if message.plant else ""
    unit = f'<{system}.mRID codingScheme="A01">{message.unit}</{system}.mRID>'
    lines = "".join(
        f"<Point><position>{offset + 1}</position><quantity>{power:g}</quantity></Point>"
        for offset, power in message.available
    )
    available = (
        f"<Available_Period><timeInterval><start>{moment_text(message.start)}</start>"
        f"<end>{moment_text(message.end)}</end></timeInterval><resolution>PT1M</resolution>"
        f"{lines}</Available_Period>"
    )
    fields = (
        f"{plant}<{resource}.name>Demo plant</{resource}.name>"
        f"<{resource}.pSRType.psrType>B05</{resource}.pSRType.psrType>"
        f"{unit if message.unit else ''}"
        f'<{system}.nominalP unit="MAW">{message.installed_mw:g}</{system}.nominalP>'
    )
    body = fields + (available if message.has_periods else "")
    return time_series(1, head, "A03", body)


def zipped(documents: Iterable[bytes], name: str = "001-DOCUMENT") -> bytes:
    """Documents in an archive, as the platform sends them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, content in enumerate(documents, start=1):
            archive.writestr(f"{number:03d}-{name}.xml", content)
    return buffer.getvalue()


def billion_laughs() -> bytes:
    """A document whose entities would unfold to gigabytes."""
    names = [f"lol{number}" for number in range(10)]
    entities = [f'<!ENTITY {names[0]} "lol">']
    entities += [f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)]
    declared = "".join(entities)
    return (
        f'<?xml version="1.0"?><!DOCTYPE lolz [{declared}]>'
        f'<GL_MarketDocument xmlns="{SPACES["GL"]}"><mRID>&lol9;</mRID></GL_MarketDocument>'
    ).encode()


def external_entity(address: str) -> bytes:
    """A document that asks its reader to open something."""
    return (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY file SYSTEM "{address}">]>'
        f'<GL_MarketDocument xmlns="{SPACES["GL"]}"><mRID>&file;</mRID></GL_MarketDocument>'
    ).encode()


def numbers(values: np.ndarray, decimals: int) -> tuple[str, ...]:
    """Values as documents write them."""
    return tuple(f"{value:.{decimals}f}" for value in values.tolist())


def _element(name: str, value: str) -> str:
    scheme = ' codingScheme="A01"' if name.endswith(".mRID") else ""
    return f"<{name}{scheme}>{escape(value)}</{name}>"
