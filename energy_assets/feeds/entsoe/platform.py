"""Questions to the Transparency Platform, asked through entsoe-py's client.

entsoe-py knows parameters and codes; `SourceSession` gives address, token, rate limit, retries and
raw answers. Only the request itself is replaced: the client would put the token in its debug log,
read refusals with a tolerant parser, and hand out text where the bytes say their encoding.

Long spans are cut into blocks (the platform refuses a year and more), more than a page of
documents is fetched by offset, and where even that is too much the span is halved. Pages are
counted in hundreds, the smallest page the platform has used: with larger pages some documents come
twice, and rows are made distinct by key afterwards.

Not here: reading documents (`documents`), what they mean (the modules beside this one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import requests
import yaml
from pydantic import RootModel

from energy_assets.errors import InputError
from energy_assets.feeds.access import Access
from energy_assets.feeds.entsoe.documents import (
    Document,
    NoDataError,
    TooMuchError,
    read_documents,
    refuse,
)
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.feeds.interface import Window
from energy_assets.feeds.source_session import Policy, SourceSession, SourceUnavailableError
from energy_assets.market import Area
from energy_assets.market.facts import Fact

SOURCE = "entsoe"
# 400 a minute is the platform's limit (unverified); it bans for minutes beyond it.
POLICY = Policy(requests_per_minute=380)
PAGE = 100
LAST_OFFSET = 4800
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Question:
    """One kind of question.

    Attributes:
        name: Name of the series, as in desk files and rules.
        method: Method of entsoe-py's raw client.
        document_type: Code its documents carry.
        options: Further arguments of the method.
        is_paged: Whether the method takes an offset.
        block_days: Longest span of one request.
    """

    name: str
    method: str
    document_type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    is_paged: bool = False
    block_days: int = 360


class Platform:
    """The platform as one desk reaches it; requests start with the first question.

    Args:
        access: Address, token and folder of raw answers.
        session: Session to use instead of its own (tests).
    """

    def __init__(self, access: Access, session: SourceSession | None = None) -> None:
        self._access = access
        self._session = session
        self._client: Any = None

    def documents(
        self, question: Question, area: Area, span: Window, **options: Any
    ) -> list[Document]:
        """Every document that answers a question for a span, oldest first.

        Args:
            question: What to ask.
            area: Market area.
            span: UTC span; widened to whole hours.
            options: Further arguments of the question's method.

        Raises:
            SourceUnavailableError: If the platform does not answer, or not usably.
        """
        found: list[Document] = []
        for code, part in domains(area, question.name, span):
            given = {**question.options, **options, "country_code": code}
            for block in blocks(part, question.block_days):
                found += self._block(question, block, given)
        return sorted(found, key=lambda document: document.created)

    def _block(
        self, question: Question, block: Window, options: Mapping[str, Any]
    ) -> list[Document]:
        """The documents of one block, all pages; halves it where there are too many."""
        try:
            return self._pages(question, block, options)
        except TooMuchError as error:
            if block.end - block.start <= _HOUR:
                asked = f"{question.name} from {block.start.isoformat()}"
                raise SourceUnavailableError(SOURCE, asked, str(error)) from None
        middle = _floor(block.start + (block.end - block.start) / 2)
        halves = (Window(block.start, middle), Window(middle, block.end))
        return [found for half in halves for found in self._block(question, half, options)]

    def _pages(
        self, question: Question, block: Window, options: Mapping[str, Any]
    ) -> list[Document]:
        """Page after page, until one is not full."""
        found: list[Document] = []
        last = b""
        for offset in range(0, LAST_OFFSET + PAGE, PAGE):
            paged = {**options, "offset": offset} if question.is_paged else options
            answer = self._ask(question, block, paged)
            if answer.content and answer.content == last:
                asked = f"{question.name}, offset {offset}"
                raise SourceUnavailableError(SOURCE, asked, "the page before it once more")
            page = _read(question, block, answer)
            found, last = found + page, answer.content
            if not question.is_paged or _size(page) < PAGE:
                return found
        raise TooMuchError(f"more than {LAST_OFFSET} documents")

    def _ask(
        self, question: Question, block: Window, options: Mapping[str, Any]
    ) -> requests.Response:
        from pandas import Timestamp

        client = self._open()
        method: Callable[..., Any] = getattr(client, question.method)
        method(start=Timestamp(block.start), end=Timestamp(block.end), **options)
        answer: requests.Response = client.answer
        return answer

    def _open(self) -> Any:
        if self._client is None:
            token = self._access.token(SOURCE)
            if not token:
                found = "no token in the settings (ENERGY_ASSETS_TOKENS)"
                raise SourceUnavailableError(SOURCE, "any question", found)
            session = self._session or SourceSession(
                SOURCE,
                self._access.endpoint(SOURCE),
                POLICY,
                secrets={"securityToken": token},
                raw_answers=self._access.raw_answers,
            )
            self._client = _client(session)
        return self._client


def blocks(span: Window, days: int) -> list[Window]:
    """The span in whole hours, cut into blocks of at most `days` days."""
    start, end = _floor(span.start), _ceiling(span.end)
    found = []
    while start < end:
        stop = min(start + timedelta(days=days), end)
        found.append(Window(start, stop))
        start = stop
    return found


def domains(area: Area, question: str, span: Window) -> list[tuple[str, Window]]:
    """EIC codes a question about an area is put for, each with its part of the span.

    Raises:
        InputError: If the area has no code entsoe-py knows.
    """
    from entsoe.mappings import lookup_area

    dated = _domains().root.get(area.code, {}).get(question)
    parts = [(area.eic, span)] if dated is None else _parts(dated, area, span)
    try:
        return [(str(lookup_area(code).code), part) for code, part in parts]
    except ValueError:
        where, found = f"areas/{area.code.lower()}.yaml: eic", parts[0][0]
        raise InputError(where, expected="a code the platform knows", found=found) from None


def _parts(dated: Fact[str], area: Area, span: Window) -> list[tuple[str, Window]]:
    """The span by the rows of a dated code; rows count by delivery day."""
    session, found = area.session(), []
    for row in dated.rows:
        start, end = span.start, span.end
        if row.valid_from > date.min:
            start = max(start, session.delivery_day(row.valid_from).start)
        if row.valid_to < date.max:
            end = min(end, session.delivery_day(row.valid_to).end)
        if start < end:
            found.append((row.value, Window(start, end)))
    return found


def _client(session: SourceSession) -> Any:
    from entsoe.entsoe import EntsoeRawClient

    class Client(EntsoeRawClient):  # type: ignore[misc, unused-ignore]
        """Asks through the session, which adds address and token, and keeps the whole answer."""

        def _base_request(self, params: Any, start: Any, end: Any) -> Any:
            span = {
                "periodStart": self._datetime_to_str(start),
                "periodEnd": self._datetime_to_str(end),
            }
            self.answer = self.session.get("", params={**params, **span})
            return self.answer

    return Client(api_key="", session=session)


def _read(question: Question, block: Window, answer: requests.Response) -> list[Document]:
    try:
        if not answer.ok:
            refuse(answer.content, answer.status_code)
        return read_documents(answer.content, question.document_type)
    except NoDataError:
        return []
    except UnusableAnswerError as error:
        asked = f"{question.name} from {block.start:%Y-%m-%dT%H:%MZ} to {block.end:%Y-%m-%dT%H:%MZ}"
        raise SourceUnavailableError(SOURCE, asked, str(error)) from None


def _size(page: list[Document]) -> int:
    """Items of a page, whichever of documents and time series the platform counts."""
    return max(len(page), sum(len(document.time_series) for document in page))


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _ceiling(moment: datetime) -> datetime:
    floor = _floor(moment)
    return floor if floor == moment else floor + _HOUR


class _Domains(RootModel[dict[str, dict[str, Fact[str]]]]):
    pass


@cache
def _domains() -> _Domains:
    path = files("energy_assets.feeds") / "rules" / "entsoe_domains.yaml"
    return _Domains.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
