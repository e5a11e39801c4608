"""What the outage sensor remembers between two looks, as its cursor.

Belongs here: that state and its text form. Not here: what is done about it (`sensor`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from pydantic import TypeAdapter, ValidationError

from energy_assets.curation.outage_news import OutageNews


@dataclass(frozen=True)
class Waiting:
    """A decision that is to be made again as soon as it can be.

    Attributes:
        desk: The desk.
        day: Its delivery day.
        news: The newest message that asks for it.
    """

    desk: str
    day: date
    news: OutageNews


@dataclass(frozen=True)
class Cursor:
    """State of the sensor.

    Attributes:
        version: Delta version of `raw.outages` last read; None before the first look.
        since: Time of writing of the newest row seen.
        seen: Marks of the rows of the minutes before.
        waiting: Decisions to be made again, at most one per desk and day.
    """

    since: datetime
    version: int | None = None
    seen: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    def wait_for(self, asked: Waiting) -> Cursor:
        """With one more decision to be made; of two for one desk and day the later news stays."""
        same = [w for w in self.waiting if (w.desk, w.day) == (asked.desk, asked.day)]
        latest = max([*same, asked], key=lambda w: (w.news.ingested_at, w.news.label))
        others = [w for w in self.waiting if w not in same]
        ordered = sorted([*others, latest], key=lambda w: (w.desk, w.day))
        return replace(self, waiting=tuple(ordered))

    def without(self, done: Waiting) -> Cursor:
        """With one decision less."""
        return replace(self, waiting=tuple(w for w in self.waiting if w != done))


_FORMAT = TypeAdapter(Cursor)


def to_text(cursor: Cursor) -> str:
    """The cursor as Dagster keeps it."""
    return _FORMAT.dump_json(cursor).decode()


def from_text(text: str | None, start: datetime) -> Cursor:
    """The cursor from its text; a fresh one where there is none or it is of another version.

    Args:
        text: What Dagster kept.
        start: From when on a fresh cursor looks for news.
    """
    if text:
        try:
            return _FORMAT.validate_json(text)
        except ValidationError:
            # An older release wrote it: news it was waiting for is found again from `start` on.
            pass
    return Cursor(since=start)
