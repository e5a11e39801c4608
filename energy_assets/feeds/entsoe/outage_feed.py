"""The feeds of outage messages: those of the desk's own units, and all others of the area.

The window is one of issue times, the platform's question one of event times: events from 60 days
before the window to 400 days after it are asked for, and the platform narrows to messages made or
changed inside the window. Cancelled messages come with the others, withdrawn ones must be asked for
by status.

Not here: reading messages (`outages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from energy_assets.feeds.entsoe.documents import Document
from energy_assets.feeds.entsoe.outages import TABLE, outage_rows
from energy_assets.feeds.entsoe.platform import SOURCE, Platform, Question, blocks
from energy_assets.feeds.entsoe.xml_screen import UnusableAnswerError
from energy_assets.feeds.interface import Window, known, require_aware, typed_frame
from energy_assets.feeds.source_session import SourceUnavailableError
from energy_assets.lakehouse import Table, table
from energy_assets.market import Area

# entsoe-py's method for plants takes no offset; the general one below both does.
_METHOD = "_query_unavailability"
_QUESTIONS = tuple(
    Question("outages", _METHOD, kind, {"doctype": kind, "docstatus": status}, is_paged=True)
    for kind in ("A80", "A77")
    for status in (None, "A13")
)
_EVENTS_BEFORE = timedelta(days=60)
_EVENTS_AFTER = timedelta(days=400)
_HOUR = timedelta(hours=1)


class OutageMessages:
    """Outage messages of an area; the last answer is remembered, since two feeds share it."""

    def __init__(self, platform: Platform, area: Area) -> None:
        self._platform = platform
        self._area = area
        self._last: tuple[tuple[Window, datetime], pl.DataFrame] | None = None

    def made_in(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Rows by resource code of every message made or changed in the window.

        Args:
            window: Times of making or changing.
            as_of: When it is asked; a later question is asked anew.

        Raises:
            SourceUnavailableError: If the platform does not answer, or not usably.
        """
        if self._last is None or self._last[0] != (window, as_of):
            documents = [found for question in _QUESTIONS for found in self._ask(question, window)]
            try:
                rows = outage_rows(documents)
            except UnusableAnswerError as error:
                asked = f"outages made from {window.start.isoformat()}"
                raise SourceUnavailableError(SOURCE, asked, str(error)) from None
            self._last = ((window, as_of), rows)
        return self._last[1]

    def _ask(self, question: Question, window: Window) -> list[Document]:
        from pandas import Timestamp

        (updates,) = blocks(window, days=(window.end - window.start).days + 2)
        return self._platform.documents(
            question,
            self._area,
            window.widened(_EVENTS_BEFORE, _EVENTS_AFTER),
            periodstartupdate=Timestamp(updates.start),
            periodendupdate=Timestamp(updates.end),
        )


@dataclass(frozen=True)
class EntsoeOutageFeed:
    """Outage messages of one scope.

    Attributes:
        messages: Where they come from.
        scope: Market area, or the desk for messages about its own units.
        units: Name by resource code of the desk's units.
        is_own: Whether the feed serves those units, or everything else.
    """

    messages: OutageMessages
    scope: str
    units: Mapping[str, str]
    is_own: bool
    selection: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the feed."""
        return f"{SOURCE}.{'unit_outages' if self.is_own else 'outages'}"

    @property
    def source(self) -> str:
        """Source of the rows."""
        return SOURCE

    @property
    def table(self) -> Table:
        """Registry table of the rows."""
        return table(TABLE)

    def fetch(self, window: Window, as_of: datetime) -> pl.DataFrame:
        """Revisions issued in the window and before `as_of`.

        Raises:
            SourceUnavailableError: If the platform does not answer, or not usably.
        """
        require_aware("as_of", as_of)
        until = min(window.end, as_of + _HOUR)
        if until <= window.start:
            rows = outage_rows([])
        else:
            rows = self.messages.made_in(Window(window.start, until), as_of)
        codes = list(self.units)
        own = rows.filter(pl.col("unit").is_in(codes) == self.is_own)
        if self.is_own:
            named = pl.col("unit").replace_strict(dict(self.units), return_dtype=pl.String)
            own = own.with_columns(unit=named)
        frame = typed_frame(self.table, own, source=SOURCE, basis="published")
        return known(self.table, frame, window, as_of)
