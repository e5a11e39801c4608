"""Outages of own units that the desk knows of and the market does not.

REMIT (Regulation (EU) No 1227/2011) Art. 3 and 4: whoever holds inside information may not trade on
it before it is published. A message is not public while `published_at` of its latest revision is
empty or still ahead. What that revision changes is inside information: the time it names and the
time the last public revision named, so an earlier return of a unit counts as well as its outage. A
draft withdrawn before anybody was told of it is none.

Belongs here: which messages those are, for the record of a bid run. Not here: what follows from it
(governance), availability (`outages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from energy_assets.curation.outages import OUTAGES, latest_revisions, touches
from energy_assets.lakehouse.point_in_time import PointInTime
from energy_assets.market import DeliveryDay
from energy_assets.portfolio import Desk


@dataclass(frozen=True, order=True)
class UnpublishedOutage:
    """A message about an own unit that is not public.

    Attributes:
        unit: Unit of the desk.
        message_id: The message.
        message_revision: Its latest revision, the one not public.
        published_at: When the market will be told; None while not decided.
    """

    unit: str
    message_id: str
    message_revision: int
    published_at: datetime | None

    def __str__(self) -> str:
        told = "no time set" if self.published_at is None else self.published_at.isoformat()
        return f"{self.unit}: {self.message_id} revision {self.message_revision} ({told})"


def unpublished(known: PointInTime, desk: Desk, day: DeliveryDay) -> list[UnpublishedOutage]:
    """Messages about own units and a delivery day that are not public at the decision, by unit."""
    units = [unit.name for unit in desk.units]
    rows = known.as_of(OUTAGES, scope=desk.name).filter(pl.col("unit").is_in(units))
    hidden = is_hidden(known.decision_time)
    secret = latest_revisions(rows).filter(hidden)
    told = rows.join(secret.select("message_id").unique(), on="message_id", how="semi")
    told = latest_revisions(told.filter(~hidden))
    changed = pl.concat([secret, told]).filter(pl.col("event_status") == "active")
    concerned = touches(changed, day.start, day.end)["message_id"]
    found = {
        UnpublishedOutage(
            row["unit"], row["message_id"], row["message_revision"], row["published_at"]
        )
        for row in secret.filter(pl.col("message_id").is_in(concerned.implode())).iter_rows(
            named=True
        )
    }
    return sorted(found, key=lambda each: (each.unit, each.message_id))


def is_hidden(at: datetime) -> pl.Expr:
    """Whether a row of `raw.outages` is not public at a time."""
    return pl.col("published_at").is_null() | (pl.col("published_at") > at)


def unpublished_note(found: Sequence[UnpublishedOutage]) -> str:
    """One line for the record of a bid run; empty where there is none."""
    return "unpublished outages: " + "; ".join(map(str, found)) if found else ""
