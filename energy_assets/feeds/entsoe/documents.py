"""IEC 62325 market documents: header, time series, periods.

The platform's documents share one shape: a header (mRID, type, createdDateTime), `TimeSeries` with
units and codes, in each `Period`s of a time interval and a resolution, in each `Point`s by
position. entsoe-py's own parsers read HTML-tolerantly (a document cut in the middle gives fewer
rows without a word), drop the header, and lose withdrawals without a period; so documents are read
here, strictly, and its client and code tables are used.

Belongs here: documents, nodes and acknowledgements. Not here: filling a period (`periods`), what a
value means (`prices`, `system_series`, `reserve_prices`, `outages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from xml.etree.ElementTree import Element

from energy_assets.feeds.entsoe.xml_screen import (
    UnusableAnswerError,
    is_zip,
    parse_xml,
    zip_members,
)

_NO_DATA = "No matching data found"
_TOO_MUCH = re.compile(r"exceeds (the )?allowed (limit|maximum)", re.IGNORECASE)


class NoDataError(Exception):
    """The platform acknowledged the question: it has nothing for it."""


class TooMuchError(Exception):
    """The platform refuses to give that much at once."""


@dataclass(frozen=True)
class Node:
    """An element inside a document.

    Attributes:
        element: The element.
        space: Namespace prefix of the document, `{...}` or empty.
        where: Document and place, for errors.
    """

    element: Element
    space: str
    where: str

    def text(self, name: str) -> str:
        """Text of a child.

        Raises:
            UnusableAnswerError: If it is not there.
        """
        found = self.optional(name)
        if not found:
            raise UnusableAnswerError(f"{self.where} without {name}")
        return found

    def optional(self, name: str) -> str:
        """Text of a child (or of a path below, with `/`); empty if it is not there."""
        path = "/".join(f"{self.space}{part}" for part in name.split("/"))
        return (self.element.findtext(path) or "").strip()

    def children(self, name: str) -> Iterator[Node]:
        """Children of a name, in document order."""
        for number, child in enumerate(self.element.iterfind(f"{self.space}{name}"), start=1):
            yield Node(child, self.space, f"{self.where}, {name} {number}")

    def time(self, name: str) -> datetime:
        """A child's moment, UTC.

        Raises:
            UnusableAnswerError: If it is missing, not a moment, or without a time zone.
        """
        text = self.text(name)
        found = UnusableAnswerError(f"{self.where} with {name} {text[:40]!r}, not a UTC moment")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise found from None
        if moment.tzinfo is None:
            raise found
        return moment.astimezone(UTC)

    def interval(self, name: str) -> tuple[datetime, datetime]:
        """Start and end of a time interval, UTC.

        Raises:
            UnusableAnswerError: If it is missing, broken, or does not end after its start.
        """
        start, end = self.time(f"{name}/start"), self.time(f"{name}/end")
        if end <= start:
            raise UnusableAnswerError(f"{self.where} with {name} that ends before it starts")
        return start, end

    def require(self, name: str, expected: str) -> None:
        """Refuse another value than the expected one, such as a unit or a currency.

        Raises:
            UnusableAnswerError: If the child is missing or says something else.
        """
        found = self.text(name)
        if found != expected:
            raise UnusableAnswerError(f"{self.where} with {name} {found[:40]!r}, not {expected}")


@dataclass(frozen=True)
class Document:
    """One market document.

    Attributes:
        root: Its root.
        created: When this revision was made, UTC.
    """

    root: Node
    created: datetime

    @property
    def time_series(self) -> list[Node]:
        """Its time series."""
        return list(self.root.children("TimeSeries"))


def read_documents(content: bytes, document_type: str) -> list[Document]:
    """The documents of an answer, plain or zipped.

    Args:
        content: The answer.
        document_type: Code every document must carry, such as `A44`.

    Raises:
        NoDataError: If the platform has nothing for the question.
        TooMuchError: If it would be too much at once.
        UnusableAnswerError: If anything in it cannot be used.
    """
    if is_zip(content):
        return [_document(body, name, document_type) for name, body in zip_members(content)]
    return [_document(content, "the answer", document_type)]


def refuse(content: bytes, status: int) -> NoReturn:
    """Raise what a failed request's answer says.

    Raises:
        NoDataError: If the platform has nothing for the question.
        TooMuchError: If it would be too much at once.
        UnusableAnswerError: Otherwise, with the reason.
    """
    try:
        root = _root(content, "the answer")
    except UnusableAnswerError:
        root = None
    if root is not None and _is_acknowledgement(root):
        _refuse(_reason(root), f"HTTP {status}")
    shown = " ".join(content[:400].decode("utf-8", "replace").split())[:120]
    raise UnusableAnswerError(f"HTTP {status}: {shown}")


def _document(content: bytes, name: str, document_type: str) -> Document:
    root = _root(content, name)
    if _is_acknowledgement(root):
        _refuse(_reason(root), "a refusal")
    root.require("type", document_type)
    return Document(root, root.time("createdDateTime"))


def _refuse(reason: str, how: str) -> NoReturn:
    if _NO_DATA in reason:
        raise NoDataError
    if _TOO_MUCH.search(reason):
        raise TooMuchError(reason)
    raise UnusableAnswerError(f"{how}: {reason}")


def _root(content: bytes, name: str) -> Node:
    element = parse_xml(content, name)
    space, _, tag = element.tag.rpartition("}")
    space = f"{space}}}" if space else ""
    mrid = (element.findtext(f"{space}mRID") or "").strip()[:60]
    return Node(element, space, f"{tag[:60]} {mrid!r}")


def _is_acknowledgement(root: Node) -> bool:
    return root.element.tag.endswith("Acknowledgement_MarketDocument")


def _reason(root: Node) -> str:
    reasons = [
        f"{reason.optional('code')} {reason.optional('text')}" for reason in root.children("Reason")
    ]
    return " ".join("; ".join(reasons).split())[:300] or "no reason given"
