"""News about outages of own units: which messages are new since a look, and which sessions to redo.

A message is news when any of its rows was written since the last look. Its newest revision counts,
with every span it names and every span the revision before it named: power that comes back changes
a day as much as power that goes. Rows written together, in any order and with equal times, are each
news once: a look remembers the rows of its last minutes by content, not only by time.

The session redone for a span is the next open one: of every delivery day it touches whose gate is
open and which can already be decided; if there is none, of the next day to come, if it is touched.

Belongs here: pure functions on rows of `raw.outages`. Not here: runs (`defs.outages`), what an
outage leaves of a unit (`outages`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from energy_assets.curation.outages import latest_revisions
from energy_assets.market import Session

# Writers stamp a row before they commit it, and commits of several writers overtake each other.
OVERLAP = timedelta(minutes=10)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class OutageNews:
    """A new or revised message.

    Attributes:
        message_id: The message.
        message_revision: Its newest revision.
        row_revision: Which version of that revision's rows, where a source corrected one.
        known_from: When a decision may know it.
        ingested_at: When its last row was written.
        spans: Times it touches, those of the revision before included.
    """

    message_id: str
    message_revision: int
    row_revision: int
    known_from: datetime
    ingested_at: datetime
    spans: tuple[Span, ...]

    @property
    def label(self) -> str:
        """Message and revision, for people and run keys."""
        correction = f".{self.row_revision}" if self.row_revision > 1 else ""
        return f"{self.message_id}/{self.message_revision}{correction}"


def outage_news(
    rows: pl.DataFrame, units: Collection[str], since: datetime, seen: Collection[str]
) -> list[OutageNews]:
    """Messages with rows written since a look, in the order they were written.

    Args:
        rows: Every stored row of `raw.outages` of a desk.
        units: Units of the desk; messages about others are no news.
        since: Time of writing of the newest row of the last look.
        seen: Marks of the rows it saw (`marks`).
    """
    own = rows.filter(pl.col("unit").is_in(list(units))).with_columns(mark=_mark())
    is_new = (pl.col("ingested_at") > since - OVERLAP) & ~pl.col("mark").is_in(list(seen))
    fresh = own.filter(is_new)
    before = own.filter(~is_new).join(fresh.select("message_id"), on="message_id", how="semi")
    found = []
    for (message_id,), group in fresh.group_by("message_id", maintain_order=True):
        newest = latest_revisions(group).sort("revision", "ingested_at")
        told = latest_revisions(before.filter(pl.col("message_id") == message_id))
        spans = pl.concat([group, told]).select("event_start", "event_end").unique().sort(pl.all())
        found.append(
            OutageNews(
                message_id=str(message_id),
                message_revision=newest["message_revision"][-1],
                row_revision=newest["revision"][-1],
                known_from=max(newest["knowledge_time"]),
                ingested_at=max(newest["ingested_at"]),
                spans=tuple(spans.iter_rows()),
            )
        )
    return sorted(found, key=lambda news: (news.ingested_at, news.label))


def marks(rows: pl.DataFrame, since: datetime) -> list[str]:
    """Marks of the rows a next look may see again, given the newest row's time of writing."""
    recent = rows.filter(pl.col("ingested_at") > since - OVERLAP)
    return recent.select(_mark().unique().sort()).to_series().to_list()


def sessions_to_redo(
    session: Session, spans: Sequence[Span], now: datetime, last: date, notice: timedelta
) -> list[date]:
    """Delivery days whose decision is to be made again.

    Args:
        session: Gives days and gates.
        spans: Times touched.
        now: The time.
        last: Last delivery day that can be decided yet; the day after it is the next to come.
        notice: A gate nearer than this counts as closed.
    """
    open_days = []
    label = last + timedelta(days=1)
    while session.gate_closure(label) - notice >= now:
        open_days.append(label)
        label -= timedelta(days=1)
    touched = [day for day in reversed(open_days) if _is_touched(session, spans, day)]
    return [day for day in touched if day <= last] or touched


def _is_touched(session: Session, spans: Sequence[Span], label: date) -> bool:
    day = session.delivery_day(label)
    return any(start < day.end and end > day.start for start, end in spans)


def _mark() -> pl.Expr:
    return pl.format("{}.{}", pl.col("content_hash"), pl.col("revision")).alias("mark")
